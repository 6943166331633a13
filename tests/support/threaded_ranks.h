#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "mpc/ranks.h"

namespace tests {

/// Ranks that are threads of one process. A rank that ends while others wait for it in a collective is an error there, not a hang.
class ThreadedRanks {
 public:
  /// Runs work(ranks) on `size` ranks; throws what the lowest failing rank threw.
  template <class Work>
  static void run(int size, Work&& work) {
    ThreadedRanks all(size);
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size));
    std::vector<std::thread> threads;
    for (int r = 0; r < size; ++r) {
      threads.emplace_back([&, r] {
        One one(all, r);
        try {
          work(static_cast<mpc::Ranks&>(one));
        } catch (...) {
          errors[static_cast<std::size_t>(r)] = std::current_exception();
        }
        all.leave();
      });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& error : errors) {
      if (error) std::rethrow_exception(error);
    }
  }

  /// As run(), and returns what each rank returned.
  template <class Work>
  static auto results(int size, Work&& work) {
    std::vector<std::optional<decltype(work(std::declval<mpc::Ranks&>()))>> slots(static_cast<std::size_t>(size));
    run(size, [&](mpc::Ranks& ranks) { slots[static_cast<std::size_t>(ranks.rank())].emplace(work(ranks)); });
    std::vector<decltype(work(std::declval<mpc::Ranks&>()))> values;
    for (auto& slot : slots) values.push_back(std::move(*slot));
    return values;
  }

 private:
  /// What a rank shows to the others during a collective.
  struct Shown {
    std::span<const std::uint64_t> words;
    std::span<const std::size_t> counts;
    std::string* bytes = nullptr;
  };

  class One final : public mpc::Ranks {
   public:
    One(ThreadedRanks& all, int rank) : all_(all), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return static_cast<int>(all_.shown_.size()); }

    std::vector<std::uint64_t> exchange(std::span<const std::uint64_t> send, std::span<const std::size_t> counts,
                                        std::vector<std::size_t>& received) override {
      std::size_t sum = 0;
      for (const auto count : counts) sum += count;
      if (counts.size() != all_.shown_.size() || sum != send.size()) throw std::logic_error("exchange: counts do not fit the words");
      const auto me = static_cast<std::size_t>(rank_);
      std::vector<std::uint64_t> result;
      std::vector<std::size_t> from_each;
      meet({send, counts, nullptr}, [&] {
        std::size_t in_all = 0;
        for (const auto& from : all_.shown_) in_all += from.counts[me];
        result.reserve(in_all);
        for (const auto& from : all_.shown_) {
          const auto* at = from.words.data();
          for (std::size_t r = 0; r < me; ++r) at += from.counts[r];
          result.insert(result.end(), at, at + from.counts[me]);
          from_each.push_back(from.counts[me]);
        }
      });
      received = std::move(from_each);  // may alias `counts`
      return result;
    }

    void reduce(std::span<std::uint64_t> values, mpc::Reduction how) override {
      std::vector<std::uint64_t> result(values.begin(), values.end());
      meet({values, {}, nullptr}, [&] {
        result.assign(all_.shown_.front().words.begin(), all_.shown_.front().words.end());
        for (std::size_t r = 1; r < all_.shown_.size(); ++r) {
          for (std::size_t i = 0; i < result.size(); ++i) {
            const auto other = all_.shown_[r].words[i];
            result[i] = how == mpc::Reduction::sum       ? result[i] + other
                        : how == mpc::Reduction::minimum ? std::min(result[i], other)
                                                         : std::max(result[i], other);
          }
        }
      });
      std::ranges::copy(result, values.begin());
    }

    void broadcast(std::string& bytes, int root) override {
      std::string result;
      meet({{}, {}, &bytes}, [&] { result = *all_.shown_[static_cast<std::size_t>(root)].bytes; });
      bytes = std::move(result);
    }

    std::vector<std::uint64_t> gather(std::span<const std::uint64_t> mine) override {
      std::vector<std::uint64_t> result;
      meet({mine, {}, nullptr}, [&] {
        for (const auto& from : all_.shown_) result.insert(result.end(), from.words.begin(), from.words.end());
      });
      return result;
    }

    [[noreturn]] void abort(mpc::Exit) override { throw std::logic_error("a rank aborted"); }

   private:
    /// All ranks show, then all look, then all go on.
    template <class Look>
    void meet(const Shown& mine, Look&& look) {
      all_.shown_[static_cast<std::size_t>(rank_)] = mine;
      all_.wait();
      look();
      all_.wait();
    }

    ThreadedRanks& all_;
    int rank_;
  };

  explicit ThreadedRanks(int size) : shown_(static_cast<std::size_t>(size)) {}

  void wait() {
    std::unique_lock lock(mutex_);
    const auto turn = turn_;
    if (++waiting_ == shown_.size()) {
      waiting_ = 0;
      ++turn_;
      changed_.notify_all();
      return;
    }
    changed_.wait(lock, [&] { return turn_ != turn || left_; });
    if (turn_ == turn) throw std::logic_error("a rank left while others wait in a collective");
  }

  void leave() {
    const std::lock_guard lock(mutex_);
    left_ = true;
    changed_.notify_all();
  }

  std::vector<Shown> shown_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t waiting_ = 0;
  std::uint64_t turn_ = 0;
  bool left_ = false;
};

}  // namespace tests
