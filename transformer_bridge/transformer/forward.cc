#include "transformer_bridge/transformer/forward.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "mpc/error.h"

#include "protocols/graph/spread.h"

#include "transformer_bridge/kernels/reference.h"

namespace bridge {
namespace {

/// The tokens of one process: all of them, or a rank's.
struct Tokens {
  std::size_t first = 0, count = 0, all = 0;
  std::span<const std::uint64_t> starts = {};  // [ranks + 1]
  mpc::Ranks* ranks = nullptr;                 // null: one process has all
};

/// Runs work() on every rank; what the lowest rank throws, which has the first tokens, all throw.
template <class Work>
void together(const Tokens& tokens, Work&& work) {
  if (tokens.ranks == nullptr) return work();
  mpc::together(*tokens.ranks, work);
}

template <class Real>
void refuse_nan(const Matrix<Real>& rows, const Tokens& tokens, const std::string& place, const char* hint = "") {
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    if (std::ranges::any_of(rows.row(i), [](Real x) { return std::isnan(x); })) {
      throw mpc::Fault(fmt::format("{}, token {}: NaN{}", place, tokens.first + i, hint));
    }
  }
}

template <class Real>
Matrix<Real> apply_row_function(const RowFunction<Real>& function, const Matrix<Real>& rows, const Tokens& tokens,
                                const std::string& place) {
  Matrix<Real> out;
  together(tokens, [&] {
    out = function.apply(rows, tokens.first, place);
    refuse_nan(out, tokens, place);
  });
  return out;
}

/// The rows of all tokens, from each rank's own. Collective.
template <class Real>
Matrix<Real> gather_rows(Matrix<Real> mine, const Tokens& tokens) {
  if (tokens.ranks == nullptr) return mine;
  constexpr auto per_word = sizeof(std::uint64_t) / sizeof(Real);
  const auto words_for = [](std::size_t reals) { return (reals + per_word - 1) / per_word; };
  const auto columns = mine.columns();
  std::vector<std::uint64_t> words(words_for(mine.values().size()));
  if (!words.empty()) std::memcpy(words.data(), mine.values().data(), mine.values().size_bytes());
  const auto gathered = tokens.ranks->gather(words);

  Matrix<Real> all(tokens.all, columns);
  const auto* from = gathered.data();
  for (std::size_t r = 0; r + 1 < tokens.starts.size(); ++r) {
    const auto reals = all.values().subspan(tokens.starts[r] * columns, (tokens.starts[r + 1] - tokens.starts[r]) * columns);
    if (!reals.empty()) std::memcpy(reals.data(), from, reals.size_bytes());
    from += words_for(reals.size());  // every rank's part begins with a word of its own
  }
  return all;
}

template <class Real>
Matrix<Real> attend(const Head<Real>& head, const Matrix<Real>& x, const Tokens& tokens, const std::string& place) {
  const auto queries = apply_row_function(head.query, x, tokens, place + ", query");
  const auto keys = gather_rows(apply_row_function(head.key, x, tokens, place + ", key"), tokens);
  const auto values = gather_rows(apply_row_function(head.value, x, tokens, place + ", value"), tokens);
  Matrix<Real> out(tokens.count, values.columns());
  together(tokens, [&] {
    const auto mask = head.mask.rows(tokens.first, tokens.count, tokens.all);
    const AttentionShape shape{tokens.count, tokens.all, queries.columns(), values.columns()};
    reference::attention<Real>(shape, queries.values(), keys.values(), values.values(), mask, head.scale,
                               head.start ? &*head.start : nullptr, out.values());
    refuse_nan(out, tokens, place, ", from its logits or an infinite value");
  });
  return out;
}

template <class Real>
void add(Matrix<Real>& sum, const Matrix<Real>& term) {
  for (std::size_t i = 0; i < sum.values().size(); ++i) sum.values()[i] += term.values()[i];
}

/// The layer has been checked.
template <class Real>
Matrix<Real> run(const Layer<Real>& layer, Matrix<Real> x, const Tokens& tokens, std::size_t index) {
  if (layer.before) x = apply_row_function(*layer.before, x, tokens, fmt::format("layer {}, before", index));
  const auto seen = layer.heads_in ? apply_row_function(*layer.heads_in, x, tokens, fmt::format("layer {}, heads_in", index)) : x;
  const auto head_rows = [&](std::size_t h) { return attend(layer.heads[h], seen, tokens, fmt::format("layer {}, head {}", index, h)); };
  auto sum = std::move(x);
  if (layer.heads_out) {
    Matrix<Real> side_by_side(sum.rows(), layer.heads_out->in());
    for (std::size_t h = 0, column = 0; h < layer.heads.size(); ++h) {
      const auto out = head_rows(h);
      for (std::size_t i = 0; i < out.rows(); ++i) std::ranges::copy(out.row(i), side_by_side.row(i).subspan(column).begin());
      column += out.columns();
    }
    add(sum, apply_row_function(*layer.heads_out, side_by_side, tokens, fmt::format("layer {}, heads_out", index)));
  } else {
    for (std::size_t h = 0; h < layer.heads.size(); ++h) add(sum, head_rows(h));
  }
  together(tokens, [&] { refuse_nan(sum, tokens, fmt::format("layer {}, sum of the heads", index), ", from infinite terms"); });
  if (layer.after) sum = apply_row_function(*layer.after, sum, tokens, fmt::format("layer {}, after", index));
  return sum;
}

/// A rank without tokens may bring a matrix without columns.
template <class Real>
Matrix<Real> checked_input(const Matrix<Real>& x, const Tokens& tokens, std::size_t columns, const std::string& place) {
  if (x.rows() == 0) return Matrix<Real>(0, columns);
  expect_equal(place, "columns", columns, x.columns());
  refuse_nan(x, tokens, place);
  return x;
}

template <class Real>
Matrix<Real> forward(const Transformer<Real>& transformer, const Matrix<Real>& mine, const Tokens& tokens) {
  expect_equal("input", "tokens", transformer.tokens(), tokens.all);
  Matrix<Real> x;
  together(tokens, [&] { x = checked_input(mine, tokens, transformer.in(), "input"); });
  for (std::size_t l = 0; l < transformer.layers().size(); ++l) x = run(transformer.layers()[l], std::move(x), tokens, l);
  return x;
}

/// The columns that heads are added to: the layer says how many, and if it has no function, then the input does.
template <class Real>
std::size_t width_of(const Layer<Real>& layer, const Matrix<Real>& x, std::size_t tokens, const std::string& place) {
  if (layer.before) {
    layer.before->check(tokens, place + ", before");
    return layer.before->out();
  }
  if (layer.heads_in) {
    layer.heads_in->check(tokens, place + ", heads_in");
    return layer.heads_in->in();
  }
  if (!layer.heads.empty()) {
    layer.heads.front().query.check(tokens, place + ", head 0, query");
    return layer.heads.front().query.in();
  }
  if (layer.after) {
    layer.after->check(tokens, place + ", after");
    return layer.after->in();
  }
  return x.columns();
}

template <class Real>
Matrix<Real> apply(const Layer<Real>& layer, const Matrix<Real>& mine, const Tokens& tokens, std::size_t index) {
  Matrix<Real> x;
  together(tokens, [&] {
    const auto place = fmt::format("layer {}", index);
    const auto width = width_of(layer, mine, tokens.all, place);
    const auto in = layer.before ? layer.before->in() : width;
    check(layer, index, tokens.all, in, width);
    x = checked_input(mine, tokens, in, place + ", input");
  });
  return run(layer, std::move(x), tokens, index);
}

}  // namespace

template <class Real>
Matrix<Real> forward(const Transformer<Real>& transformer, const Matrix<Real>& x) {
  return forward(transformer, x, Tokens{0, x.rows(), x.rows()});
}

template <class Real>
Matrix<Real> forward(const Transformer<Real>& transformer, const Matrix<Real>& mine, mpc::Ranks& ranks) {
  const auto starts = protocols::part_starts(mine.rows(), ranks);
  return forward(transformer, mine, Tokens{starts[static_cast<std::size_t>(ranks.rank())], mine.rows(), starts.back(), starts, &ranks});
}

template <class Real>
Matrix<Real> apply(const Layer<Real>& layer, const Matrix<Real>& x, std::size_t index) {
  return apply(layer, x, Tokens{0, x.rows(), x.rows()}, index);
}

template <class Real>
Matrix<Real> apply(const Layer<Real>& layer, const Matrix<Real>& mine, std::span<const std::uint64_t> starts, mpc::Ranks& ranks,
                   std::size_t index) {
  const auto me = static_cast<std::size_t>(ranks.rank());
  expect_equal(fmt::format("layer {}", index), "starts of the ranks' tokens", static_cast<std::size_t>(ranks.size()) + 1, starts.size());
  const Tokens tokens{starts[me], mine.rows(), starts.back(), starts, &ranks};
  together(tokens,
           [&] { expect_equal(fmt::format("layer {}, input of rank {}", index, me), "tokens", starts[me + 1] - starts[me], mine.rows()); });
  return apply(layer, mine, tokens, index);
}

#define ROUNDTRIP_FORWARD(Real)                                                              \
  template Matrix<Real> forward(const Transformer<Real>&, const Matrix<Real>&);              \
  template Matrix<Real> forward(const Transformer<Real>&, const Matrix<Real>&, mpc::Ranks&); \
  template Matrix<Real> apply(const Layer<Real>&, const Matrix<Real>&, std::size_t);         \
  template Matrix<Real> apply(const Layer<Real>&, const Matrix<Real>&, std::span<const std::uint64_t>, mpc::Ranks&, std::size_t);
ROUNDTRIP_FORWARD(float)
ROUNDTRIP_FORWARD(double)
#undef ROUNDTRIP_FORWARD

}  // namespace bridge
