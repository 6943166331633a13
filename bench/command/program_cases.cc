#include "bench/command/program_cases.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/hash.h"
#include "mpc/model.h"

#include "protocols/graph/generators.h"
#include "protocols/oracle/hops.h"
#include "protocols/oracle/union_find.h"

#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/programs/hops.h"
#include "transformer_bridge/programs/induction.h"
#include "transformer_bridge/transformer/program.h"

namespace roundtrip {
namespace {

using bridge::CompiledModel;
using bridge::Matrix;
using bridge::NumberType;
using bridge::Transformer;
using protocols::Edge;

constexpr auto none = std::numeric_limits<std::uint64_t>::max();

void count_model(ProgramRow& row, const CompiledModel& model) {
  row.layers = model.transformer.layers().size();
  row.most_width = std::max<std::uint64_t>(row.most_width, model.transformer.width());
  row.exact = row.exact && bridge::certify(model, NumberType::f32).exact;
}

std::uint64_t alphabets(const HopsCheck& check) { return check.most_symbols - check.least_symbols + 1; }

std::vector<std::uint64_t> sequence_of(const HopsCheck& check, std::uint64_t index) {
  const auto symbols = check.least_symbols + index % alphabets(check);
  const auto key = mpc::mix(mpc::mix(check.seed) + index);
  std::vector<std::uint64_t> sequence;
  for (std::uint64_t i = 0; i < check.positions; ++i) sequence.push_back(mpc::mix(key + i) % symbols);
  return sequence;
}

/// An answer that is not even one counts as wrong.
bool right_answers(const HopsCheck& check, std::uint64_t symbols, std::uint64_t k, const std::vector<std::uint64_t>& sequence,
                   const Matrix<float>& y) {
  try {
    return bridge::hops_answers(check.positions, symbols, y, none) == protocols::oracle::hops(sequence, k, none);
  } catch (const mpc::Fault&) {
    return false;
  }
}

/// The last layer of a transformer.
Transformer<float> last_layer(const Transformer<float>& transformer) {
  return Transformer<float>(transformer.tokens(), transformer.width(), {transformer.layers().back()});
}

// ---- Graphs ---------------------------------------------------------------------------------------------------------------------

/// About n vertices and O(n) edges of every kind that can be generated; n is a power of 4.
std::vector<std::string> graph_texts(std::uint64_t n) {
  std::uint64_t root = 1;
  while (root * root < n) root *= 2;
  return {fmt::format("cycle:{}", n),
          fmt::format("two-cycles:{}", n),
          fmt::format("path:{}", n),
          fmt::format("shuffled-path:{}", n),
          fmt::format("grid:{}x{}", root, root),
          fmt::format("star:{}", n),
          fmt::format("hubs:{},{}", root - 1, root),
          fmt::format("caterpillar:{},3", n / 4),
          fmt::format("tree:{}", n),
          fmt::format("pairs:{}", n / 2),
          fmt::format("cliques:{},4", n / 4),
          fmt::format("lollipop:{},{}", root, n - root),
          fmt::format("barbell:{},{}", root / 2, n - root),
          fmt::format("er:{},{}", n, n),
          fmt::format("small-world:{},4,0.1", n),
          fmt::format("power-law:{},{}", n, n),
          fmt::format("rmat:{},1", mpc::ceil_log(2, n))};
}

struct Graph {
  std::uint64_t n = 0;
  std::vector<Edge> edges;
};

Graph graph_of(const std::string& text, std::uint64_t index, std::uint64_t seed) {
  const auto spec = protocols::GraphSpec::parse(text, seed + index);
  Graph graph{spec->vertices(), {}};
  const mpc::PublicPermutation permuted(graph.n, mpc::mix(seed) + index);
  for (std::uint64_t k = 0; k < spec->edges(); ++k) {
    const auto [u, v] = spec->edge(k);
    graph.edges.push_back(index == 0 ? Edge{u, v} : Edge{permuted(u), permuted(v)});
  }
  return graph;
}

}  // namespace

Executor dense_executor(std::size_t threads) {
  const std::shared_ptr<bridge::Kernels<float>> kernels = bridge::cpu_kernels<float>(threads);
  return [kernels](const Transformer<float>& transformer, const Matrix<float>& x) {
    return bridge::Program<float>(transformer, *kernels).forward(x);
  };
}

std::vector<ProgramRow> check_hops(const HopsCheck& check, const Executor& executor) {
  std::vector<ProgramRow> rows(check.most_hops);
  for (std::uint64_t k = 1; k <= check.most_hops; ++k) {
    rows[k - 1].program = "hops";
    rows[k - 1].input = fmt::format("k {}, {} positions, {} to {} symbols", k, check.positions, check.least_symbols, check.most_symbols);
    rows[k - 1].most_tokens = check.positions;
  }
  for (std::uint64_t alphabet = 0; alphabet < std::min(alphabets(check), check.sequences); ++alphabet) {
    const auto symbols = check.least_symbols + alphabet;
    std::vector<Transformer<float>> whole, last;
    for (std::uint64_t k = 1; k <= check.most_hops; ++k) {
      const auto model = bridge::hops(k, check.positions, symbols, NumberType::f32);
      count_model(rows[k - 1], model);
      whole.push_back(bridge::converted<float>(model.transformer));
      last.push_back(last_layer(whole.back()));
    }
    for (auto index = alphabet; index < check.sequences; index += alphabets(check)) {
      const auto sequence = sequence_of(check, index);
      const auto tokens = bridge::hops_tokens<float>(check.positions, symbols, sequence);
      std::vector<Matrix<float>> after(check.most_hops);  // k hops
      for (std::uint64_t k = 1; k <= check.most_hops; ++k) {
        auto& y = after[k - 1];
        const bool share = !check.whole && k != 1;
        y = share ? executor(last[k - 1], after[(k + 1) / 2 - 1]) : executor(whole[k - 1], tokens);
        bool right = right_answers(check, symbols, k, sequence, y);
        if (share && index < alphabets(check)) right = right && executor(whole[k - 1], tokens) == y;
        ++rows[k - 1].cases;
        if (!right) ++rows[k - 1].wrong;
      }
    }
  }
  return rows;
}

ProgramRow check_induction(const HopsCheck& check, const Executor& executor) {
  ProgramRow row;
  row.program = "induction";
  row.input = fmt::format("{} positions, {} to {} symbols", check.positions, check.least_symbols, check.most_symbols);
  row.most_tokens = check.positions;
  for (std::uint64_t alphabet = 0; alphabet < std::min(alphabets(check), check.sequences); ++alphabet) {
    const auto symbols = check.least_symbols + alphabet;
    const auto model = bridge::induction(check.positions, symbols, NumberType::f32);
    count_model(row, model);
    const auto transformer = bridge::converted<float>(model.transformer);
    for (auto index = alphabet; index < check.sequences; index += alphabets(check)) {
      const auto sequence = sequence_of(check, index);
      const auto y = executor(transformer, bridge::hops_tokens<float>(check.positions, symbols, sequence));
      ++row.cases;
      if (!right_answers(check, symbols, 1, sequence, y)) ++row.wrong;
    }
  }
  return row;
}

std::vector<ProgramRow> check_components(const ComponentsCheck& check, const Executor& executor) {
  std::vector<ProgramRow> rows;
  for (const auto vertices : check.vertices) {
    for (const auto& text : graph_texts(vertices)) {
      auto& row = rows.emplace_back();
      row.program = check.rule == bridge::ComponentsRule::contract ? "components" : "components (shortcut)";
      row.input = text;
      // Of one family all graphs have the same numbers of vertices and edges, and so one model.
      std::optional<Transformer<float>> transformer;
      for (std::uint64_t index = 0; index < check.graphs; ++index) {
        const auto [n, edges] = graph_of(text, index, check.seed);
        if (!transformer) {
          const auto blocks = mpc::ceil_log(2, std::max<std::uint64_t>(n, 2)) + check.more_blocks;
          const auto model = bridge::components(n, blocks, NumberType::f32, check.rule, edges.size());
          count_model(row, model);
          transformer = bridge::converted<float>(model.transformer);
        }
        const auto tokens = bridge::components_tokens<float>(n, edges);
        row.most_tokens = std::max<std::uint64_t>(row.most_tokens, tokens.rows());
        ++row.cases;
        try {
          const auto labels = bridge::components_labels(n, executor(*transformer, tokens));
          if (labels == protocols::oracle::component_labels(n, edges)) continue;
          ++row.wrong;
          bridge::ComponentsSteps steps(n, edges, check.rule);
          while (steps.layers() < row.layers) steps.layer();
          if (labels == steps.labels() && !bridge::labels_settled(labels, edges)) ++row.unsettled;
        } catch (const mpc::Fault&) {
          ++row.wrong;
        }
      }
    }
  }
  return rows;
}

}  // namespace roundtrip
