#include "transformer_bridge/simulate/schemes.h"

#include <algorithm>
#include <bit>
#include <vector>

#include <fmt/core.h>

#include "mpc/clock.h"
#include "mpc/cluster.h"
#include "mpc/error.h"
#include "mpc/model.h"

#include "transformer_bridge/simulate/ring.h"
#include "transformer_bridge/simulate/simulate.h"
#include "transformer_bridge/simulate/ulysses.h"

namespace bridge {
namespace {

/// The output on every rank, from what each rank's machines hold.
template <class Real>
Matrix<Real> gathered(const OutputPart<Real>& part, std::size_t rows, std::size_t columns, mpc::Ranks& ranks) {
  std::vector<std::uint64_t> words;
  words.reserve(part.values.size());
  for (const auto value : part.values) words.push_back(std::bit_cast<std::uint64_t>(static_cast<double>(value)));
  const auto all = ranks.gather(words);  // machines, and so words, are in rank order
  Matrix<Real> result(rows, columns);
  for (std::size_t i = 0; i < all.size(); ++i) result.values()[i] = static_cast<Real>(std::bit_cast<double>(all[i]));
  return result;
}

}  // namespace

std::string name_of(Scheme scheme) {
  switch (scheme) {
    case Scheme::local: return "local";
    case Scheme::ring: return "ring";
    case Scheme::ulysses: return "ulysses";
    case Scheme::theorem2: return "theorem2";
  }
  return "?";
}

template <class Real>
SchemeSize size_of(const Program<Real>& program, std::size_t tokens, const SchemeChoice& choice) {
  program.expect_tokens(tokens);
  if (choice.scheme == Scheme::local) return {};
  if (choice.scheme == Scheme::theorem2) {
    const auto shape = shape_of(program.transformer(), tokens);
    const auto tile = std::min<std::uint64_t>(choice.tile, tokens);  // a short sequence is one block
    const auto least = AttentionTrees::least_words(shape, tile);
    const AttentionTrees trees(shape, choice.words == 0 ? least : choice.words, tile);
    return {trees.machines(), trees.words(), least, trees.rounds(), trees};
  }
  const auto size =
      choice.scheme == Scheme::ring ? ring_size(program, tokens, choice.machines) : ulysses_size(program, tokens, choice.machines);
  if (choice.words != 0 && choice.words < size.words) {
    throw mpc::Error(mpc::Exit::over_budget, fmt::format("{} on {} machines: s = {} words do not do; the least s is {}",
                                                         name_of(choice.scheme), choice.machines, choice.words, size.words));
  }
  return {choice.machines, choice.words == 0 ? size.words : choice.words, size.words, size.rounds};
}

template <class Real>
SchemeRun<Real> run(Program<Real>& program, const SchemeChoice& choice, const SchemeSize& size, const Matrix<Real>& x,
                    mpc::Transport& transport, std::size_t shown) {
  auto& ranks = transport.ranks();
  SchemeRun<Real> result;
  const auto start = mpc::seconds_now();
  if (choice.scheme == Scheme::local) {
    mpc::together(ranks, [&] { result.rows = program.forward(x, shown); });
  } else {
    mpc::Model model;
    model.machines = size.machines;
    model.memory = mpc::Words{size.words};
    model.word_bits = 64;  // a number is a word
    model.input_words = model.n = x.values().size();
    mpc::Cluster cluster(model, transport);
    const auto part = choice.scheme == Scheme::ring      ? ring_attention(program, x, cluster, shown)
                      : choice.scheme == Scheme::ulysses ? ulysses_attention(program, x, cluster, shown)
                                                         : simulate(program, *size.trees, x, cluster, {.shown = shown});
    result.ledger = cluster.finish();
    result.rows = gathered(part, x.rows(), program.transformer().out(), ranks);
  }
  const auto mine = static_cast<std::uint64_t>((mpc::seconds_now() - start) * 1e9);
  result.wall_s = static_cast<double>(ranks.maximum(mine)) * 1e-9;
  return result;
}

#define ROUNDTRIP_SCHEMES(Real)                                                        \
  template SchemeSize size_of(const Program<Real>&, std::size_t, const SchemeChoice&); \
  template SchemeRun<Real> run(Program<Real>&, const SchemeChoice&, const SchemeSize&, const Matrix<Real>&, mpc::Transport&, std::size_t);
ROUNDTRIP_SCHEMES(float)
ROUNDTRIP_SCHEMES(double)
#undef ROUNDTRIP_SCHEMES

}  // namespace bridge
