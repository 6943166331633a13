#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace bridge {

/// A row of which only some blocks of columns are stored: the j-th covers the columns [at[j] * block, (at[j] + 1) * block).
template <class Real>
struct BlockRow {
  std::span<const std::uint32_t> at;
  std::span<const Real> values;  ///< [at.size() * block]
};

/// Rows of a matrix that is zero almost everywhere: blocks of `block` neighbouring columns, in any order within a row, each at most once.
/// With blocks of one column it is the usual list of non-zeros.
template <class Real>
class BlockRows {
 public:
  explicit BlockRows(std::size_t block = 1) : block_(block) {}

  std::size_t block() const { return block_; }
  std::size_t rows() const { return ends_.size(); }
  /// Blocks that are stored.
  std::size_t blocks() const { return at_.size(); }
  std::size_t bytes() const { return at_.size() * (sizeof(std::uint32_t) + block_ * sizeof(Real)); }

  BlockRow<Real> row(std::size_t i) const {
    const auto begin = i == 0 ? 0 : ends_[i - 1];
    const auto count = ends_[i] - begin;
    return {std::span(at_).subspan(begin, count), std::span(values_).subspan(begin * block_, count * block_)};
  }
  std::span<Real> values_of(std::size_t i) {
    const auto begin = i == 0 ? 0 : ends_[i - 1];
    return std::span(values_).subspan(begin * block_, (ends_[i] - begin) * block_);
  }

  /// Appends a block to the row that is being written, all zero; valid until the next call.
  std::span<Real> add(std::uint32_t at) {
    at_.push_back(at);
    values_.resize(values_.size() + block_);
    return std::span(values_).last(block_);
  }
  void add(std::uint32_t at, Real value) { add(at)[0] = value; }
  /// The blocks of the row that is being written.
  std::span<Real> open_values() {
    const auto begin = ends_.empty() ? 0 : ends_.back();
    return std::span(values_).subspan(begin * block_);
  }
  std::span<const std::uint32_t> open_blocks() const { return std::span(at_).subspan(ends_.empty() ? 0 : ends_.back()); }
  void end_row() { ends_.push_back(at_.size()); }
  /// Room for so many more blocks.
  void reserve(std::size_t blocks) {
    at_.reserve(at_.size() + blocks);
    values_.reserve(values_.size() + blocks * block_);
  }
  /// No rows; the memory stays for the next ones, of blocks of this size.
  void clear(std::size_t block) {
    block_ = block;
    at_.clear();
    values_.clear();
    ends_.clear();
  }
  void append(const BlockRow<Real>& row) {
    at_.insert(at_.end(), row.at.begin(), row.at.end());
    values_.insert(values_.end(), row.values.begin(), row.values.end());
    end_row();
  }
  void append(const BlockRows& rows) {
    const auto before = at_.size();
    at_.insert(at_.end(), rows.at_.begin(), rows.at_.end());
    values_.insert(values_.end(), rows.values_.begin(), rows.values_.end());
    for (const auto end : rows.ends_) ends_.push_back(before + end);
  }

  /// All rows as 64-bit words, for sending.
  std::vector<std::uint64_t> packed() const {
    std::vector<std::uint64_t> words{rows(), blocks()};
    words.insert(words.end(), ends_.begin(), ends_.end());
    const auto append = [&](const void* data, std::size_t bytes) {
      const auto begin = words.size();
      words.resize(begin + (bytes + 7) / 8, 0);
      if (bytes != 0) std::memcpy(words.data() + begin, data, bytes);
    };
    append(at_.data(), at_.size() * sizeof(std::uint32_t));
    append(values_.data(), values_.size() * sizeof(Real));
    return words;
  }
  /// Appends the rows that begin here; returns the word after them.
  const std::uint64_t* append_packed(const std::uint64_t* words) {
    const auto rows = words[0];
    const auto count = words[1];
    words += 2;
    const auto before = at_.size();
    for (std::uint64_t i = 0; i < rows; ++i) ends_.push_back(before + words[i]);
    words += rows;
    const auto take = [&](auto& to, std::size_t elements) {
      const auto begin = to.size();
      to.resize(begin + elements);
      const auto bytes = elements * sizeof(to[0]);
      if (bytes != 0) std::memcpy(to.data() + begin, words, bytes);
      words += (bytes + 7) / 8;
    };
    take(at_, count);
    take(values_, count * block_);
    return words;
  }

 private:
  std::size_t block_;
  std::vector<std::uint32_t> at_;
  std::vector<Real> values_;
  std::vector<std::size_t> ends_;
};

}  // namespace bridge
