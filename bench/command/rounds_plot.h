#pragma once

#include <vector>

#include "bench/command/plot.h"
#include "bench/command/rounds_options.h"
#include "bench/command/rounds_row.h"

namespace roundtrip {

/// The rounds of a sweep against log2 N: a panel for each family and choice of memory, in it a line for each protocol, with a mean over the
/// seeds and their range, its declared rounds, and the three reference lines. Runs that did not finish are not in it, and are counted in
/// the note.
Plot rounds_plot(const std::vector<RoundsRow>& rows, const RoundsOptions& options);

}  // namespace roundtrip
