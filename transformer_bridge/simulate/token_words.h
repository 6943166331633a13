#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "mpc/cluster.h"

#include "transformer_bridge/simulate/pieces.h"
#include "transformer_bridge/transformer/matrix.h"

namespace bridge {

/// Words of the output that the machines of a rank hold, which are consecutive.
template <class Real>
struct OutputPart {
  std::size_t first = 0;  ///< the first one's place in the output, row after row
  std::vector<Real> values{};
};

/// So many words, dealt evenly over the machines: machine i holds those from floor(i words / q) on. As inputs come, and answers are left.
class DealtWords {
 public:
  DealtWords(std::size_t words, std::uint64_t machines) : words_(words), machines_(machines) {}
  std::size_t first(std::uint64_t machine) const {
    return static_cast<std::size_t>(static_cast<mpc::DoubleWord>(words_) * machine / machines_);
  }
  /// The last machine whose words begin at this place or before it.
  std::uint64_t holder(std::size_t place) const {
    return static_cast<std::uint64_t>((static_cast<mpc::DoubleWord>(place + 1) * machines_ - 1) / words_);
  }

 private:
  std::size_t words_;
  std::uint64_t machines_;
};

/// One round: every machine sends its words of x to the machines owner(row) of their rows. Every rank has x whole.
template <class Real, class Owner>
mpc::Inboxes<Piece<1>> deal_input(mpc::Cluster& cluster, const Matrix<Real>& x, Owner&& owner) {
  const auto scope = cluster.scope("input");
  const DealtWords dealt(x.values().size(), cluster.model().machines);
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
  const DealtWords dealt(words, cluster.model().machines);
  OutputPart<Real> part;
  bool first = true;
  cluster.local(held, [&](const auto& me, const auto& inbox) {
    if (std::exchange(first, false)) part.first = dealt.first(me.id().value);
    for (const auto& [source, message] : inbox) part.values.push_back(static_cast<Real>(message.values[0]));
  });
  return part;
}

}  // namespace bridge
