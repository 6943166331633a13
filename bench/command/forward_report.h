#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mpc/ledger.h"

#include "transformer_bridge/formats/hugging_face.h"
#include "transformer_bridge/simulate/schemes.h"

#include "bench/command/forward.h"
#include "bench/command/scheme_row.h"

namespace roundtrip {

/// What `forward` has to say.
struct ForwardResult {
  std::string model, device, dtype;
  bridge::ModelConfig config;
  std::uint64_t parameters = 0;
  bridge::SchemeChoice choice;
  std::vector<std::pair<std::size_t, bridge::SchemeSize>> sizes;  ///< by number of tokens
  std::uint64_t sequences = 0, tokens = 0, shown = 0;
  int ranks = 1;
  std::vector<SchemeRow> rows;  ///< one a sequence
  mpc::Seconds seconds;
  double wall_s = 0, load_s = 0;
  std::uint64_t rss_bytes = 0;
  std::size_t out_rows = 0, out_columns = 0;
  std::uint64_t digest = 0;
  std::string written;                          ///< the file that holds the output; empty: none
  std::vector<std::vector<double>> similarity;  ///< of pooled rows: all scalar products; empty if they were not pooled
};

/// The scalar products of all rows, for unit rows the cosines.
template <class Real>
std::vector<std::vector<double>> similarities(const bridge::Matrix<Real>& rows);

std::string text_report(const ForwardResult& result, const ForwardOptions& options);
/// Schema 1.
std::string json_report(const ForwardResult& result);
/// For --dry-run.
std::string prediction(const ForwardResult& result);

}  // namespace roundtrip
