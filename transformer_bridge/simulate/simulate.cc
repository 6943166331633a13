#include "transformer_bridge/simulate/simulate.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/reference.h"

namespace bridge {
namespace {

using Kind = Role::Kind;

/// Rows travel in pieces of so many words: no word says how long a row is, since every machine knows.
template <std::size_t words>
struct Piece {
  std::array<double, words> values;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& values;
  }
};

/// Columns of the heads of a layer side by side.
struct Columns {
  std::size_t queries = 0, values = 0, partials = 0;
};

template <class Real>
Columns columns_of(const Layer<Real>& layer) {
  Columns columns;
  for (const auto& head : layer.heads) {
    columns.queries += head.query.out();
    columns.values += head.value.out();
    columns.partials += 2 + head.value.out();
  }
  return columns;
}

/// Softmax partials of the rows of a block for one head, as the kernels take them, in numbers that lie one after the other.
template <class Number>
struct Partials {
  Partials(std::span<Number> all, std::size_t rows)
      : largest(all.first(rows)), sum(all.subspan(rows, rows)), value(all.subspan(2 * rows)) {}
  std::span<Number> largest, sum, value;
};

template <class Real>
void merge_partials(std::size_t rows, std::size_t v, std::span<const Real> from, std::span<Real> into) {
  const Partials<const Real> part(from, rows);
  const Partials<Real> whole(into, rows);
  reference::merge<Real>(rows, v, whole.largest, whole.sum, whole.value, part.largest, part.sum, part.value);
}

/// The protocol, with rows in pieces of `piece` words.
template <class Real, std::size_t piece>
class Simulation {
 public:
  Simulation(const Transformer<Real>& transformer, const AttentionTrees& trees, const Matrix<Real>& x, mpc::Cluster& cluster)
      : transformer_(transformer), trees_(trees), x_(x), cluster_(cluster) {}

  OutputPart<Real> run() {
    const auto input = deal_input();
    auto inboxes = send_down(0, 0, input);
    for (std::size_t layer = 0;; ++layer) {
      for (std::uint64_t depth = 1; depth < trees_.depth(); ++depth) inboxes = send_down(layer, depth, inboxes);
      for (std::uint64_t depth = trees_.depth(); depth > 0; --depth) inboxes = send_up(layer, depth, inboxes);
      if (layer + 1 == transformer_.layers().size()) break;
      inboxes = send_down(layer + 1, 0, inboxes);
    }
    return deal_output(inboxes);
  }

 private:
  using Number = Piece<1>;
  using Row = Piece<piece>;
  using Numbers = std::vector<double>;

  // ---- Where things are --------------------------------------------------------------------------------------------------------

  std::size_t first_token(std::uint64_t block) const { return static_cast<std::size_t>(block * trees_.block_tokens()); }
  std::size_t tokens_of(std::uint64_t block) const {
    return std::min(static_cast<std::size_t>(trees_.block_tokens()), transformer_.tokens() - first_token(block));
  }
  /// Words are dealt evenly: machine i holds those from floor(i words / q) on.
  std::size_t first_dealt(std::size_t words, std::uint64_t machine) const {
    return static_cast<std::size_t>(static_cast<mpc::DoubleWord>(words) * machine / trees_.machines());
  }
  /// The last machine whose words begin at this place or before it.
  std::uint64_t holder(std::size_t words, std::size_t place) const {
    return static_cast<std::uint64_t>((static_cast<mpc::DoubleWord>(place + 1) * trees_.machines() - 1) / words);
  }
  std::uint64_t child(Kind tree, std::uint64_t block, std::uint64_t depth, std::uint64_t place) const {
    if (depth < trees_.depth()) return trees_.machine({tree, block, depth, place});
    return tree == Kind::query ? trees_.machine({Kind::pair, block, 0, place}) : trees_.machine({Kind::pair, place, 0, block});
  }
  /// Of a node of a query tree, or of a pair, which is at depth D.
  std::uint64_t parent(std::uint64_t block, std::uint64_t depth, std::uint64_t place) const {
    return depth == 1 ? trees_.machine({Kind::token, block, 0, 0})
                      : trees_.machine({Kind::query, block, depth - 1, place / trees_.fan_out()});
  }

  // ---- Messages ----------------------------------------------------------------------------------------------------------------

  template <class Outbox>
  static void send(Outbox& out, std::uint64_t to, std::span<const double> numbers) {
    for (std::size_t at = 0; at < numbers.size(); at += piece) {
      Row row;
      std::copy_n(numbers.begin() + static_cast<std::ptrdiff_t>(at), piece, row.values.begin());
      out.send(to, row);
    }
  }
  template <class Outbox>
  void send_to_children(Outbox& out, Kind tree, const Role& node, std::span<const double> numbers) const {
    const auto count = trees_.children(node.depth, node.place);
    for (std::uint64_t c = 0; c < count; ++c) {
      send(out, child(tree, node.block, node.depth + 1, node.place * trees_.fan_out() + c), numbers);
    }
  }
  /// What the inbox holds, by source.
  template <class Inbox>
  static Numbers numbers_of(const Inbox& inbox) {
    Numbers numbers;
    for (const auto& [source, message] : inbox) numbers.insert(numbers.end(), message.values.begin(), message.values.end());
    return numbers;
  }

  // ---- Rounds ------------------------------------------------------------------------------------------------------------------

  auto deal_input() {
    const auto scope = cluster_.scope("input");
    const auto words = x_.values().size();
    return cluster_.template round<Number>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      const auto machine = me.id().value;
      for (auto at = first_dealt(words, machine); at < first_dealt(words, machine + 1); ++at) {
        out.send(at / x_.columns() / trees_.block_tokens(), Number{{static_cast<double>(x_.values()[at])}});
      }
    });
  }

  /// Nodes of depth `depth` send to their children; at depth 0 the token machines end the layer before, and begin this one.
  template <class In>
  mpc::Inboxes<Row> send_down(std::size_t layer, std::uint64_t depth, const mpc::Inboxes<In>& inboxes) {
    const auto scope = cluster_.scope(fmt::format("layer {}: down", layer));
    return cluster_.template round<Row>(inboxes, [&](const auto& me, const auto& inbox, auto& out) {
      const auto role = trees_.role(me.id().value);
      if (role.kind == Kind::token) {
        if (depth == 0) {
          begin_layer(layer, role,
                      layer == 0 ? rows_from(role, numbers_of(inbox), x_.columns()) : rows_after(layer - 1, role, numbers_of(inbox)), out);
        } else {
          send(out, role.block, numbers_of(inbox));
        }
      } else if (role.kind != Kind::pair && role.depth == depth) {
        send_to_children(out, role.kind, role, numbers_of(inbox));
      }
    });
  }

  /// Machines of depth `depth` of the query trees send to their parents; at depth D these are the pairs.
  mpc::Inboxes<Row> send_up(std::size_t layer, std::uint64_t depth, const mpc::Inboxes<Row>& inboxes) {
    const auto scope = cluster_.scope(fmt::format("layer {}: up", layer));
    return cluster_.template round<Row>(inboxes, [&](const auto& me, const auto& inbox, auto& out) {
      const auto role = trees_.role(me.id().value);
      if (role.kind == Kind::token) {
        send(out, role.block, numbers_of(inbox));
      } else if (role.kind == Kind::pair && depth == trees_.depth()) {
        send(out, parent(role.block, depth, role.place), partials_of(layer, role, inbox));
      } else if (role.kind == Kind::query && role.depth == depth && !inbox.empty()) {
        send(out, parent(role.block, depth, role.place), merged(layer, role.block, numbers_of(inbox)));
      }
    });
  }

  OutputPart<Real> deal_output(const mpc::Inboxes<Row>& inboxes) {
    const auto scope = cluster_.scope("output");
    const auto columns = transformer_.out();
    const auto words = transformer_.tokens() * columns;
    const auto held = cluster_.template round<Number>(inboxes, [&](const auto& me, const auto& inbox, auto& out) {
      const auto role = trees_.role(me.id().value);
      if (role.kind != Kind::token) return;
      const auto rows = rows_after(transformer_.layers().size() - 1, role, numbers_of(inbox));
      auto at = first_token(role.block) * columns;
      for (const auto value : rows.values()) out.send(holder(words, at++), Number{{static_cast<double>(value)}});
    });
    OutputPart<Real> part;
    bool first = true;
    cluster_.local(held, [&](const auto& me, const auto& inbox) {
      if (std::exchange(first, false)) part.first = first_dealt(words, me.id().value);
      for (const auto& [source, message] : inbox) part.values.push_back(static_cast<Real>(message.values[0]));
    });
    return part;
  }

  static std::vector<Real> reals(std::span<const double> numbers) {
    std::vector<Real> result(numbers.size());
    std::ranges::transform(numbers, result.begin(), [](double number) { return static_cast<Real>(number); });
    return result;
  }

  // ---- What a token machine does -----------------------------------------------------------------------------------------------

  Matrix<Real> rows_from(const Role& role, std::span<const double> numbers, std::size_t columns) const {
    Matrix<Real> rows(tokens_of(role.block), columns);
    std::ranges::copy(reals(numbers), rows.values().begin());
    return rows;
  }

  Matrix<Real> applied(const RowFunction<Real>& function, const Matrix<Real>& rows, const Role& role, std::size_t layer,
                       const std::string& name) const {
    return function.apply(rows, first_token(role.block), fmt::format("layer {}, {}", layer, name));
  }

  /// What the heads read.
  Matrix<Real> seen(std::size_t layer, const Role& role, const Matrix<Real>& rows) const {
    const auto& heads_in = transformer_.layers()[layer].heads_in;
    return heads_in ? applied(*heads_in, rows, role, layer, "heads_in") : rows;
  }

  /// Sends the rows of the residual stream to the machine itself, and queries, keys and values down the trees.
  template <class Outbox>
  void begin_layer(std::size_t index, const Role& role, Matrix<Real> rows, Outbox& out) const {
    const auto& layer = transformer_.layers()[index];
    if (layer.before) rows = applied(*layer.before, rows, role, index, "before");
    send(out, role.block, Numbers(rows.values().begin(), rows.values().end()));
    const auto read = seen(index, role, rows);
    Numbers queries, keys_values;
    const auto append = [](Numbers& to, const Matrix<Real>& from) { to.insert(to.end(), from.values().begin(), from.values().end()); };
    for (const auto& head : layer.heads) {
      append(queries, applied(head.query, read, role, index, "query"));
      append(keys_values, applied(head.key, read, role, index, "key"));
      append(keys_values, applied(head.value, read, role, index, "value"));
    }
    send_to_children(out, Kind::query, role, queries);
    send_to_children(out, Kind::key_value, role, keys_values);
  }

  /// The rows at the end of a layer, from the machine's own, which come first in its inbox, and the partials of its children.
  Matrix<Real> rows_after(std::size_t index, const Role& role, const Numbers& inbox) const {
    const auto& layer = transformer_.layers()[index];
    const auto own = tokens_of(role.block) * transformer_.width();
    auto rows = rows_from(role, std::span(inbox).first(own), transformer_.width());
    if (!layer.heads.empty()) add_heads(index, role, std::span(inbox).subspan(own), rows);
    return layer.after ? applied(*layer.after, rows, role, index, "after") : rows;
  }

  void add_heads(std::size_t index, const Role& role, std::span<const double> partials, Matrix<Real>& rows) const {
    const auto& layer = transformer_.layers()[index];
    const auto whole = merged(index, role.block, partials);
    const auto read = seen(index, role, rows);  // before a head is added to them
    Matrix<Real> side_by_side(rows.rows(), layer.heads_out ? columns_of(layer).values : 0);
    const auto n = rows.rows();
    std::size_t at = 0, column = 0;
    for (const auto& head : layer.heads) {
      const auto k = head.query.out(), v = head.value.out();
      auto all = reals(std::span(whole).subspan(at, n * (2 + v)));
      at += all.size();
      if (head.start) {  // its key and value are part of the program, and it comes last
        const auto queries = applied(head.query, read, role, index, "query");
        std::vector<Real> own(all.size());
        const Partials<Real> part(own, n);
        reference::attention_partial<Real>({n, 1, k, v}, queries.values(), head.start->key, head.start->value, {}, head.scale, part.largest,
                                           part.sum, part.value);
        merge_partials<Real>(n, v, own, all);
      }
      const Partials<Real> part(all, n);
      Matrix<Real> out(n, v);
      reference::finish<Real>(n, v, part.sum, part.value, out.values());
      for (std::size_t i = 0; i < n; ++i) {
        const auto to = layer.heads_out ? side_by_side.row(i).subspan(column, v) : rows.row(i);
        for (std::size_t c = 0; c < v; ++c) to[c] += out(i, c);
      }
      column += layer.heads_out ? v : 0;
    }
    if (!layer.heads_out) return;
    const auto projected = applied(*layer.heads_out, side_by_side, role, index, "heads_out");
    for (std::size_t i = 0; i < rows.values().size(); ++i) rows.values()[i] += projected.values()[i];
  }

  // ---- What pairs and nodes do -------------------------------------------------------------------------------------------------

  /// Queries come from the query tree of the pair's first block, keys and values from the other tree of its second.
  template <class Inbox>
  Numbers partials_of(std::size_t index, const Role& role, const Inbox& inbox) const {
    const auto& layer = transformer_.layers()[index];
    const auto asking = tokens_of(role.block), seen_tokens = tokens_of(role.place);
    const auto asker = parent(role.block, trees_.depth(), role.place);
    const auto query_words = asking * columns_of(layer).queries;
    Numbers queries, keys_values;
    for (const auto& [source, message] : inbox) {
      auto& to = source.value == asker && queries.size() < query_words ? queries : keys_values;
      to.insert(to.end(), message.values.begin(), message.values.end());
    }
    const auto q = reals(queries), kv = reals(keys_values);
    Numbers result;
    std::size_t query_at = 0, key_at = 0;
    for (const auto& head : layer.heads) {
      const auto k = head.query.out(), v = head.value.out();
      const auto value_at = key_at + seen_tokens * k;
      std::vector<std::uint8_t> mask;
      for (std::size_t i = 0; i < asking; ++i) {
        for (std::size_t j = 0; j < seen_tokens; ++j) {
          mask.push_back(head.mask.sees(first_token(role.block) + i, first_token(role.place) + j) ? 1 : 0);
        }
      }
      std::vector<Real> all(asking * (2 + v));
      const Partials<Real> part(all, asking);
      reference::attention_partial<Real>({asking, seen_tokens, k, v}, std::span(q).subspan(query_at, asking * k),
                                         std::span(kv).subspan(key_at, seen_tokens * k), std::span(kv).subspan(value_at, seen_tokens * v),
                                         mask, head.scale, part.largest, part.sum, part.value);
      result.insert(result.end(), all.begin(), all.end());
      query_at += asking * k;
      key_at = value_at + seen_tokens * v;
    }
    return result;
  }

  /// Partials of a block from its children, one after the other, merged in their order.
  Numbers merged(std::size_t index, std::uint64_t block, std::span<const double> all) const {
    const auto& layer = transformer_.layers()[index];
    const auto words = tokens_of(block) * columns_of(layer).partials;
    auto result = reals(all.first(words));
    for (auto rest = all.subspan(words); !rest.empty(); rest = rest.subspan(words)) {
      const auto from = reals(rest.first(words));
      std::size_t at = 0;
      for (const auto& head : layer.heads) {
        const auto count = tokens_of(block) * (2 + head.value.out());
        merge_partials<Real>(tokens_of(block), head.value.out(), std::span(from).subspan(at, count), std::span(result).subspan(at, count));
        at += count;
      }
    }
    return {result.begin(), result.end()};
  }

  const Transformer<Real>& transformer_;
  const AttentionTrees& trees_;
  const Matrix<Real>& x_;
  mpc::Cluster& cluster_;
};

}  // namespace

template <class Real>
TransformerShape shape_of(const Transformer<Real>& transformer) {
  TransformerShape shape{transformer.tokens(), transformer.width(), 1, 1, transformer.layers().size()};
  for (const auto& layer : transformer.layers()) {
    std::uint64_t columns = 0;
    for (const auto& head : layer.heads) columns += std::max(head.query.out(), head.value.out());
    shape.head_width = std::max(shape.head_width, columns);
    shape.heads = std::max<std::uint64_t>(shape.heads, layer.heads.size());
  }
  return shape;
}

template <class Real>
OutputPart<Real> simulate(const Transformer<Real>& transformer, const AttentionTrees& trees, const Matrix<Real>& x, mpc::Cluster& cluster) {
  expect_equal("theorem 2", "tokens of the input", transformer.tokens(), x.rows());
  expect_equal("theorem 2", "columns of the input", transformer.in(), x.columns());
  expect_equal("theorem 2", "machines", trees.machines(), cluster.model().machines);
  expect_equal("theorem 2", "words a machine", trees.words(), cluster.model().memory.count);
  const auto fits = [](std::size_t columns) { return columns % 8 == 0; };
  auto wide = fits(transformer.width());
  for (const auto& layer : transformer.layers()) {
    const auto columns = columns_of(layer);
    wide = wide && fits(columns.queries) && fits(columns.values) && fits(columns.partials);
  }
  if (wide) return Simulation<Real, 8>(transformer, trees, x, cluster).run();
  return Simulation<Real, 1>(transformer, trees, x, cluster).run();
}

template TransformerShape shape_of(const Transformer<float>&);
template TransformerShape shape_of(const Transformer<double>&);
template OutputPart<float> simulate(const Transformer<float>&, const AttentionTrees&, const Matrix<float>&, mpc::Cluster&);
template OutputPart<double> simulate(const Transformer<double>&, const AttentionTrees&, const Matrix<double>&, mpc::Cluster&);

}  // namespace bridge
