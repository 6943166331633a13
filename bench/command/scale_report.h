#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/command/run_result.h"
#include "bench/command/scale.h"

namespace roundtrip {

/// What the runs on some number of ranks came to.
struct ScaleRow {
  bool weak = false;
  bool first = false;                  ///< of the rows on its input
  RunResult result{};                  ///< of the fastest repetition
  std::vector<double> walls{};         ///< of every repetition, seconds
  bool shared_cores = false;           ///< more ranks than cores
  Verdict verdict = Verdict::skipped;  ///< of the first row on an input: other rows must be the same run
  bool same = true;                    ///< all repetitions, and in strong scaling all rows so far, have one digest and one answer
  bool within_bounds = true;

  const char* checked() const;
  bool good() const { return verdict != Verdict::wrong && same && within_bounds; }
};

/// How a row compares with the first of its kind.
struct Scaling {
  double speedup = 1;     ///< work done in the same time: strong, t1 / t; weak, that times the growth of the input
  double efficiency = 1;  ///< speedup over the growth in ranks
};
Scaling scaling_of(const ScaleRow& row, const std::vector<ScaleRow>& rows);

std::string scale_table(const std::vector<ScaleRow>& rows, const ScaleOptions& options, int cores);
/// A header row and one row each, with the fields of the JSON.
std::string scale_csv(const std::vector<ScaleRow>& rows);
/// Schema 1.
std::string scale_json(const std::vector<ScaleRow>& rows, const ScaleOptions& options, int ranks, int cores);

}  // namespace roundtrip
