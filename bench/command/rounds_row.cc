#include "bench/command/rounds_row.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace roundtrip {

std::string RoundsCase::input() const {
  if (problem.graph) return *problem.graph;
  return problem.input ? *problem.input : fmt::format("{}:{},{}", family, problem.n.value_or(0), problem.k.value_or(0));
}

std::string RoundsCase::memory() const {
  return problem.model.delta ? fmt::format("delta {}", *problem.model.delta) : "s " + problem.model.words;
}

double RoundsRow::log_input() const { return std::log2(static_cast<double>(result.model.input_words)); }

Fact RoundsRow::fact(const std::string& name) const {
  const auto found = std::ranges::find(result.facts, name, &Facts::value_type::first);
  return found == result.facts.end() ? Fact() : found->second;
}

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
  return a.protocol() == b.protocol() && a.members() == b.members() && a.memory() == b.memory();
}

}  // namespace roundtrip
