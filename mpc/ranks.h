#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpc/error.h"

namespace mpc {

enum class Reduction { sum, minimum, maximum };

/// The processes of a run, for what is not part of the model: loading, verifying, printing, agreeing on a failure.
/// Every member is collective: all ranks call it, in the same order. Nothing here is charged as a round; a protocol never sees it.
class Ranks {
 public:
  virtual ~Ranks() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// This rank's number, from 0, among those that run on the same computer. By default all do.
  virtual int node_rank() { return rank(); }

  /// Sends counts[r] consecutive words of `send` to rank r; returns what came, in rank order, and sets `received` to the words from each
  /// rank.
  virtual std::vector<std::uint64_t> exchange(std::span<const std::uint64_t> send, std::span<const std::size_t> counts,
                                              std::vector<std::size_t>& received) = 0;

  /// Replaces each value by its reduction over the ranks.
  virtual void reduce(std::span<std::uint64_t> values, Reduction how) = 0;

  /// Gives every rank the bytes that `root` holds.
  virtual void broadcast(std::string& bytes, int root) = 0;

  /// Concatenates the ranks' words in rank order on every rank.
  virtual std::vector<std::uint64_t> gather(std::span<const std::uint64_t> mine) = 0;

  /// Ends all ranks at once with this exit code; only for failures that cannot be agreed on.
  [[noreturn]] virtual void abort(Exit exit) = 0;

  std::uint64_t sum(std::uint64_t value) { return reduced(value, Reduction::sum); }
  std::uint64_t minimum(std::uint64_t value) { return reduced(value, Reduction::minimum); }
  std::uint64_t maximum(std::uint64_t value) { return reduced(value, Reduction::maximum); }

 private:
  std::uint64_t reduced(std::uint64_t value, Reduction how) {
    reduce({&value, 1}, how);
    return value;
  }
};

/// A run of one process.
class SingleRank final : public Ranks {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::vector<std::uint64_t> exchange(std::span<const std::uint64_t> send, std::span<const std::size_t> counts,
                                      std::vector<std::size_t>& received) override;
  void reduce(std::span<std::uint64_t>, Reduction) override {}
  void broadcast(std::string&, int) override {}
  std::vector<std::uint64_t> gather(std::span<const std::uint64_t> mine) override { return {mine.begin(), mine.end()}; }
  [[noreturn]] void abort(Exit exit) override;
};

/// If any rank brings an error, every rank throws the one of the lowest such rank (same text, same exit code).
void throw_together(Ranks& ranks, const std::exception_ptr& mine);

/// Runs `work` on every rank; a failure on one is a failure on all. `work` must call no collective after the point where it can throw.
template <class Work>
void together(Ranks& ranks, Work&& work) {
  std::exception_ptr mine;
  try {
    work();
  } catch (...) {
    mine = std::current_exception();
  }
  throw_together(ranks, mine);
}

}  // namespace mpc
