#include "bench/command/input_kind.h"

#include "protocols/even_share.h"

#include "bench/command/text.h"

namespace roundtrip {

Fact LoadedInput::shown(std::optional<std::uint64_t> value) const { return value ? Fact(*value) : Fact(); }

std::vector<std::uint64_t> first_items(std::uint64_t items, std::uint64_t machines, mpc::MachineBlock here, mpc::Ranks& ranks) {
  auto firsts = ranks.gather(std::vector<std::uint64_t>{here.first});
  firsts.push_back(machines);
  for (auto& first : firsts) first = protocols::first_item(first, items, machines);
  return firsts;
}

std::string for_people(const Fact& fact) {
  if (const auto* number = std::get_if<std::uint64_t>(&fact)) return grouped(*number);
  if (const auto* text = std::get_if<std::string>(&fact)) return *text;
  return "undefined";
}

}  // namespace roundtrip
