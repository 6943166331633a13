#include "transformer_bridge/kernels/code_groups.h"

#include <algorithm>
#include <bit>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/hash.h"

namespace bridge {

void CodeGroups::build(const Codes& codes, std::span<const std::uint64_t> mask) {
  if (codes.count >= none) throw mpc::UsageError(fmt::format("routed attention: expected fewer than 2^32 - 1 tokens, got {}", codes.count));
  codes_ = codes;
  mask_.assign(mask.begin(), mask.end());
  runs_.clear();
  unsigned bits = 0;
  for (std::size_t w = 0; w < mask_.size(); ++w) {
    for (auto left = mask_[w]; left != 0;) {
      const auto right = static_cast<unsigned>(std::countr_zero(left));
      const auto length = static_cast<unsigned>(std::countr_one(left >> right));
      const auto run = length == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << length) - 1;
      if (bits < 64) runs_.push_back({w, run, right, bits});
      bits += length;
      left &= ~(run << right);
    }
  }
  const auto enough = std::clamp<unsigned>(static_cast<unsigned>(std::bit_width(codes.count)) + 2, 10, 28);
  direct_ = bits <= enough;
  table_.assign(direct_ ? std::size_t{1} << bits : std::bit_ceil(2 * codes.count + 1), none);
  of_.resize(codes.count);
  first_.clear();
  for (std::size_t i = 0; i < codes.count; ++i) {
    const auto* code = codes[i];
    auto slot = index(code);
    if (!direct_) {
      while (table_[slot] != none && !equal(code, codes[first_[table_[slot]]])) slot = (slot + 1) & (table_.size() - 1);
    }
    if (table_[slot] == none) {
      table_[slot] = static_cast<std::uint32_t>(first_.size());
      first_.push_back(static_cast<std::uint32_t>(i));
    }
    of_[i] = table_[slot];
  }
}

std::uint32_t CodeGroups::find(const std::uint64_t* code) const {
  auto slot = index(code);
  if (!direct_) {
    while (table_[slot] != none && !equal(code, codes_[first_[table_[slot]]])) slot = (slot + 1) & (table_.size() - 1);
  }
  return table_[slot];
}

std::uint64_t CodeGroups::index(const std::uint64_t* code) const {
  if (!direct_) return hash(code) & (table_.size() - 1);
  std::uint64_t result = 0;
  for (const auto& run : runs_) result |= (code[run.word] >> run.right & run.bits) << run.left;
  return result;
}

std::uint64_t CodeGroups::hash(const std::uint64_t* code) const {
  std::uint64_t result = 0;
  for (std::size_t w = 0; w < mask_.size(); ++w) result = mpc::mix(result ^ (code[w] & mask_[w]));
  return result;
}

bool CodeGroups::equal(const std::uint64_t* a, const std::uint64_t* b) const {
  for (std::size_t w = 0; w < mask_.size(); ++w) {
    if (((a[w] ^ b[w]) & mask_[w]) != 0) return false;
  }
  return true;
}

void GroupMembers::build(const CodeGroups& groups) {
  begin_.assign(groups.groups() + 1, 0);
  for (const auto group : groups.of()) ++begin_[group + 1];
  for (std::size_t g = 0; g < groups.groups(); ++g) begin_[g + 1] += begin_[g];
  members_.resize(groups.of().size());
  // Forwards, each group's begin moves to its end, which is the next one's begin.
  for (std::size_t i = 0; i < members_.size(); ++i) members_[begin_[groups.of()[i]]++] = static_cast<std::uint32_t>(i);
  for (auto g = groups.groups(); g > 0; --g) begin_[g] = begin_[g - 1];
  begin_[0] = 0;
}

}  // namespace bridge
