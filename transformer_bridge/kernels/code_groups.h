#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace bridge {

/// Codes of `words` words each, one after the other.
struct Codes {
  const std::uint64_t* data = nullptr;
  std::size_t count = 0, words = 0;
  const std::uint64_t* operator[](std::size_t i) const { return data + i * words; }
};

/// Which codes are equal in the bits of a mask: groups, numbered in the order of their first codes. Compared exactly: by a table of all
/// values if the mask has few bits, else by hash and comparison. O(count words).
class CodeGroups {
 public:
  static constexpr auto none = std::numeric_limits<std::uint32_t>::max();

  /// mask [codes.words]. The codes must outlive this; fewer than 2^32 - 1 of them.
  void build(const Codes& codes, std::span<const std::uint64_t> mask);

  std::size_t groups() const { return first_.size(); }
  std::span<const std::uint32_t> of() const { return of_; }        ///< [count] the group of each code
  std::span<const std::uint32_t> first() const { return first_; }  ///< [groups] the first code of each
  /// The group of those that are equal to this code [words] in the mask's bits, or none.
  std::uint32_t find(const std::uint64_t* code) const;

 private:
  /// Neighbouring bits of the mask, and where they go in an index.
  struct Run {
    std::size_t word;
    std::uint64_t bits;
    unsigned right, left;
  };
  std::uint64_t index(const std::uint64_t* code) const;
  std::uint64_t hash(const std::uint64_t* code) const;
  bool equal(const std::uint64_t* a, const std::uint64_t* b) const;

  Codes codes_;
  std::vector<std::uint64_t> mask_;
  std::vector<Run> runs_;
  bool direct_ = false;
  std::vector<std::uint32_t> table_, of_, first_;
};

/// The members of every group, in ascending order.
class GroupMembers {
 public:
  void build(const CodeGroups& groups);
  std::span<const std::uint32_t> operator[](std::size_t group) const {
    return std::span(members_).subspan(begin_[group], begin_[group + 1] - begin_[group]);
  }

 private:
  std::vector<std::uint32_t> begin_, members_;
};

}  // namespace bridge
