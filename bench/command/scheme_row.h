#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "transformer_bridge/simulate/schemes.h"

namespace roundtrip {

/// One run of a transformer under a scheme, as tables and JSON show it.
struct SchemeRow {
  std::string name, scheme, dtype;
  std::uint64_t tokens = 0, width = 0, heads = 0, layers = 0;  ///< width: columns of a query, key or value of all heads, "mH"
  std::uint64_t words = 0, tile = 1, machines = 1;
  std::uint64_t rounds = 0, rounds_formula = 0;
  std::uint64_t max_sent = 0, max_received = 0, max_kept_plus_sent = 0, max_kept_plus_received = 0, total_words = 0, messages = 0;
  std::optional<double> error{};  ///< against a reference: max |x - y| / max |y|
  std::uint64_t digest = 0;       ///< of the bits of the output
  double wall_s = 0;
};

template <class Real>
SchemeRow row_of(const std::string& name, const bridge::Program<Real>& program, const bridge::SchemeChoice& choice,
                 const bridge::SchemeSize& size, const bridge::SchemeRun<Real>& run);

nlohmann::ordered_json json_of(const SchemeRow& row);

/// A hash of the bits of numbers.
template <class Real>
std::uint64_t digest_of(std::span<const Real> numbers, std::uint64_t state = 0);

/// "f32" or "f64".
template <class Real>
std::string dtype_name();

}  // namespace roundtrip
