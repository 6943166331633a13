#include "bench/command/number_list.h"

#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "mpc/error.h"

namespace roundtrip {
namespace {

/// No list that anyone waits for is longer.
constexpr std::size_t most_numbers = 100000;

std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) return {};
  return value;
}

/// 1024 or 2^10; below 2^63, so that doubling does not run over.
std::optional<std::uint64_t> number(std::string_view text) {
  if (!text.starts_with("2^")) {
    const auto value = decimal(text);
    return value && *value >= 1 && *value >> 63 == 0 ? value : std::nullopt;
  }
  const auto exponent = decimal(text.substr(2));
  if (!exponent || *exponent > 62) return {};
  return std::uint64_t{1} << *exponent;
}

}  // namespace

std::vector<std::uint64_t> number_list(const std::vector<std::string>& words, Steps steps, const std::string& option) {
  std::vector<std::uint64_t> numbers;
  for (const auto& word : words) {
    const auto dots = word.find("..");
    const auto first = number(std::string_view(word).substr(0, dots));
    const auto last = dots == std::string::npos ? first : number(std::string_view(word).substr(dots + 2));
    if (!first || !last || *first > *last) {
      throw mpc::UsageError(fmt::format("{} holds '{}'; expected positive numbers such as 1024 or 2^10, or a range such as {}", option,
                                        word, steps == Steps::doubling ? "2^10..2^17, each twice the one before" : "1..5"));
    }
    for (auto value = *first; value <= *last; value = steps == Steps::doubling ? 2 * value : value + 1) {
      numbers.push_back(value);
      if (numbers.size() > most_numbers) throw mpc::UsageError(fmt::format("{} holds more than {} numbers", option, most_numbers));
    }
  }
  return numbers;
}

}  // namespace roundtrip
