#include "bench/command/rounds_row.h"

#include <cmath>

#include <fmt/format.h>

namespace roundtrip {

std::string RoundsCase::memory() const {
  return problem.model.delta ? fmt::format("delta {}", *problem.model.delta) : "s " + problem.model.words;
}

double RoundsRow::log_input() const { return std::log2(static_cast<double>(result.model.input_words)); }

std::string RoundsRow::verdict() const {
  if (finished) {
    if (result.verdict == Verdict::wrong) return "WRONG";
    if (!result.within_bounds()) return "EXCEEDED";
    return result.verdict == Verdict::verified ? "verified" : "not checked";
  }
  switch (exit) {
    case mpc::Exit::usage: return "out of range";
    case mpc::Exit::bad_input: return "bad input";
    case mpc::Exit::over_budget: return "over budget";
    default: return "fault";
  }
}

bool same_series(const RoundsCase& a, const RoundsCase& b) {
  return a.protocol() == b.protocol() && a.family == b.family && a.memory() == b.memory();
}

}  // namespace roundtrip
