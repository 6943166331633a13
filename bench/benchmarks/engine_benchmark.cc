// A full round of the engine against the same work without an engine: mpirun -n 2 build/release/benchmarks/engine_benchmark

#include <array>
#include <bit>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "mpc/buffer.h"
#include "mpc/cluster.h"
#include "mpc/hash.h"
#include "mpc/transport/mpi.h"

#include "bench/benchmarks/contest.h"

namespace {

using mpc::Word;

constexpr std::size_t messages_a_rank = std::size_t{1} << 20;
constexpr unsigned value_bits = 42;

struct Pair {
  Word a = 0, b = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a& b;
  }
  friend bool operator==(const Pair&, const Pair&) = default;
};
constexpr std::size_t pair_words = 2;

Pair message(std::uint64_t index) { return {index, (index * 0x9e3779b97f4a7c15U) >> (64 - value_bits)}; }

/// What this rank's machines send: machine `local` the messages [local * each, (local + 1) * each).
struct Traffic {
  Traffic(mpc::Ranks& ranks, std::size_t machines_a_rank)
      : ranks(static_cast<std::size_t>(ranks.size())),
        rank(static_cast<std::size_t>(ranks.rank())),
        machines(machines_a_rank),
        each(messages_a_rank / machines_a_rank),
        block_bits(static_cast<unsigned>(std::countr_zero(machines_a_rank))),
        first_message(rank * messages_a_rank),
        targets(messages_a_rank) {
    const mpc::PublicHash hash(7);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      targets[i] = static_cast<std::uint32_t>(hash.below(this->ranks * machines, first_message + i));
    }
  }
  std::uint64_t first_machine() const { return rank * machines; }

  std::size_t ranks, rank, machines, each;
  unsigned block_bits;  // machines a rank: a power of two
  std::uint64_t first_message;
  std::vector<std::uint32_t> targets;
};

/// A buffer whose pages exist.
mpc::Buffer touched(std::size_t words) {
  mpc::Buffer buffer;
  buffer.reserve(words);
  std::memset(buffer.data(), 1, words * sizeof(Word));
  return buffer;
}

/// The round as a bare loop: pack into a block per rank, headers first, then the payload, then a stable order by destination.
/// Nothing is checked and nothing can grow.
class Pipeline {
 public:
  Pipeline(mpc::Transport& transport, const Traffic& traffic) : transport_(transport), traffic_(traffic) {
    const auto room = messages_a_rank;
    const auto arriving = 2 * messages_a_rank;  // twice the expected number
    send_headers_ = touched(traffic.ranks * room);
    send_words_ = touched(traffic.ranks * room * pair_words);
    headers_ = touched(arriving);
    words_ = touched(arriving * pair_words);
    for (auto* records : {&records_, &other_records_}) *records = touched(arriving * record_words);
    for (auto* keys : {&keys_, &other_keys_}) *keys = touched(arriving);
    ordered_ = touched(arriving * pair_words);
    starts_.assign(traffic.machines + 1, 0);
    const auto passes = std::max(1U, (traffic.block_bits + most_digit_bits - 1) / most_digit_bits);
    digit_bits_ = (traffic.block_bits + passes - 1) / passes;
    histograms_.assign(passes, std::vector<std::size_t>(std::size_t{1} << digit_bits_));
  }

  // The loops work on copies of the members: a word that is stored might be one of them, for all that the compiler knows.

  /// Sorts (destination, index) keys and gathers the payload once.
  void run_keys() {
    pack_and_exchange();
    if (traffic_.machines == 1) return;
    count_digits();
    const auto count = count_;
    const auto first = traffic_.first_machine();
    const auto mask = mask_of_digit();
    const auto* headers = headers_.data();
    const auto* words = words_.data();
    auto* ordered = ordered_.data();
    auto* from = keys_.data();
    auto* to = other_keys_.data();
    for (std::size_t pass = 0; pass < histograms_.size(); ++pass, std::swap(from, to)) {
      auto* offsets = histograms_[pass].data();
      const auto shift = 32 + pass * digit_bits_;
      if (pass == 0) {
        for (std::size_t i = 0; i < count; ++i) {
          const auto local = (headers[i] & 0xffffffffU) - first;
          to[offsets[local & mask]++] = local << 32 | i;
        }
      } else {
        for (std::size_t i = 0; i < count; ++i) to[offsets[(from[i] >> shift) & mask]++] = from[i];
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(ordered + i * pair_words, words + (from[i] & 0xffffffffU) * pair_words, pair_words * sizeof(Word));
    }
    find_starts(from, 1, [](Word key) { return key >> 32; });
  }

  /// Moves whole records, low digit first.
  void run_records() {
    pack_and_exchange();
    if (traffic_.machines == 1) return;
    count_digits();
    const auto count = count_;
    const auto first = traffic_.first_machine();
    const auto mask = mask_of_digit();
    const auto* headers = headers_.data();
    const auto* words = words_.data();
    auto* from = records_.data();
    auto* to = other_records_.data();
    for (std::size_t pass = 0; pass < histograms_.size(); ++pass, std::swap(from, to)) {
      auto* offsets = histograms_[pass].data();
      const auto shift = pass * digit_bits_;
      if (pass == 0) {
        for (std::size_t i = 0; i < count; ++i) {
          const auto header = headers[i];
          auto* record = to + offsets[((header & 0xffffffffU) - first) & mask]++ * record_words;
          record[0] = header;
          std::memcpy(record + 1, words + i * pair_words, pair_words * sizeof(Word));
        }
      } else {
        for (std::size_t i = 0; i < count; ++i) {
          const auto* record = from + i * record_words;
          const auto digit = (((*record & 0xffffffffU) - first) >> shift) & mask;
          std::memcpy(to + offsets[digit]++ * record_words, record, record_words * sizeof(Word));
        }
      }
    }
    find_starts(from, record_words, [first](Word header) { return (header & 0xffffffffU) - first; });
    sorted_records_ = from;
  }

  /// After run_records: what the machines of this rank received, in order; a record is a header and a message.
  std::size_t count() const { return count_; }
  Word header(std::size_t i) const { return traffic_.machines == 1 ? headers_.data()[i] : sorted_records_[i * record_words]; }
  const Word* payload(std::size_t i) const {
    return traffic_.machines == 1 ? words_.data() + i * pair_words : sorted_records_ + i * record_words + 1;
  }
  /// After run_keys.
  const Word* payload_by_keys(std::size_t i) const { return (traffic_.machines == 1 ? words_.data() : ordered_.data()) + i * pair_words; }

 private:
  static constexpr unsigned most_digit_bits = 11;
  static constexpr std::size_t record_words = pair_words + 1;

  Word mask_of_digit() const { return (Word{1} << digit_bits_) - 1; }

  void pack_and_exchange() {
    constexpr std::size_t most_ranks = 64;
    if (traffic_.ranks > most_ranks) throw std::runtime_error("the pipeline has room for 64 ranks");
    std::array<Word*, most_ranks> headers{}, words{};
    for (std::size_t r = 0; r < traffic_.ranks; ++r) {
      headers[r] = send_headers_.data() + r * messages_a_rank;
      words[r] = send_words_.data() + r * messages_a_rank * pair_words;
    }
    const auto* targets = traffic_.targets.data();
    const auto each = traffic_.each;
    const auto block_bits = traffic_.block_bits;
    const auto first_message = traffic_.first_message;
    const auto first = traffic_.first_machine();
    std::size_t i = 0;
    for (std::size_t local = 0; i < messages_a_rank; ++local) {
      for (const auto end = i + each; i < end; ++i) {
        const Word target = targets[i];
        const auto r = target >> block_bits;
        *headers[r]++ = (first + local) << 32 | target;
        const auto pair = message(first_message + i);
        std::memcpy(words[r], &pair, sizeof pair);
        words[r] += pair_words;
      }
    }
    std::vector<Word> sent(traffic_.ranks), received(traffic_.ranks);
    std::vector<mpc::Outgoing> out_headers(traffic_.ranks), out_words(traffic_.ranks);
    std::vector<mpc::Incoming> in_headers(traffic_.ranks), in_words(traffic_.ranks);
    for (std::size_t r = 0; r < traffic_.ranks; ++r) {
      const auto* begin = send_headers_.data() + r * messages_a_rank;
      sent[r] = static_cast<Word>(headers[r] - begin);
      out_headers[r] = {begin, sent[r]};
      out_words[r] = {send_words_.data() + r * messages_a_rank * pair_words, sent[r] * pair_words};
    }
    transport_.announce(sent, received, 1);
    count_ = 0;
    for (std::size_t r = 0; r < traffic_.ranks; ++r) {
      in_headers[r] = {headers_.data() + count_, received[r]};
      in_words[r] = {words_.data() + count_ * pair_words, received[r] * pair_words};
      count_ += received[r];
    }
    const auto total = traffic_.ranks * messages_a_rank;
    transport_.exchange(out_headers, in_headers, total);
    transport_.exchange(out_words, in_words, total * pair_words);
  }

  void count_digits() {
    for (auto& histogram : histograms_) std::ranges::fill(histogram, 0);
    const auto count = count_;
    const auto first = traffic_.first_machine();
    const auto mask = mask_of_digit();
    const auto bits = digit_bits_;
    const auto* headers = headers_.data();
    auto* low = histograms_.front().data();
    auto* high = histograms_.back().data();
    if (histograms_.size() == 1) {
      for (std::size_t i = 0; i < count; ++i) ++low[(headers[i] & 0xffffffffU) - first];
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        const auto local = (headers[i] & 0xffffffffU) - first;
        ++low[local & mask];
        ++high[local >> bits];
      }
    }
    for (auto& histogram : histograms_) {
      std::size_t before = 0;
      for (auto& entry : histogram) before += std::exchange(entry, before);
    }
  }

  /// Where the inbox of every machine begins.
  template <class LocalOf>
  void find_starts(const Word* sorted, std::size_t stride, LocalOf local_of_word) {
    const auto count = count_;
    auto* starts = starts_.data();
    std::size_t machine = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto local = local_of_word(sorted[i * stride]);
      while (machine <= local) starts[machine++] = static_cast<std::uint32_t>(i);
    }
    while (machine < starts_.size()) starts[machine++] = static_cast<std::uint32_t>(count);
    benchmark::DoNotOptimize(starts_.data());
  }

  mpc::Transport& transport_;
  const Traffic& traffic_;
  mpc::Buffer send_headers_, send_words_, headers_, words_, records_, other_records_, keys_, other_keys_, ordered_;
  std::vector<std::uint32_t> starts_;
  std::vector<std::vector<std::size_t>> histograms_;
  unsigned digit_bits_ = 0;
  std::size_t count_ = 0;
  const Word* sorted_records_ = nullptr;
};

mpc::Model model_of(std::uint64_t machines, std::uint64_t words_a_machine) {
  return mpc::Model::with_memory(std::uint64_t{1} << (value_bits / 2), 0, mpc::Words{words_a_machine}).with_machines(machines);
}

/// One round of the engine with the same traffic.
mpc::Inboxes<Pair> engine_round(mpc::Cluster& cluster, const Traffic& traffic) {
  return cluster.round<Pair>(cluster.nothing(), [&, i = std::size_t{0}](const mpc::Machine&, auto, auto& outbox) mutable {
    for (const auto end = i + traffic.each; i < end; ++i) outbox.send(traffic.targets[i], message(traffic.first_message + i));
  });
}

/// The engine and both orders of the pipeline deliver the same messages in the same order, or this throws.
void check_same(mpc::Cluster& cluster, const Traffic& traffic, Pipeline& pipeline) {
  pipeline.run_keys();
  std::vector<Pair> by_keys(pipeline.count());
  for (std::size_t i = 0; i < by_keys.size(); ++i) by_keys[i] = {pipeline.payload_by_keys(i)[0], pipeline.payload_by_keys(i)[1]};
  pipeline.run_records();
  const auto inboxes = engine_round(cluster, traffic);
  std::size_t i = 0;
  bool same = by_keys.size() == pipeline.count();
  cluster.local(inboxes, [&](const mpc::Machine& me, auto inbox) {
    for (const auto& [source, pair] : inbox) {
      same = same && i < by_keys.size() && pipeline.header(i) == mpc::route(source.value, me.id().value) && by_keys[i] == pair &&
             std::memcmp(pipeline.payload(i), &pair, sizeof pair) == 0;
      ++i;
    }
  });
  same = same && i == pipeline.count();
  if (cluster.transport().ranks().minimum(same ? 1 : 0) == 0)
    throw std::runtime_error("the engine and the pipeline deliver different messages");
}

/// Alltoallv of the payload alone, in blocks of the sizes that the traffic has.
struct Raw {
  Raw(mpc::Transport& carrier, const Traffic& traffic)
      : transport(carrier), from(touched(messages_a_rank * pair_words)), to(touched(2 * messages_a_rank * pair_words)) {
    std::vector<Word> sent(traffic.ranks), received(traffic.ranks);
    for (const auto target : traffic.targets) sent[target >> traffic.block_bits] += pair_words;
    transport.announce(sent, received, 1);
    std::size_t sent_before = 0, received_before = 0;
    for (std::size_t r = 0; r < traffic.ranks; ++r) {
      out.push_back({from.data() + sent_before, sent[r]});
      in.push_back({to.data() + received_before, received[r]});
      sent_before += sent[r];
      received_before += received[r];
    }
    total = traffic.ranks * messages_a_rank * pair_words;
  }
  void run() { transport.exchange(out, in, total); }
  void copy() {
    std::memcpy(to.data(), from.data(), messages_a_rank * sizeof(Pair));
    benchmark::ClobberMemory();
  }

  mpc::Transport& transport;
  mpc::Buffer from, to;
  std::vector<mpc::Outgoing> out;
  std::vector<mpc::Incoming> in;
  std::size_t total = 0;
};

/// Everything that the contestants of one machine count share.
struct RoundSetting {
  RoundSetting(mpc::Transport& transport, std::size_t machines_a_rank)
      : traffic(transport.ranks(), machines_a_rank),
        raw(transport, traffic),
        pipeline(transport, traffic),
        // Eight times what a machine sends on average, and 64 words for the luck of machines that send one message.
        cluster(model_of(traffic.ranks * machines_a_rank, 8 * pair_words * traffic.each + 64), transport) {
    check_same(cluster, traffic, pipeline);
  }
  Traffic traffic;
  Raw raw;
  Pipeline pipeline;
  mpc::Cluster cluster;
};

std::unique_ptr<Contest> round_contest(mpc::Transport& transport, std::size_t machines_a_rank) {
  constexpr int repetitions = 25;
  auto contest = std::make_unique<Contest>(transport.ranks(), fmt::format("round/{}", machines_a_rank), double{messages_a_rank},
                                           repetitions, [&transport, machines_a_rank](Contest& self) {
                                             const auto setting = std::make_shared<RoundSetting>(transport, machines_a_rank);
                                             self.add("memcpy", [setting] { setting->raw.copy(); });
                                             self.add("raw", [setting] { setting->raw.run(); });
                                             self.add("pipeline_keys", [setting] { setting->pipeline.run_keys(); });
                                             self.add("pipeline_records", [setting] { setting->pipeline.run_records(); });
                                             self.add("engine", [setting] { engine_round(setting->cluster, setting->traffic); });
                                           });
  const Contest::Baseline raw{"raw", {"raw"}};
  contest->row("memcpy").row("raw").row("pipeline_keys", {raw}).row("pipeline_records", {raw});
  contest->row("engine", {raw, {"pipeline", {"pipeline_keys", "pipeline_records"}}});
  contest->register_rows(benchmark::kMillisecond);
  return contest;
}

/// Rounds in which nobody sends; a unit is a machine's step.
std::unique_ptr<Contest> idle_contest(mpc::Transport& transport) {
  constexpr std::size_t machines_a_rank = std::size_t{1} << 20;
  constexpr int rounds = 20;
  const auto machines = static_cast<std::uint64_t>(transport.ranks().size()) * machines_a_rank;
  auto contest =
      std::make_unique<Contest>(transport.ranks(), "idle", double{machines_a_rank} * rounds, 15, [&transport, machines](Contest& self) {
        const auto run = [](mpc::Cluster& cluster, bool sleep) {
          for (int i = 0; i < rounds; ++i) {
            cluster.round<Pair>(cluster.nothing(), [&](const mpc::Machine& me, auto, auto&) {
              if (sleep) me.sleep();
            });
          }
        };
        const auto awake = std::make_shared<mpc::Cluster>(model_of(machines, 64), transport);
        const auto asleep = std::make_shared<mpc::Cluster>(model_of(machines, 64), transport);
        self.add("awake", [=] { run(*awake, false); });
        self.add("asleep", [=] { run(*asleep, true); });  // after the first round of the warm-up nobody runs
      });
  contest->row("awake").row("asleep").register_rows(benchmark::kMillisecond);
  return contest;
}

/// Rounds of one machine a rank in which nothing happens; a unit is a round.
std::unique_ptr<Contest> empty_contest(mpc::Transport& transport) {
  constexpr int rounds = 10'000;
  auto contest = std::make_unique<Contest>(transport.ranks(), "empty", double{rounds}, 15, [&transport](Contest& self) {
    const auto cluster = std::make_shared<mpc::Cluster>(model_of(static_cast<std::uint64_t>(transport.ranks().size()), 64), transport);
    self.add("round", [=] {
      for (int i = 0; i < rounds; ++i) cluster->round<Pair>(cluster->nothing(), [](const mpc::Machine&, auto, auto&) {});
    });
    self.add("announce", [&transport, send = std::vector<Word>(static_cast<std::size_t>(transport.ranks().size())),
                          receive = std::vector<Word>(static_cast<std::size_t>(transport.ranks().size()))]() mutable {
      for (int i = 0; i < rounds; ++i) transport.announce(send, receive, 1);
    });
  });
  contest->row("announce").row("round", {{"announce", {"announce"}}});
  contest->register_rows(benchmark::kMillisecond);
  return contest;
}

}  // namespace

int main(int argc, char** argv) {
  mpc::MpiSession session(argc, argv);
  auto& ranks = session.ranks();
  try {
    mpc::MpiTransport transport(ranks);
    std::vector<std::unique_ptr<Contest>> contests;
    for (const std::size_t machines_a_rank : {1U, 64U, 1024U, 65536U, 1U << 20})
      contests.push_back(round_contest(transport, machines_a_rank));
    contests.push_back(idle_contest(transport));
    contests.push_back(empty_contest(transport));
    return run_benchmarks(argc, argv, ranks.rank() == 0);
  } catch (const std::exception& error) {
    fmt::print(stderr, "rank {}: {}\n", ranks.rank(), error.what());
    ranks.abort(mpc::Exit::fault);
  }
}
