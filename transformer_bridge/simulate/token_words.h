#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "mpc/cluster.h"

#include "transformer_bridge/simulate/pieces.h"
#include "transformer_bridge/transformer/matrix.h"
#include "transformer_bridge/transformer/program.h"

namespace bridge {

/// Words of the output that the machines of a rank hold, which are consecutive.
template <class Real>
struct OutputPart {
  std::size_t first = 0;  ///< the first one's place in the output, row after row
  std::vector<Real> values{};
};

/// What a protocol on a given number of machines takes.
struct ProtocolSize {
  std::uint64_t rounds = 0;  ///< R
  std::uint64_t words = 0;   ///< least s
};

/// So many words, or tokens, dealt evenly over q machines: machine i holds those from floor(i words / q) on. As inputs come, and answers
/// are left.
class EvenShares {
 public:
  EvenShares(std::size_t words, std::uint64_t machines) : words_(words), machines_(machines) {}
  std::size_t first(std::uint64_t machine) const {
    return static_cast<std::size_t>(static_cast<mpc::DoubleWord>(words_) * machine / machines_);
  }
  /// The last machine whose words begin at this place or before it.
  std::uint64_t holder(std::size_t place) const {
    return static_cast<std::uint64_t>((static_cast<mpc::DoubleWord>(place + 1) * machines_ - 1) / words_);
  }
  std::size_t count(std::uint64_t machine) const { return first(machine + 1) - first(machine); }
  std::size_t most() const { return words_ / machines_ + (words_ % machines_ == 0 ? 0 : 1); }  ///< on a machine

 private:
  std::size_t words_;
  std::uint64_t machines_;
};

/// One round: every machine sends its words of x to the machines owner(row) of their rows. Every rank has x whole.
template <class Real, class Owner>
mpc::Inboxes<Piece<1>> deal_input(mpc::Cluster& cluster, const Matrix<Real>& x, Owner&& owner) {
  const auto scope = cluster.scope("input");
  const EvenShares dealt(x.values().size(), cluster.model().machines);
  return cluster.template round<Piece<1>>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
    const auto machine = me.id().value;
    for (auto at = dealt.first(machine); at < dealt.first(machine + 1); ++at) {
      out.send(owner(at / x.columns()), Piece<1>{{static_cast<double>(x.values()[at])}});
    }
  });
}

/// What the machines of this rank hold of an output of so many words, from the inboxes of the round that dealt it.
template <class Real>
OutputPart<Real> output_part(mpc::Cluster& cluster, std::size_t words, const mpc::Inboxes<Piece<1>>& held) {
  const EvenShares dealt(words, cluster.model().machines);
  OutputPart<Real> part;
  bool first = true;
  cluster.local(held, [&](const auto& me, const auto& inbox) {
    if (std::exchange(first, false)) part.first = dealt.first(me.id().value);
    for (const auto& [source, message] : inbox) part.values.push_back(static_cast<Real>(message.values[0]));
  });
  return part;
}

/// One round: every machine sends the rows of its tokens, which it no longer keeps, to the machines that hold the answer's words.
template <class Real, class Rows>
OutputPart<Real> deal_rows(mpc::Cluster& cluster, const EvenShares& tokens, std::size_t rows, std::size_t columns, Rows&& rows_of) {
  const EvenShares dealt(rows * columns, cluster.model().machines);
  const auto held = cluster.template round<Piece<1>>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
    auto place = tokens.first(me.id().value) * columns;
    for (const auto number : rows_of(me)) out.send(dealt.holder(place++), Piece<1>{{static_cast<double>(number)}});
    rows_of(me).clear();
  });
  return output_part<Real>(cluster, rows * columns, held);
}

/// Words that a machine moves at most when inputs come and answers go, of tokens that are dealt evenly.
template <class Real>
std::uint64_t dealing_words(const Program<Real>& program, std::size_t tokens, std::uint64_t machines) {
  const auto most = [&](std::size_t columns) {
    return std::max(EvenShares(tokens, machines).most() * columns, EvenShares(tokens * columns, machines).most());
  };
  return std::max(most(program.transformer().in()), most(program.transformer().out()));
}

}  // namespace bridge
