#include "transformer_bridge/simulate/simulate.h"

#include <algorithm>
#include <span>
#include <vector>

#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/simulate/part_rows.h"
#include "transformer_bridge/simulate/pieces.h"
#include "transformer_bridge/simulate/staging.h"

namespace bridge {
namespace {

using Kind = Role::Kind;

/// The protocol, with rows in pieces of `down` words on their way down the trees, and of `up` words on their way up. A round in which
/// machines compute has three parts: what they received is put side by side, the kernels run for all machines of the rank at once, and
/// every machine sends its own.
template <class Real, std::size_t down, std::size_t up>
class Simulation {
 public:
  Simulation(Program<Real>& program, const AttentionTrees& trees, const Matrix<Real>& x, mpc::Cluster& cluster,
             const SimulateOptions& options)
      : program_(program),
        trees_(trees),
        x_(x),
        cluster_(cluster),
        options_(options),
        here_(cluster.machines_here()),
        tokens_here_(here(0, trees.blocks())),
        pairs_here_(here(trees.blocks(), trees.blocks() * trees.blocks())) {}

  OutputPart<Real> run() {
    const auto last = program_.layers() - 1;
    const auto input = deal_input(cluster_, x_, [&](std::size_t row) { return row / trees_.block_tokens(); });
    auto going_down = begin_layer(0, input);
    for (std::size_t layer = 0;; ++layer) {
      for (std::uint64_t depth = 1; depth < trees_.depth(); ++depth) going_down = pass_down(layer, depth, going_down);
      auto going_up = multiply(layer, going_down);
      for (std::uint64_t depth = trees_.depth() - 1; depth > 0; --depth) going_up = pass_up(layer, depth, going_up);
      if (layer == last) return deal_output(going_up);
      going_down = begin_layer(layer + 1, going_up);
    }
  }

 private:
  using Down = Piece<down>;
  using Up = Piece<up>;

  /// Numbers of several machines, one after the other.
  struct Numbers {
    std::vector<Real> all;
    std::vector<std::size_t> starts{0};

    void clear() {
      all.clear();
      starts.assign(1, 0);
    }
    template <class Inbox>
    void append(const Inbox& inbox) {
      for (const auto& [source, message] : inbox) {
        for (const auto number : message.values) all.push_back(static_cast<Real>(number));
      }
      starts.push_back(all.size());
    }
    std::span<const Real> of(std::size_t i) const { return std::span(all).subspan(starts[i], starts[i + 1] - starts[i]); }
  };

  // ---- Where things are --------------------------------------------------------------------------------------------------------

  /// Those of this rank among machines first..first + count - 1.
  mpc::MachineBlock here(std::uint64_t first, std::uint64_t count) const {
    const auto from = std::max(first, here_.first), to = std::min(first + count, here_.first + here_.count);
    return {from, to > from ? to - from : 0};
  }
  std::size_t first_token(std::uint64_t block) const {
    return std::min(static_cast<std::size_t>(block * trees_.block_tokens()), x_.rows());
  }
  std::size_t tokens_of(std::uint64_t block) const { return first_token(block + 1) - first_token(block); }
  std::uint64_t child(Kind tree, std::uint64_t block, std::uint64_t depth, std::uint64_t place) const {
    if (depth < trees_.depth()) return trees_.machine({tree, block, depth, place});
    return tree == Kind::query ? trees_.machine({Kind::pair, block, 0, place}) : trees_.machine({Kind::pair, place, 0, block});
  }
  /// Of a node of a query tree, or of a pair, which is at depth D.
  std::uint64_t parent(std::uint64_t block, std::uint64_t depth, std::uint64_t place) const {
    return depth == 1 ? trees_.machine({Kind::token, block, 0, 0})
                      : trees_.machine({Kind::query, block, depth - 1, place / trees_.fan_out()});
  }
  template <class Send>
  void for_each_child(Kind tree, const Role& node, Send&& send) const {
    const auto count = trees_.children(node.depth, node.place);
    for (std::uint64_t c = 0; c < count; ++c) send(child(tree, node.block, node.depth + 1, node.place * trees_.fan_out() + c));
  }

  // ---- Rounds in which machines compute ----------------------------------------------------------------------------------------

  /// One round: collect(me, inbox) on every machine, then compute(i, n) for machines i..i + n - 1 of the `count` ones of this rank that
  /// compute, then send(me, inbox, out, one) on every machine, where one(i) must be called before what machine i computed is read.
  template <class Out, class In, class Collect, class Compute, class Send>
  mpc::Inboxes<Out> computing_round(const mpc::Inboxes<In>& inboxes, Collect&& collect, const std::size_t& count, Compute&& compute,
                                    Send&& send) {
    cluster_.local(inboxes, collect);
    bool done = false;
    if (options_.evaluation == Evaluation::together) {
      try {
        compute(std::size_t{0}, count);
        done = true;
      } catch (const std::exception&) {
        // The machine that is the cause throws it again in its own step, which names it, and all ranks learn of it.
      }
    }
    return cluster_.template round<Out>(inboxes, [&](const auto& me, const auto& inbox, auto& out) {
      send(me, inbox, out, [&](std::size_t i) {
        if (!done) compute(i, std::size_t{1});
      });
    });
  }

  /// Token machines end the layer before, and begin this one.
  template <class In>
  mpc::Inboxes<Down> begin_layer(std::size_t layer, const mpc::Inboxes<In>& inboxes) {
    const auto scope = cluster_.scope(fmt::format("layer {}: down", layer));
    const auto& columns = program_.columns(layer);
    const auto width = program_.transformer().width();
    const auto total = tokens_on_rank();
    rows_.resize(total * width);
    projected_.resize(total * columns.projected());
    const auto compute = [&](std::size_t i, std::size_t n) {
      const auto tokens = range(i, n);
      const auto at = tokens.first - first_token(tokens_here_.first);
      const auto before = layer == 0 ? given_rows(i, n) : ended_rows(layer - 1, i, n);
      const auto rows = rows_.device().subspan(at * width, tokens.count * width);
      const auto projected = projected_.device().subspan(at * columns.projected(), tokens.count * columns.projected());
      program_.begin(layer, tokens, before, rows);
      program_.project(layer, tokens, rows, projected);
      rows_.to_host(at * width, rows.size());
      projected_.to_host(at * columns.projected(), projected.size());
    };
    return computing_round<Down>(
        inboxes, [&](const auto& me, const auto& inbox) { collect_at_token(me, inbox); }, tokens_here_.count, compute,
        [&](const auto& me, const auto&, auto& out, const auto& one) {
          const auto block = me.id().value;
          if (block >= trees_.blocks()) return;
          one(block - tokens_here_.first);
          const auto at = first_token(block) - first_token(tokens_here_.first), n = tokens_of(block);
          send_numbers<down, Real>(out, block, rows_.host().subspan(at * width, n * width));
          // Row by row: all queries, or all keys and values.
          const auto send_columns = [&](Kind tree, std::size_t first, std::size_t count) {
            for_each_child(tree, {Kind::token, block, 0, 0}, [&](std::uint64_t to) {
              for (std::size_t i = at; i < at + n; ++i) {
                send_numbers<down, Real>(out, to, projected_.host().subspan(i * columns.projected() + first, count));
              }
            });
          };
          send_columns(Kind::query, 0, columns.queries);
          send_columns(Kind::key_value, columns.queries, columns.keys_values());
        });
  }

  /// Nodes of this depth send what they received to their children.
  mpc::Inboxes<Down> pass_down(std::size_t layer, std::uint64_t depth, const mpc::Inboxes<Down>& inboxes) {
    const auto scope = cluster_.scope(fmt::format("layer {}: down", layer));
    return cluster_.template round<Down>(inboxes, [&](const auto& me, const auto& inbox, auto& out) {
      const auto role = trees_.role(me.id().value);
      if (role.kind == Kind::token) return keep_own(role.block, inbox, out);
      if (role.kind == Kind::pair || role.depth != depth) return;
      for_each_child(role.kind, role, [&](std::uint64_t to) {
        for (const auto& [source, message] : inbox) out.send(to, message);
      });
    });
  }

  /// Pairs multiply, and send partials to their parents.
  mpc::Inboxes<Up> multiply(std::size_t layer, const mpc::Inboxes<Down>& inboxes) {
    const auto scope = cluster_.scope(fmt::format("layer {}: up", layer));
    const auto& columns = program_.columns(layer);
    const auto block = static_cast<std::size_t>(trees_.block_tokens());
    const auto count = static_cast<std::size_t>(pairs_here_.count);
    queries_.resize(count * block * columns.queries);
    keys_values_.resize(count * block * columns.keys_values());
    parts_.resize(count * block * columns.parts);
    pairs_.resize(count);
    const auto pair_of = [&](const auto& me) { return static_cast<std::size_t>(me.id().value - pairs_here_.first); };
    const auto collect = [&](const auto& me, const auto& inbox) {
      if (me.id().value - trees_.blocks() >= trees_.blocks() * trees_.blocks()) return;
      const auto role = trees_.role(me.id().value);
      const auto p = pair_of(me);
      pairs_[p] = {static_cast<std::uint32_t>(tokens_of(role.block)), static_cast<std::uint32_t>(tokens_of(role.place)),
                   first_token(role.block), first_token(role.place)};
      // Queries come from the query tree of the pair's first block, keys and values from the other tree of its second; a machine that
      // sends both sends the queries first.
      const auto asker = parent(role.block, trees_.depth(), role.place);
      auto* query = queries_.host().data() + p * block * columns.queries;
      auto* key_value = keys_values_.host().data() + p * block * columns.keys_values();
      const auto* queries_end = query + pairs_[p].queries * columns.queries;
      for (const auto& [source, message] : inbox) {
        auto*& to = source.value == asker && query != queries_end ? query : key_value;
        to = take_numbers(message, to);
      }
    };
    // A batch of pairs is laid out group by group over all its pairs, so pairs one by one have parts of their own.
    const auto compute = [&](std::size_t p, std::size_t n) {
      const auto in = [&](Staging<Real>& staging, std::size_t each) {
        staging.to_device(p * block * each, n * block * each);
        return staging.device().subspan(p * block * each, n * block * each);
      };
      const auto parts = parts_.device().subspan(p * block * columns.parts, n * block * columns.parts);
      program_.attend_blocks(layer, block, options_.shown, std::span(pairs_).subspan(p, n), in(queries_, columns.queries),
                             in(keys_values_, columns.keys_values()), parts);
      parts_.to_host(p * block * columns.parts, parts.size());
      batch_ = {p, n};
    };
    std::vector<Real> own;
    return computing_round<Up>(inboxes, collect, count, compute, [&](const auto& me, const auto& inbox, auto& out, const auto& one) {
      const auto role = trees_.role(me.id().value);
      if (role.kind == Kind::token) {
        for (const auto& [source, message] : inbox) send_numbers<up, double>(out, role.block, message.values);
        return;
      }
      if (role.kind != Kind::pair) return;
      const auto p = pair_of(me);
      one(p);
      const auto n = tokens_of(role.block);
      own.resize(n * columns.parts);
      const auto parts = parts_.host().subspan(batch_.first * block * columns.parts, batch_.count * block * columns.parts);
      take_part_rows<Real>(program_.groups(layer), parts, batch_.count * block, (p - batch_.first) * block, n, own);
      send_numbers<up, Real>(out, parent(role.block, trees_.depth(), role.place), own);
    });
  }

  /// Nodes of the query trees of this depth merge what their children sent, and send it to their parents.
  mpc::Inboxes<Up> pass_up(std::size_t layer, std::uint64_t depth, const mpc::Inboxes<Up>& inboxes) {
    const auto scope = cluster_.scope(fmt::format("layer {}: up", layer));
    std::vector<std::uint64_t> blocks;  // of the nodes of this rank that have children
    received_.clear();
    const auto collect = [&](const auto& me, const auto& inbox) {
      if (inbox.empty()) return;
      const auto role = trees_.role(me.id().value);
      if (role.kind != Kind::query || role.depth != depth) return;
      blocks.push_back(role.block);
      received_.append(inbox);
    };
    std::size_t count = 0;
    const auto compute = [&](std::size_t i, std::size_t n) {
      n = std::min(n, blocks.size() - i);
      if (n == 0) return;
      std::vector<Merge> merges;
      for (auto node = i; node < i + n; ++node) merges.push_back({tokens_of(blocks[node]), received_.of(node)});
      const auto rows = merged(layer, merges);
      parts_.to_host(0, rows * program_.columns(layer).parts);
      batch_ = {i, rows};
    };
    count = here_.count;  // at most; how many there are is known after collecting
    std::size_t next = 0, row = 0;
    std::vector<Real> own;
    return computing_round<Up>(inboxes, collect, count, compute, [&](const auto& me, const auto& inbox, auto& out, const auto& one) {
      const auto role = trees_.role(me.id().value);
      if (role.kind == Kind::token) return keep_own(role.block, inbox, out);
      if (role.kind != Kind::query || role.depth != depth || inbox.empty()) return;
      one(next);  // machines step in the order in which they were collected
      if (batch_.first == next) row = 0;
      const auto n = tokens_of(role.block);
      own.resize(n * program_.columns(layer).parts);
      take_part_rows<Real>(program_.groups(layer), parts_.host(), batch_.count, row, n, own);
      send_numbers<up, Real>(out, parent(role.block, depth, role.place), own);
      row += n;
      ++next;
    });
  }

  OutputPart<Real> deal_output(const mpc::Inboxes<Up>& inboxes) {
    const auto scope = cluster_.scope("output");
    const auto columns = program_.transformer().out();
    const auto words = x_.rows() * columns;
    const EvenShares dealt(words, trees_.machines());
    rows_.resize(tokens_on_rank() * columns);
    const auto compute = [&](std::size_t i, std::size_t n) {
      const auto tokens = range(i, n);
      const auto at = tokens.first - first_token(tokens_here_.first);
      const auto rows = ended_rows(program_.layers() - 1, i, n);
      std::vector<Real> there(rows.size());
      program_.memory().download(there.data(), rows.data(), rows.size_bytes());
      std::ranges::copy(there, rows_.host().subspan(at * columns).begin());
    };
    const auto held = computing_round<Piece<1>>(
        inboxes, [&](const auto& me, const auto& inbox) { collect_at_token(me, inbox); }, tokens_here_.count, compute,
        [&](const auto& me, const auto&, auto& out, const auto& one) {
          const auto block = me.id().value;
          if (block >= trees_.blocks()) return;
          one(block - tokens_here_.first);
          const auto at = first_token(block) - first_token(tokens_here_.first), n = tokens_of(block);
          auto place = first_token(block) * columns;
          for (const auto number : rows_.host().subspan(at * columns, n * columns)) {
            out.send(dealt.holder(place++), Piece<1>{{static_cast<double>(number)}});
          }
        });
    return output_part<Real>(cluster_, words, held);
  }

  // ---- What token machines do --------------------------------------------------------------------------------------------------

  std::size_t tokens_on_rank() const { return first_token(tokens_here_.first + tokens_here_.count) - first_token(tokens_here_.first); }
  /// The tokens of machines i..i + n - 1 of the token machines of this rank.
  TokenRange range(std::size_t i, std::size_t n) const {
    const auto from = first_token(tokens_here_.first + i);
    return {from, first_token(tokens_here_.first + i + n) - from, options_.shown};
  }
  template <class Inbox>
  void collect_at_token(const mpc::Machine& me, const Inbox& inbox) {
    const auto block = me.id().value;
    if (block >= trees_.blocks()) return;
    if (block == tokens_here_.first) received_.clear();
    received_.append(inbox);
  }
  /// A token machine's rows are messages to itself, which come before all others.
  template <class Inbox, class Outbox>
  void keep_own(std::uint64_t block, const Inbox& inbox, Outbox& out) const {
    for (const auto& [source, message] : inbox) out.send(block, message);
  }

  std::span<const Real> given_rows(std::size_t i, std::size_t n) {
    const auto first = received_.starts[i], count = received_.starts[i + n] - first;
    before_.resize(count);
    std::ranges::copy(std::span(received_.all).subspan(first, count), before_.host().begin());
    before_.to_device(0, count);
    return before_.device();
  }

  /// The rows at the end of a layer, from the machines' own, which come first in their inboxes, and the partials of their children.
  std::span<const Real> ended_rows(std::size_t layer, std::size_t i, std::size_t n) {
    const auto tokens = range(i, n);
    const auto& columns = program_.columns(layer);
    const auto width = program_.transformer().width();
    before_.resize(tokens.count * width);
    std::vector<Merge> merges;
    std::size_t at = 0;
    for (auto m = i; m < i + n; ++m) {
      const auto count = tokens_of(tokens_here_.first + m);
      const auto numbers = received_.of(m);
      std::ranges::copy(numbers.first(count * width), before_.host().subspan(at * width).begin());
      merges.push_back({count, numbers.subspan(count * width)});
      at += count;
    }
    before_.to_device(0, tokens.count * width);
    heads_.resize(tokens.count * columns.values);
    if (!program_.groups(layer).empty()) {
      merged(layer, merges);
      std::span<const Real> queries;
      if (std::ranges::any_of(program_.groups(layer), [](const auto& group) { return group.start_keys.size() != 0; })) {
        again_.resize(tokens.count * columns.projected());
        program_.project(layer, tokens, before_.device(), again_.device());
        queries = again_.device();
      }
      program_.finish(layer, tokens.count, queries, columns.projected(), parts_.device(), heads_.device());
    }
    ended_.resize(tokens.count * program_.out(layer));
    program_.end(layer, tokens, before_.device(), heads_.device(), ended_.device());
    return ended_.device();
  }

  // ---- Partials ----------------------------------------------------------------------------------------------------------------

  /// What the children of a machine with so many tokens sent, one after the other.
  struct Merge {
    std::size_t tokens;
    std::span<const Real> children;
  };

  /// Merges the children's parts of every machine in their order, into parts_. Returns the tokens in all.
  std::size_t merged(std::size_t layer, const std::vector<Merge>& merges) {
    const auto each = program_.columns(layer).parts;
    std::size_t rows = 0, most = 0;
    for (const auto& merge : merges) {
      rows += merge.tokens;
      if (each != 0) most = std::max(most, merge.children.size() / (merge.tokens * each));
    }
    for (std::size_t c = 0; c < most; ++c) {
      auto& to = c == 0 ? parts_ : child_parts_;
      to.resize(rows * each);
      std::size_t row = 0;
      for (const auto& merge : merges) {
        const auto words = merge.tokens * each;
        const auto part = (c + 1) * words <= merge.children.size() ? merge.children.subspan(c * words, words) : std::span<const Real>();
        put_part_rows<Real>(program_.groups(layer), part, merge.tokens, to.host(), rows, row);
        row += merge.tokens;
      }
      to.to_device(0, rows * each);
      if (c > 0) program_.merge(layer, rows, parts_.device(), child_parts_.device());
    }
    return rows;
  }

  Program<Real>& program_;
  const AttentionTrees& trees_;
  const Matrix<Real>& x_;
  mpc::Cluster& cluster_;
  SimulateOptions options_;
  mpc::MachineBlock here_, tokens_here_, pairs_here_;

  // Between the parts of a round; no machine reads what another one put there.
  struct Batch {
    std::size_t first = 0, count = 0;
  };
  Batch batch_;  // what parts_ holds: of which machine the first is, and how many machines or tokens there are
  Numbers received_;
  std::vector<BlockPair> pairs_;
  Staging<Real> rows_{program_.memory()}, projected_{program_.memory()}, before_{program_.memory()}, heads_{program_.memory()},
      ended_{program_.memory()}, again_{program_.memory()}, queries_{program_.memory()}, keys_values_{program_.memory()},
      parts_{program_.memory()}, child_parts_{program_.memory()};
};

}  // namespace

template <class Real>
TransformerShape shape_of(const Transformer<Real>& transformer, std::size_t tokens) {
  TransformerShape shape{tokens, transformer.width(), 1, 1, transformer.layers().size()};
  for (const auto& layer : transformer.layers()) {
    std::uint64_t columns = 0;
    for (const auto& head : layer.heads) columns += std::max(head.query.out(), head.value.out());
    shape.head_width = std::max(shape.head_width, columns);
    shape.heads = std::max<std::uint64_t>(shape.heads, layer.heads.size());
  }
  return shape;
}

template <class Real>
OutputPart<Real> simulate(Program<Real>& program, const AttentionTrees& trees, const Matrix<Real>& x, mpc::Cluster& cluster,
                          const SimulateOptions& options) {
  const auto& transformer = program.transformer();
  expect_equal("theorem 2", "tokens of the input", trees.shape().tokens, x.rows());
  expect_equal("theorem 2", "columns of the input", transformer.in(), x.columns());
  expect_equal("theorem 2", "machines", trees.machines(), cluster.model().machines);
  expect_equal("theorem 2", "words a machine", trees.words(), cluster.model().memory.count);
  program.expect_tokens(x.rows());
  std::vector<std::size_t> down_lengths{transformer.width()}, up_lengths{transformer.width()};
  for (std::size_t l = 0; l < program.layers(); ++l) {
    const auto& columns = program.columns(l);
    down_lengths.insert(down_lengths.end(), {columns.queries, columns.keys_values()});
    up_lengths.push_back(columns.parts);
  }
  return with_pieces<64, 8, 1>(down_lengths, [&](auto down) {
    // A piece that goes up divides one that goes down, as a token machine's own rows go from one to the other.
    constexpr std::size_t widest = down() < 8 ? 1 : 8;
    return with_pieces<widest, 1>(up_lengths,
                                  [&](auto up) { return Simulation<Real, down(), up()>(program, trees, x, cluster, options).run(); });
  });
}

template TransformerShape shape_of(const Transformer<float>&, std::size_t);
template TransformerShape shape_of(const Transformer<double>&, std::size_t);
template OutputPart<float> simulate(Program<float>&, const AttentionTrees&, const Matrix<float>&, mpc::Cluster&, const SimulateOptions&);
template OutputPart<double> simulate(Program<double>&, const AttentionTrees&, const Matrix<double>&, mpc::Cluster&, const SimulateOptions&);

}  // namespace bridge
