#pragma once

#include <string>

#include "bench/command/run_result.h"

namespace roundtrip {

/// What a person reads.
std::string text_report(const RunResult& result);
/// The rounds by label, for --explain.
std::string explanation(const RunResult& result);
/// Schema 1.
std::string json_report(const RunResult& result);
/// A header row and one row, with the fields of the JSON.
std::string csv_report(const RunResult& result);
/// What a run would be: for --dry-run.
std::string prediction(const RunResult& result);

}  // namespace roundtrip
