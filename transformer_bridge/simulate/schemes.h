#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "mpc/ledger.h"
#include "mpc/transport.h"

#include "transformer_bridge/simulate/attention_trees.h"
#include "transformer_bridge/transformer/matrix.h"
#include "transformer_bridge/transformer/program.h"

/// The ways to run a transformer over machines, with one face, so that they stand side by side.
namespace bridge {

enum class Scheme {
  local,     ///< one process, no rounds
  ring,      ///< ring.h
  ulysses,   ///< ulysses.h
  theorem2,  ///< simulate.h
};
inline constexpr Scheme all_schemes[] = {Scheme::local, Scheme::ring, Scheme::ulysses, Scheme::theorem2};

std::string name_of(Scheme scheme);

struct SchemeChoice {
  Scheme scheme = Scheme::local;
  std::uint64_t words = 0;     ///< s; 0: the least
  std::uint64_t tile = 1;      ///< theorem2: tokens in a block, B
  std::uint64_t machines = 4;  ///< ring and ulysses: P. The other schemes say themselves how many they need
};

/// What a scheme takes for so many tokens.
struct SchemeSize {
  std::uint64_t machines = 1;
  std::uint64_t words = 0;                ///< s; 0 for local
  std::uint64_t least_words = 0;          ///< the smallest s that is not refused
  std::uint64_t rounds = 0;               ///< R, by the scheme's formula
  std::optional<AttentionTrees> trees{};  ///< of theorem2
};

/// Throws mpc::Error with Exit::over_budget, which names the least s, if s does not do; mpc::UsageError for machines that the scheme cannot
/// use; mpc::InputError for a sequence that does not fit the transformer.
template <class Real>
SchemeSize size_of(const Program<Real>& program, std::size_t tokens, const SchemeChoice& choice);

template <class Real>
struct SchemeRun {
  Matrix<Real> rows{};   ///< [N, out], the same on every rank
  mpc::Ledger ledger{};  ///< of all ranks
  double wall_s = 0;     ///< of the slowest rank
};

/// Runs the program on x [N, in()], which every rank has whole. Collective. `size` is that of these tokens and this choice.
template <class Real>
SchemeRun<Real> run(Program<Real>& program, const SchemeChoice& choice, const SchemeSize& size, const Matrix<Real>& x,
                    mpc::Transport& transport, std::size_t shown = std::numeric_limits<std::size_t>::max());

}  // namespace bridge
