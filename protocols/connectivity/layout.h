#pragma once

#include <cstdint>

#include "mpc/model.h"
#include "mpc/primitives/combining_tree.h"

#include "protocols/protocol.h"

/// What the variants of connectivity in the edge layout share: how much comes together about the vertices that all machines ask about, and
/// how many levels of combining keep it below s.

namespace protocols {

/// ceil(count / q).
inline std::uint64_t per_machine(std::uint64_t count, const mpc::Model& model) { return (count + model.machines - 1) / model.machines; }

/// Words that meet on one combiner about vertices that all machines ask about; measured, not proved. More than three such vertices were not
/// seen on one owner where s is this large. Graphs of many small components have few of them.
std::uint64_t crowd(const mpc::Model& model, const Shape& shape, std::uint64_t levels);

/// The fewest levels at which the demand is at most s; if there are none, those with the smallest demand. demand(levels) is in Words.
template <class Demand>
std::uint64_t fewest_levels(const mpc::Model& model, const Shape& shape, std::uint64_t notes, Demand&& demand) {
  std::uint64_t best = 1;
  for (std::uint64_t levels = 1;; ++levels) {
    if (levels > 1 && !mpc::CombiningTree::fits(shape.vertices, model.machines, levels, notes, model.word_bits / 2)) return best;
    if (demand(levels) < demand(best)) best = levels;
    if (demand(best) <= model.memory) return best;
    if (mpc::CombiningTree::fan_in(model.machines, levels) <= 3) return best;
  }
}

}  // namespace protocols
