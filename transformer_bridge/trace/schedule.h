#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/trace/trace.h"

namespace bridge {

/// A column that a layer's row function writes.
struct MadeColumn {
  Atom atom = 0;
  Expression value;  ///< over what the row holds in the layer
};

/// What one send statement's head does, all of it linear in columns that the row holds.
struct ScheduledHead {
  std::string name;
  Bit present{};
  BitWord destination{};
  std::vector<std::pair<Atom, Expression>> brought{};  ///< column that the receiver reads, and what the sender puts there
};

/// A layer: attention, then the row function.
struct ScheduledLayer {
  std::string label;
  std::vector<Atom> held{};  ///< columns of the row when the attention begins, ascending
  std::vector<ScheduledHead> heads{};
  std::vector<Atom> received{};    ///< columns that the attention writes, ascending
  std::vector<MadeColumn> made{};  ///< columns that the row function writes; what the next layer holds is these and some of `held`
};

/// Which values stand in the row between layers, and what is computed where: R + 1 layers, the first of which deals the input.
struct Schedule {
  Circuit circuit;
  std::vector<ScheduledLayer> layers;
  std::vector<Atom> end;             ///< held after the last layer
  std::map<Atom, ColumnName> names;  ///< of all columns that are held
};

/// A value is held from the layer that makes it to the last one that needs it, and never if none does. What a head reads must be linear in
/// the row; where it is not, the row function before computes it into a column of its own.
Schedule schedule(const Trace& trace);

}  // namespace bridge
