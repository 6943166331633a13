#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "mpc/cluster.h"

/// Random traffic, and what it must cost and deliver, computed from a seed alone: nothing here runs the engine's code but its hash.
namespace tests {

using mpc::Word;

/// A message of `size` words that is copied as bytes.
template <std::size_t size>
struct Plain {
  std::array<Word, size> words{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& words;
  }
  friend bool operator==(const Plain&, const Plain&) = default;
};

/// Always three words, but not as they lie in memory.
struct Mixed {
  std::uint32_t small = 0;
  bool bit = false;
  Word large = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& large& bit& small;
  }
  friend bool operator==(const Mixed&, const Mixed&) = default;
};

struct Ragged {
  std::vector<Word> items;
  std::string name;
  std::optional<Word> extra;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& items& name& extra;
  }
  friend bool operator==(const Ragged&, const Ragged&) = default;
};

/// A message without words; it is charged one.
struct Ping {
  template <class Archive>
  void serialize(Archive&, unsigned) {}
  friend bool operator==(const Ping&, const Ping&) = default;
};

constexpr unsigned value_bits = 40;
constexpr Word value(std::uint64_t key) { return mpc::mix(key) >> (64 - value_bits); }

inline void make(Word& word, std::uint64_t key) { word = value(key); }
template <std::size_t size>
void make(Plain<size>& message, std::uint64_t key) {
  for (std::size_t i = 0; i < size; ++i) message.words[i] = value(key * 8 + i);
}
inline void make(Mixed& message, std::uint64_t key) {
  message = {static_cast<std::uint32_t>(value(key)), value(key) % 2 == 1, value(key + 1)};
}
inline void make(Ragged& message, std::uint64_t key) {
  message.items.resize(value(key) % 5);
  for (auto& item : message.items) item = value(++key);
  message.name.assign(value(key + 1) % 4, static_cast<char>('a' + key % 26));
  if (value(key + 2) % 2 == 0) message.extra = value(key + 3);
}
inline void make(Ping&, std::uint64_t) {}

inline std::uint64_t words(Word) { return 1; }
template <std::size_t size>
std::uint64_t words(const Plain<size>&) {
  return size;
}
inline std::uint64_t words(const Mixed&) { return 3; }
inline std::uint64_t words(const Ragged& message) { return 3 + message.items.size() + message.name.size() + (message.extra ? 1 : 0); }
inline std::uint64_t words(const Ping&) { return 1; }

/// What happens in one round on all machines.
template <class T>
struct RoundPlan {
  using Letters = std::vector<std::pair<std::uint64_t, T>>;
  std::vector<char> awake;           ///< runs the step
  std::vector<char> sleeps;          ///< goes to sleep at the end of it
  std::vector<char> awake_in_local;  ///< runs the local step after the round
  std::vector<char> sleeps_in_local;
  std::vector<Letters> sends;        ///< (destination, message), in order
  std::vector<Letters> inbox;        ///< (source, message), as it must arrive
  std::vector<std::uint64_t> items;  ///< of the machine's ragged variable, when the round ends
  mpc::RoundEntry expected;          ///< counts only
};

template <class T>
struct Traffic {
  std::uint64_t machines = 0;
  std::uint64_t least_memory = 0;
  std::vector<RoundPlan<T>> rounds;

  mpc::Model model() const {
    mpc::Model model;
    model.machines = machines;
    model.memory = mpc::Words{least_memory};
    model.word_bits = value_bits;
    return model;
  }
};

/// Words in the fixed variable of execute(), and in a ragged one of no items.
constexpr std::uint64_t fixed_words = 2, empty_ragged_words = 1;

/// The n-th message that `source` sends to somebody.
template <class Send>
void sends_of(std::uint64_t style, std::uint64_t machines, std::uint64_t source, const mpc::PublicHash& hash, Send&& send) {
  const auto any = [&](std::uint64_t i) { return hash.below(machines, source, 100 + i); };
  const auto chosen = hash.below(machines, 0, 99);
  switch (style) {
    case 0:  // few: the order stage has a way of its own for them
      if (hash.below(16, source, 1) == 0) send(any(0));
      break;
    case 1:  // many, some to the machine itself
      for (std::uint64_t i = hash.below(6, source, 1); i > 0; --i) send(i == 1 ? source : any(i));
      break;
    case 2:  // one to all
      for (std::uint64_t to = 0; source == chosen && to < machines; ++to) send(machines - 1 - to);
      break;
    case 3:  // nothing
      break;
    case 4:  // all to one, which also talks to itself
      send(chosen);
      if (source == chosen) send(source);
      break;
    case 5:  // several in a row for one machine, others in between
      if (hash.below(3, source, 1) != 0) break;
      for (std::uint64_t i = 0; i < 6; ++i) send(i % 3 == 2 ? any(2) : any(1));
      break;
    default:  // everybody to the next
      send((source + 1) % machines);
  }
}

template <class T>
Traffic<T> make_traffic(std::uint64_t machines, std::uint64_t seed, std::uint64_t rounds = 9) {
  Traffic<T> traffic{machines, 0, {}};
  std::vector<char> awake(machines, 1);
  std::vector<std::uint64_t> items(machines, 0);
  for (std::uint64_t r = 0; r < rounds; ++r) {
    const mpc::PublicHash hash(seed * 1000 + r);
    auto& plan = traffic.rounds.emplace_back();
    plan.awake = awake;
    plan.sleeps.assign(machines, 0);
    plan.sleeps_in_local.assign(machines, 0);
    plan.sends.resize(machines);
    plan.inbox.resize(machines);
    auto& expected = plan.expected;
    for (std::uint64_t m = 0; m < machines; ++m) {
      std::uint64_t sent = 0;
      if (awake[m]) {
        sends_of((r + seed) % 7, machines, m, hash, [&](std::uint64_t to) {
          T message{};
          make(message, hash(m, 200 + plan.sends[m].size()) >> 8);
          sent += words(message);
          plan.sends[m].emplace_back(to, message);
          plan.inbox[to].emplace_back(m, message);
        });
        items[m] = hash.below(4, m, 2);
        plan.sleeps[m] = r > 0 && hash.below(3, m, 3) == 0;
      }
      const auto kept = fixed_words + empty_ragged_words + items[m];
      expected.messages += plan.sends[m].size();
      expected.words += sent;
      if (sent > expected.max_sent) {
        expected.max_sent = sent;
        expected.max_sent_machine = m;
      }
      expected.max_kept = std::max(expected.max_kept, kept);
      expected.max_kept_plus_sent = std::max(expected.max_kept_plus_sent, kept + sent);
    }
    plan.items = items;
    for (std::uint64_t m = 0; m < machines; ++m) {
      std::uint64_t received = 0;
      for (const auto& [source, message] : plan.inbox[m]) received += words(message);
      if (received > expected.max_received) {
        expected.max_received = received;
        expected.max_received_machine = m;
      }
      expected.max_kept_plus_received = std::max(expected.max_kept_plus_received, fixed_words + empty_ragged_words + items[m] + received);
      awake[m] = (awake[m] && !plan.sleeps[m]) || received != 0;
    }
    plan.awake_in_local = awake;
    for (std::uint64_t m = 0; m < machines; ++m) {
      plan.sleeps_in_local[m] = awake[m] && hash.below(5, m, 4) == 0;
      awake[m] = awake[m] && !plan.sleeps_in_local[m];
    }
    traffic.least_memory = std::max({traffic.least_memory, expected.max_kept_plus_sent, expected.max_kept_plus_received});
  }
  return traffic;
}

/// What went otherwise than planned: how often, and the first time.
struct Surprises {
  std::uint64_t count = 0;
  std::string first;
  void add(const std::string& text) {
    if (count++ == 0) first = text;
  }
};

/// Plays the traffic on a cluster whose memory is just enough for it, and compares. In a run that was resumed after a round, nobody runs
/// before.
template <class T, class Cluster>
mpc::Ledger execute(const Traffic<T>& traffic, Cluster& cluster, Surprises& surprises, std::size_t resumed_after = 0) {
  const auto surprise = [&](std::size_t r, std::uint64_t machine, const std::string& what) {
    surprises.add("round " + std::to_string(r + 1) + ", machine " + std::to_string(machine) + ": " + what);
  };
  const auto compare = [&](std::size_t r, std::uint64_t machine, const auto& inbox) {
    const auto& expected = traffic.rounds[r].inbox[machine];
    if (inbox.size() != expected.size())
      surprise(r, machine, std::to_string(inbox.size()) + " letters for " + std::to_string(expected.size()));
    std::size_t i = 0;
    for (const auto& [source, message] : inbox) {
      if (i >= expected.size()) return surprise(r, machine, "more letters than the inbox's size");
      if (source.value != expected[i].first)
        surprise(r, machine, "letter " + std::to_string(i) + " is from " + std::to_string(source.value));
      if (!(message == expected[i].second)) surprise(r, machine, "letter " + std::to_string(i) + " has other contents");
      ++i;
    }
    if (i != expected.size()) surprise(r, machine, "the walk ends after " + std::to_string(i) + " letters");
  };
  const auto here = cluster.machines_here();
  const std::vector<char> nobody(traffic.machines, 0);
  const auto compare_runs = [&](std::size_t r, const std::vector<char>& ran, const std::vector<char>& planned, const char* where) {
    const bool before = r < resumed_after && (r + 1 < resumed_after || where == std::string_view("round"));
    const auto& expected = before ? nobody : planned;
    for (std::uint64_t i = 0; i < here.count; ++i) {
      if (ran[i] != expected[here.first + i]) surprise(r, here.first + i, std::string(where) + (ran[i] ? " ran asleep" : " did not run"));
    }
  };

  auto letters = cluster.template make<Plain<2>>([](const mpc::Machine& me) { return Plain<2>{{me.id().value, 0}}; });
  auto items = cluster.template make<std::vector<Word>>();
  const auto step = [&](std::size_t r, std::vector<char>& ran) {
    return [&, r](const mpc::Machine& me, auto inbox, mpc::Outbox<T>& out) {
      const auto id = me.id().value;
      const auto& plan = traffic.rounds[r];
      ran[id - here.first] += 1;
      if constexpr (std::is_same_v<decltype(inbox), mpc::Inbox<T>>) compare(r - 1, id, inbox);
      for (const auto& [to, message] : plan.sends[id]) out.send(to, message);
      items[me].assign(plan.items[id], id);
      if (plan.sleeps[id]) me.sleep();
    };
  };
  std::optional<mpc::Inboxes<T>> mail;
  for (std::size_t r = 0; r < traffic.rounds.size(); ++r) {
    const auto& plan = traffic.rounds[r];
    std::vector<char> ran(here.count, 0);
    mail = mail ? cluster.template round<T>(*mail, step(r, ran)) : cluster.template round<T>(cluster.nothing(), step(r, ran));
    compare_runs(r, ran, plan.awake, "round");
    ran.assign(here.count, 0);
    cluster.local(*mail, [&](const mpc::Machine& me, auto inbox) {
      const auto id = me.id().value;
      ran[id - here.first] += 1;
      compare(r, id, inbox);
      letters[me].words[1] += inbox.size();
      if (plan.sleeps_in_local[id]) me.sleep();
    });
    compare_runs(r, ran, plan.awake_in_local, "local");
  }
  std::uint64_t inspected = 0;
  cluster.inspect([&](const mpc::Machine& me) {
    ++inspected;
    const auto id = me.id().value;
    std::uint64_t expected = 0;
    for (const auto& plan : traffic.rounds) expected += plan.inbox[id].size();
    if (letters[me].words[0] != id || letters[me].words[1] != expected) surprise(traffic.rounds.size(), id, "other memory at the end");
    if (items[me] != std::vector<Word>(traffic.rounds.back().items[id], id)) surprise(traffic.rounds.size(), id, "other items at the end");
  });
  if (cluster.total(inspected) != traffic.machines) surprises.add("inspect reached " + std::to_string(inspected) + " machines here");
  return cluster.finish();
}

}  // namespace tests
