// Attention that looks only at the keys that weigh something, and rows by the weights that are not 0, beside the dense kernels on the same
// input, with equal results: build/release/benchmarks/routed_benchmark

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/core.h>
#include <sys/resource.h>

#include "mpc/error.h"
#include "mpc/hash.h"
#include "mpc/ranks.h"

#include "protocols/oracle/union_find.h"

#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/programs/components.h"
#include "transformer_bridge/transformer/program.h"
#include "transformer_bridge/transformer/routed_program.h"

#include "bench/benchmarks/contest.h"
#include "bench/benchmarks/random_edges.h"

namespace {

using bridge::Matrix;

constexpr int repetitions = 3;

void expect(bool holds, const std::string& what) {
  if (!holds) throw mpc::Fault(what);
}

/// Each dense row beside the routed one of as many threads.
std::unique_ptr<Contest> finished(std::unique_ptr<Contest> contest, const std::vector<std::string>& dense,
                                  const std::vector<std::string>& routed) {
  for (std::size_t i = 0; i < dense.size(); ++i) contest->row(dense[i], {{"routed", {routed[i]}}});
  for (const auto& row : routed) contest->row(row);
  contest->register_rows(benchmark::kMillisecond);
  return contest;
}

// ---- One head --------------------------------------------------------------------------------------------------------------------

/// n tokens; codes of k columns, each that of `matches` keys.
struct Codes {
  std::size_t n, k, matches;
  Matrix<float> queries{n, k}, keys{n, k}, values{n, k}, out{n, k};
  bridge::TokenTiles<float> query_tiles{n, k}, key_tiles{n, k}, value_tiles{n, k}, out_tiles{n, k};
  std::unique_ptr<bridge::Kernels<float>> kernels[2] = {bridge::cpu_kernels<float>(1), bridge::cpu_kernels<float>(2)};
  std::unique_ptr<bridge::cpu::ThreadPool> pools[2] = {std::make_unique<bridge::cpu::ThreadPool>(1),
                                                       std::make_unique<bridge::cpu::ThreadPool>(2)};
  bridge::RoutedAttention<float> attention[2] = {{*pools[0], [this]() -> const bridge::Kernels<float>& { return *kernels[0]; }},
                                                 {*pools[1], [this]() -> const bridge::Kernels<float>& { return *kernels[1]; }}};
  bridge::RoutedRows<float> found;

  Codes(std::size_t n_, std::size_t k_, std::size_t matches_) : n(n_), k(k_), matches(matches_) {
    for (std::size_t i = 0; i < n; ++i) {
      const auto key = mpc::mix(i % (n / matches)), query = mpc::mix(mpc::mix(i) % (n / matches));
      for (std::size_t c = 0; c < k; ++c) {
        keys(i, c) = (key >> c % 64 & 1) != 0 ? 1.0F : -1.0F;
        queries(i, c) = (query >> c % 64 & 1) != 0 ? 1.0F : -1.0F;
        values(i, c) = static_cast<float>(mpc::mix(i * k + c) & 1);
      }
    }
    const auto put = [&](const Matrix<float>& rows, bridge::TokenTiles<float>& tiles) {
      for (std::size_t i = 0; i < tiles.tiles(); ++i) {
        bridge::put_rows(rows.values().data() + i * bridge::tile_tokens * k, bridge::tokens_in(i, n), k, tiles.tile(i));
      }
    };
    put(queries, query_tiles);
    put(keys, key_tiles);
    put(values, value_tiles);
  }

  void dense(std::size_t threads) {
    kernels[threads - 1]->attention({n, n, k, k}, queries.values(), keys.values(), values.values(), {}, 64, out.values());
  }
  bridge::RoutedCounts routed(std::size_t threads) {
    const auto source = [](const bridge::TokenTiles<float>& tiles) -> bridge::TileSource<float> {
      return [&tiles](std::size_t tile, float*) { return tiles.tile(tile); };
    };
    bridge::RoutedHead<float> head;
    head.n = head.t = n;
    head.k = head.v = k;
    head.queries = source(query_tiles);
    head.keys = source(key_tiles);
    head.values = source(value_tiles);
    head.scale = 64;
    const auto counts = attention[threads - 1].run(head, found);
    pools[threads - 1]->run(out_tiles.tiles(), [&](std::size_t i) { found.put(i, bridge::tokens_in(i, n), out_tiles.tile(i)); });
    return counts;
  }
  void check() {
    dense(2);
    expect(routed(2).fallbacks == 0, "one head: expected a proof for every query");
    std::vector<float> row(bridge::tile_tokens * k);
    for (std::size_t i = 0; i < out_tiles.tiles(); ++i) {
      const auto count = bridge::tokens_in(i, n);
      bridge::take_rows(static_cast<const float*>(out_tiles.tile(i)), count, k, row.data());
      const auto want = out.values().subspan(i * bridge::tile_tokens * k, count * k);
      expect(std::ranges::equal(want, std::span(row).first(count * k)), "one head: expected the dense kernel's bits");
    }
  }
};

std::unique_ptr<Contest> attention(mpc::Ranks& ranks, std::size_t matches) {
  constexpr std::size_t n = 20480, k = 64;
  return finished(
      std::make_unique<Contest>(ranks, fmt::format("attention/{}x{}_{}_matches", n, k, matches), static_cast<double>(n), repetitions,
                                [=](Contest& self) {
                                  const auto codes = std::make_shared<Codes>(n, k, matches);
                                  codes->check();
                                  for (const std::size_t threads : {std::size_t{1}, std::size_t{2}}) {
                                    const std::string suffix = threads == 1 ? "" : "_2_threads";
                                    self.add("dense" + suffix, [=] { codes->dense(threads); });
                                    self.add("routed" + suffix, [=] { codes->routed(threads); });
                                  }
                                }),
      {"dense", "dense_2_threads"}, {"routed", "routed_2_threads"});
}

// ---- Components ------------------------------------------------------------------------------------------------------------------

struct Graph {
  std::size_t n;
  std::vector<protocols::Edge> edges;
  bridge::Transformer<float> transformer;
  Matrix<float> x, out;
  bridge::RoutedProgram<float> routed;
  std::unique_ptr<bridge::Kernels<float>> kernels = bridge::cpu_kernels<float>(2);
  bridge::Program<float> dense;

  Graph(std::size_t n_, std::vector<protocols::Edge> edges_, std::size_t layers)
      : n(n_),
        edges(std::move(edges_)),
        transformer(bridge::converted<float>(bridge::components(n, layers / 2, bridge::NumberType::f32).transformer)),
        x(bridge::components_tokens<float>(n, edges)),
        routed(transformer, 2),
        dense(transformer, *kernels) {}

  void run_routed() {
    out = routed.forward(x);
    expect(routed.statistics().attention.fallbacks == 0, "components: expected a proof for every query");
    expect(bridge::components_labels(n, out) == protocols::oracle::component_labels(n, edges),
           "components: expected the labels of union-find");
  }
};

/// Forward passes on two threads; `beside`: of the dense program too.
std::unique_ptr<Contest> forward(mpc::Ranks& ranks, const std::string& name, std::size_t n, const std::vector<protocols::Edge>& edges,
                                 std::size_t layers, bool beside) {
  const auto tokens = n + 2 * edges.size();
  return finished(
      std::make_unique<Contest>(
          ranks, fmt::format("components_{}/{}_tokens_{}_layers", name, tokens, layers), static_cast<double>(tokens), repetitions,
          [=](Contest& self) {
            const auto graph = std::make_shared<Graph>(n, edges, layers);
            graph->run_routed();
            rusage used{};
            getrusage(RUSAGE_SELF, &used);
            const auto& took = graph->routed.statistics();
            fmt::print(stderr,
                       "components_{}: rows {:.3f} s, attention {:.3f} s, {} of {} queries different, {} weights; up to {:.2f} GiB\n", name,
                       took.row_seconds, took.attention_seconds, took.attention.distinct, took.attention.queries, took.nonzeros,
                       static_cast<double>(used.ru_maxrss) / (1 << 20));
            if (beside) {
              self.add("dense", [=] { expect(graph->dense.forward(graph->x) == graph->out, "components: expected equal rows"); });
            }
            self.add("routed", [=] { graph->out = graph->routed.forward(graph->x); });
          }),
      beside ? std::vector<std::string>{"dense"} : std::vector<std::string>{}, {"routed"});
}

}  // namespace

int main(int argc, char** argv) {
  mpc::SingleRank ranks;
  try {
    fmt::print(stderr, "{}\n", bridge::cpu_kernels<float>(2)->describe());
    std::vector<std::unique_ptr<Contest>> contests;
    for (const std::size_t matches : {1U, 4U, 16U}) contests.push_back(attention(ranks, matches));
    contests.push_back(forward(ranks, "er", 4096, random_graphs::edges(4096, 8192, 1), 24, true));
    contests.push_back(forward(ranks, "connected", 4096, random_graphs::connected(4096, 8192, 1), 24, true));
    const std::size_t large = std::size_t{1} << 18;
    contests.push_back(forward(ranks, "er", large, random_graphs::edges(large, 3 * large / 2, 1), 36, false));
    contests.push_back(forward(ranks, "connected", large, random_graphs::connected(large, 3 * large / 2, 1), 36, false));
    return run_benchmarks(argc, argv, true);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(mpc::Exit::fault);
  }
}
