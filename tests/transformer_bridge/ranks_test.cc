#include <bit>
#include <limits>
#include <map>

#include <gtest/gtest.h>

#include "protocols/graph/spread.h"

#include "transformer_bridge/transformer/forward.h"

#include "tests/support/world.h"
#include "tests/transformer_bridge/random_matrix.h"
#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using tests::random_matrix;
using tests::random_vector;
using tests::refusal;
using tests::world;

/// Starts of the ranks' tokens: spread evenly, or all on the first or the last rank.
std::map<std::string, std::vector<std::uint64_t>> spreads(std::size_t tokens) {
  const auto ranks = static_cast<std::size_t>(world().size());
  std::vector<std::uint64_t> first(ranks + 1, tokens), last(ranks + 1, 0);
  first.front() = 0;
  last.back() = tokens;
  return {{"even", protocols::even_starts(tokens, world().size())}, {"first", first}, {"last", last}};
}

template <class Real>
Matrix<Real> part(const Matrix<Real>& whole, const std::vector<std::uint64_t>& starts) {
  const auto me = static_cast<std::size_t>(world().rank());
  return whole.block(starts[me], starts[me + 1] - starts[me]);
}

/// Equal shapes and bits; == would take -0 for 0.
template <class Real>
bool same_bits(const Matrix<Real>& x, const Matrix<Real>& y) {
  using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
  return x.rows() == y.rows() && x.columns() == y.columns() &&
         std::ranges::equal(
             x.values(), y.values(), {}, [](Real r) { return std::bit_cast<Bits>(r); }, [](Real r) { return std::bit_cast<Bits>(r); });
}

/// Every kind of row function and mask; odd widths, so that floats do not fill the words they travel in.
template <class Real>
Transformer<Real> everything(std::size_t tokens) {
  constexpr std::size_t width = 3;
  std::uint64_t seed = 0;
  const auto linear = [&](std::size_t in, std::size_t out) {
    ++seed;
    return Linear<Real>{random_matrix<Real>(in, out, seed), random_vector<Real>(out, seed + 1000)};
  };
  const auto head = [&](std::size_t k, Mask mask) {
    return Head<Real>{linear(width, k), linear(width, k), linear(width, width), std::move(mask), Real(1.5)};
  };
  Matrix<std::uint8_t> visible(tokens, tokens);
  for (std::size_t i = 0; i < visible.values().size(); ++i) visible.values()[i] = tests::random_real<double>(77, i) > 0.3;
  if (tokens > 0) std::ranges::fill(visible.row(tokens / 2), std::uint8_t{0});
  const Oracle<Real> oracle{"place", width, width, [](std::size_t token, std::span<const Real> row) {
                              return std::vector<Real>{row[1] + static_cast<Real>(token), row[2], row[0]};
                            }};
  Layer<Real> first{Embedding<Real>{random_matrix<Real>(5, width, 91), random_matrix<Real>(tokens, width, 92)},
                    {head(1, {}), head(5, Mask::causal()), head(2, Mask::any(visible))},
                    {}};
  first.heads[1].start = StartToken<Real>{random_vector<Real>(5, 93), random_vector<Real>(width, 94)};
  first.after = Sequence<Real>{{LayerNorm<Real>{random_vector<Real>(width, 95), random_vector<Real>(width, 96)},
                                Mlp<Real>{{linear(width, 7), linear(7, width)}, Activation::gelu}},
                               true};
  Layer<Real> second;
  second.heads_in = LayerNorm<Real>{random_vector<Real>(width, 97), random_vector<Real>(width, 98)};
  second.heads = {{linear(width, 4), linear(width, 4), linear(width, 2)}, {linear(width, 1), linear(width, 1), linear(width, 1)}};
  second.heads_out = linear(3, width);
  return Transformer<Real>(tokens, width, {first, second, {oracle, {head(3, Mask::causal())}, linear(width, 2)}});
}

template <class Real>
Matrix<Real> ids(std::size_t tokens) {
  Matrix<Real> x(tokens, 1);
  for (std::size_t i = 0; i < tokens; ++i) x(i, 0) = static_cast<Real>(i * i % 5);
  return x;
}

template <class Real>
void expect_the_same_as_on_one_process() {
  for (const std::size_t tokens : {0, 1, 5, 17}) {
    const auto transformer = everything<Real>(tokens);
    const auto x = ids<Real>(tokens);
    const auto whole = forward(transformer, x);
    ASSERT_EQ(whole.rows(), tokens);
    ASSERT_EQ(whole.columns(), 2);
    if (tokens > 1) {
      ASSERT_FALSE(same_bits(whole.block(0, 1), whole.block(1, 1)));
    }
    for (const auto& [name, starts] : spreads(tokens)) {
      SCOPED_TRACE(testing::Message() << tokens << " tokens, spread " << name);
      const auto mine = forward(transformer, part(x, starts), world());
      EXPECT_TRUE(same_bits(mine, part(whole, starts)));

      auto rows = part(x, starts);
      for (std::size_t l = 0; l < transformer.layers().size(); ++l) rows = apply(transformer.layers()[l], rows, starts, world(), l);
      EXPECT_TRUE(same_bits(rows, mine)) << "layer by layer";
    }
  }
}

TEST(ForwardOnRanks, IsTheSameInFloat) { expect_the_same_as_on_one_process<float>(); }
TEST(ForwardOnRanks, IsTheSameInDouble) { expect_the_same_as_on_one_process<double>(); }

TEST(ForwardOnRanks, ARankWithoutTokensNeedNoColumns) {
  const auto transformer = everything<double>(5);
  const auto whole = forward(transformer, ids<double>(5));
  const auto mine = forward(transformer, world().rank() == 0 ? ids<double>(5) : Matrix<double>(), world());
  EXPECT_TRUE(same_bits(mine, world().rank() == 0 ? whole : Matrix<double>(0, 2)));
}

TEST(ForwardOnRanks, FailsEverywhereAsOnOneProcess) {
  constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
  const auto spoil = [](const std::vector<std::size_t>& at) {
    return Oracle<double>{"spoil", 1, 1, [at](std::size_t token, std::span<const double> row) {
                            return std::vector<double>{std::ranges::count(at, token) != 0 ? nan : row[0]};
                          }};
  };
  const auto throws = [](std::size_t at) {
    return Oracle<double>{"throws", 1, 1, [at](std::size_t token, std::span<const double> row) {
                            if (token == at) throw mpc::InputError("no row for it");
                            return std::vector<double>{row[0]};
                          }};
  };
  const Linear<double> same{{{1}}, {}}, large{{{1e200}}, {}};
  const auto x = random_matrix<double>(17, 1, 3);
  const auto expect = [&](const std::string& text, const Layer<double>& layer) {
    const Transformer<double> transformer(17, 1, {layer});
    EXPECT_EQ(refusal([&] { forward(transformer, x); }), text);
    for (const auto& spread : spreads(17)) {
      const auto& starts = spread.second;
      EXPECT_EQ(refusal([&] { forward(transformer, part(x, starts), world()); }), text) << "spread " << spread.first;
      EXPECT_EQ(refusal([&] { apply(layer, part(x, starts), starts, world()); }), text) << "spread " << spread.first;
    }
  };
  expect("fault: layer 0, before, token 16: NaN", {spoil({16}), {}, {}});
  expect("fault: layer 0, before, token 7: NaN", {spoil({7, 12, 16}), {}, {}});
  expect("fault: layer 0, after, token 0: NaN", {{}, {}, spoil({0})});
  expect("input: no row for it", {throws(9), {}, {}});
  // Token 0 spoils the second head, and is reported only if the first head is right.
  expect("fault: layer 0, head 0, value, token 16: NaN", {{}, {{same, same, spoil({16})}, {spoil({0}), same, same}}, {}});
  expect("fault: layer 0, head 1, query, token 0: NaN", {{}, {{same, same, same}, {spoil({0}), same, same}}, {}});
  expect("fault: layer 0, head 0, query, token 15: NaN", {{}, {{spoil({15}), spoil({0}), same}}, {}});
  expect("fault: layer 0, head 0, token 0: NaN, from its logits or an infinite value", {{}, {{large, large, same}}, {}});
}

TEST(ForwardOnRanks, ShapesAreRefusedEverywhere) {
  const auto transformer = everything<double>(5);
  const auto starts = spreads(5)["even"];
  auto bad = part(ids<double>(5), starts);
  const bool last = world().rank() == world().size() - 1;
  if (last) bad = Matrix<double>(bad.rows(), 4);
  EXPECT_EQ(refusal([&] { forward(transformer, bad, world()); }), "usage: input: columns: expected 1, got 4");
  EXPECT_EQ(refusal([&] { apply(transformer.layers()[0], bad, starts, world()); }), "usage: layer 0, input: columns: expected 1, got 4");

  const auto ranks = static_cast<std::size_t>(world().size());
  EXPECT_EQ(refusal([&] { forward(transformer, ids<double>(7), world()); }),
            "usage: input: tokens: expected 5, got " + std::to_string(7 * ranks));
  EXPECT_EQ(refusal([&] { apply(transformer.layers()[0], ids<double>(5), std::vector<std::uint64_t>(ranks), world()); }),
            "usage: layer 0: starts of the ranks' tokens: expected " + std::to_string(ranks + 1) + ", got " + std::to_string(ranks));
  auto longer = part(ids<double>(5), starts);
  if (last) longer = Matrix<double>(longer.rows() + 1, 1);
  const auto wanted = 5 - starts[ranks - 1];
  EXPECT_EQ(refusal([&] { apply(transformer.layers()[0], longer, starts, world()); }),
            "usage: layer 0, input of rank " + std::to_string(ranks - 1) + ": tokens: expected " + std::to_string(wanted) + ", got " +
                std::to_string(wanted + 1));
}

}  // namespace
}  // namespace bridge
