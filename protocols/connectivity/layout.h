#pragma once

#include <cstdint>

#include "mpc/model.h"
#include "mpc/primitives/combining_tree.h"

#include "protocols/graph_input.h"

/// What the variants of connectivity in the edge layout share: how much comes together about the vertices that all machines ask about, and
/// how many levels of combining keep it below s.

namespace protocols {

/// ceil(count / q).
inline std::uint64_t per_machine(std::uint64_t count, const mpc::Model& model) { return (count + model.machines - 1) / model.machines; }

/// s for neighbourhood reductions by a tree of so many levels, where a machine keeps so many words of its own and a rider adds so many to
/// a round; measured, not proved. One level: what is asked, and hot keys, about which all q machines ask; more than three were not
/// seen to meet on one owner where s is this large, and graphs of many small components have few. More levels: a machine combines
/// as much as it asks, on average, at each level, and the askers wait; and two hot keys.
mpc::Words layout_memory(const mpc::Model& model, const Shape& shape, std::uint64_t levels, std::uint64_t kept, std::uint64_t rider);

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
