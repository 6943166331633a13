#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/command/fit.h"
#include "bench/command/rounds_options.h"
#include "bench/command/rounds_row.h"

namespace roundtrip {

/// The fit of a series: its rounds against log2 N, over all sizes and seeds that finished.
struct SeriesFit {
  const RoundsCase* series;      ///< its first case
  std::optional<LinearFit> fit;  ///< nothing if fewer than two sizes finished
};
std::vector<SeriesFit> fits(const std::vector<RoundsRow>& rows);

/// What a person reads: the head of the table, a line a row and what went wrong with it, and what stands below.
std::string table_head();
std::string table_line(const RoundsRow& row);
std::string table_foot(const std::vector<RoundsRow>& rows, const RoundsOptions& options);

/// The names of the fields of a row, and a row, as CSV lines.
std::string csv_head();
std::string csv_line(const RoundsRow& row);

/// Schema 1: the rows, and the fits if they are wanted.
std::string json_report(const std::vector<RoundsRow>& rows, const RoundsOptions& options, int ranks);

}  // namespace roundtrip
