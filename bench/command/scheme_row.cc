#include "bench/command/scheme_row.h"

#include <bit>
#include <type_traits>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "mpc/hash.h"

#include "transformer_bridge/simulate/simulate.h"

namespace roundtrip {

template <class Real>
std::string dtype_name() {
  return std::is_same_v<Real, float> ? "f32" : "f64";
}

template <class Real>
std::uint64_t digest_of(std::span<const Real> numbers, std::uint64_t state) {
  using Bits = std::conditional_t<std::is_same_v<Real, float>, std::uint32_t, std::uint64_t>;
  state = mpc::mix(state ^ numbers.size());
  for (const auto number : numbers) state = mpc::mix(std::rotl(state, 23) ^ std::bit_cast<Bits>(number));
  return state;
}

template <class Real>
SchemeRow row_of(const std::string& name, const bridge::Program<Real>& program, const bridge::SchemeChoice& choice,
                 const bridge::SchemeSize& size, const bridge::SchemeRun<Real>& run) {
  const auto shape = bridge::shape_of(program.transformer(), run.rows.rows());
  const auto& ledger = run.ledger;
  SchemeRow row{.name = name, .scheme = bridge::name_of(choice.scheme), .dtype = dtype_name<Real>()};
  row.tokens = shape.tokens;
  row.width = shape.head_width;
  row.heads = shape.heads;
  row.layers = shape.layers;
  row.words = size.words;
  row.tile = size.trees ? size.trees->block_tokens() : 1;
  row.machines = size.machines;
  row.rounds = ledger.rounds.size();
  row.rounds_formula = size.rounds;
  row.max_sent = ledger.max_sent();
  row.max_received = ledger.max_received();
  row.max_kept_plus_sent = ledger.max_kept_plus_sent();
  row.max_kept_plus_received = ledger.max_kept_plus_received();
  row.total_words = ledger.words();
  row.messages = ledger.messages();
  row.digest = digest_of<Real>(run.rows.values());
  row.wall_s = run.wall_s;
  return row;
}

nlohmann::ordered_json json_of(const SchemeRow& row) {
  nlohmann::ordered_json json;
  json["name"] = row.name;
  json["scheme"] = row.scheme;
  json["dtype"] = row.dtype;
  json["tokens"] = row.tokens;
  json["width"] = row.width;
  json["heads"] = row.heads;
  json["layers"] = row.layers;
  json["words"] = row.words;
  json["tile"] = row.tile;
  json["machines"] = row.machines;
  json["rounds"] = row.rounds;
  json["rounds_formula"] = row.rounds_formula;
  json["max_sent"] = row.max_sent;
  json["max_received"] = row.max_received;
  json["max_kept_plus_sent"] = row.max_kept_plus_sent;
  json["max_kept_plus_received"] = row.max_kept_plus_received;
  json["total_words"] = row.total_words;
  json["messages"] = row.messages;
  json["error"] = row.error ? nlohmann::ordered_json(*row.error) : nlohmann::ordered_json(nullptr);
  json["digest"] = fmt::format("{:016x}", row.digest);
  json["wall_s"] = row.wall_s;
  return json;
}

#define ROUNDTRIP_ROWS(Real)                                                                                                          \
  template std::string dtype_name<Real>();                                                                                            \
  template std::uint64_t digest_of(std::span<const Real>, std::uint64_t);                                                             \
  template SchemeRow row_of(const std::string&, const bridge::Program<Real>&, const bridge::SchemeChoice&, const bridge::SchemeSize&, \
                            const bridge::SchemeRun<Real>&);
ROUNDTRIP_ROWS(float)
ROUNDTRIP_ROWS(double)
#undef ROUNDTRIP_ROWS

}  // namespace roundtrip
