#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace roundtrip {

/// How "A..B" goes from A to B.
enum class Steps { doubling, counting };

/// The numbers of a command-line list: 1024, 2^10, and ranges 2^10..2^17 (ends included, the last as far as the steps reach). All positive.
/// Throws UsageError, naming the option.
std::vector<std::uint64_t> number_list(const std::vector<std::string>& words, Steps steps, const std::string& option);

}  // namespace roundtrip
