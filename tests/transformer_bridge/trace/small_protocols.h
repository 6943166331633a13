#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "mpc/model.h"
#include "mpc/word.h"

#include "protocols/protocol.h"

/// Straight-line protocols of these tests' own, for what those in protocols/straight_line do not do.
namespace tests {

template <class Word>
struct TwoWords {
  static constexpr const char* names[] = {"a", "b"};
  Word a{}, b{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a& b;
  }
};

/// A machine's items and what it makes of the others'.
template <class Word>
struct Notes {
  static constexpr const char* name = "notes";
  std::vector<Word> cells{};
  Word letters{}, sum{}, least{}, farthest{}, answers{}, untouched{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& cells& letters& sum& least& farthest& answers& untouched;
  }
};

/// Several items a machine, two send statements a round, one of them on a condition, with sources, counts of letters, replies to what an
/// inbox holds, tables, sums, differences, shifts. Words of `bits` bits, at least 4; up to 2^bits machines.
///
/// Round 1: machine i tells i + 1 two words, and, if its first word is larger than its second, tells i - 1 others.
/// Round 2: every letter is answered, if it is odd, from a table of the receiver's.
/// Round 3: machine 2i hands on to i.
template <unsigned bits>
struct Gossip {
  static constexpr std::uint64_t per_machine = 3;
  static constexpr std::uint64_t item_words = 2;
  static constexpr unsigned word_bits = bits;
  static constexpr std::uint64_t most = (std::uint64_t{1} << bits) - 1;

  static protocols::Bounds bounds(const mpc::Model&) { return {3, mpc::Words{20}}; }

  template <class Cluster, class Input>
  static auto run(Cluster& cluster, Input&& input) {
    using Word = typename Cluster::Word;
    using Letter = TwoWords<Word>;
    const Word last = cluster.model().machines - 1;
    auto notes = cluster.template make<Notes<Word>>([&](const auto& me) {
      Notes<Word> mine;
      for (std::uint64_t slot = 0; slot < per_machine; ++slot) mine.cells.push_back(input(me, slot, slot % item_words));
      mine.least = input(me, 1, 0) | Word((most + 1) / 2);
      mine.untouched = input(me, 2, 1);
      return mine;
    });
    auto letters = [&] {
      const auto phase = cluster.scope("tell");
      return cluster.template round<Letter>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
        const Word own = me.id().value;
        const auto& cells = notes[me].cells;
        const Word right = mpc::where(own == last, Word(0), own + Word(1)), left = mpc::where(own == Word(0), last, own - Word(1));
        out.send(right, Letter{cells[0], (cells[1] + cells[2]) & Word(most)});
        out.send_if(cells[0] > cells[1], left, Letter{cells[1] ^ cells[0], cells[2] >> 2});
      });
    }();
    cluster.local(letters, [&](const auto& me, const auto& inbox) {
      auto& mine = notes[me];
      mine.letters = inbox.size();
      const Word own = me.id().value;
      for (const auto& [source, letter] : inbox) {
        const Word distance = mpc::where(own < source.value, source.value - own, own - source.value);
        mine.farthest = mpc::max(mine.farthest, distance);
        mine.least = mpc::min(mine.least, letter.b);
        mine.sum = (mine.sum + letter.a + (letter.b << 1)) & Word(most);
      }
    });
    const auto phase = cluster.scope("answer");
    auto answers = cluster.template round<Word>(letters, [&](const auto& me, const auto& inbox, auto& out) {
      for (const auto& [source, letter] : inbox) {
        const Word cell = mpc::read(notes[me].cells, letter.a & Word(3));
        out.send_if((letter.a & Word(1)) == Word(1), source.value, cell ^ notes[me].letters);
      }
    });
    cluster.local(answers, [&](const auto& me, const auto& inbox) {
      auto& mine = notes[me];
      for (const auto& [source, word] : inbox) {
        mine.answers = (mine.answers + word + Word(1)) & Word(most);
        mine.cells[2] = mine.cells[2] ^ word;
      }
    });
    auto halves = cluster.template round<Letter>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
      const Word own = me.id().value;
      auto& mine = notes[me];
      mine.sum = mpc::where(mine.least < mine.answers, mine.answers - mine.least, mine.sum);  // changes in a step that sends
      out.send_if((own & Word(1)) == Word(0), own >> 1, Letter{mine.sum, own});
    });
    cluster.local(halves, [&](const auto& me, const auto& inbox) {
      auto& mine = notes[me];
      mine.letters = mine.letters | (Word(inbox.size()) << 3);
      for (const auto& [source, letter] : inbox) {
        mine.cells[0] = letter.a;
        mine.farthest = mpc::max(mine.farthest, letter.b - me.id().value);
      }
    });
    return notes;
  }

  template <class Word>
  static auto answer(const Notes<Word>& notes) {
    return std::vector<Word>{notes.cells[0], notes.letters, notes.sum, notes.farthest, notes.untouched};
  }
};

/// Nothing is sent at all: the first machine's answer is the sum of its own two items.
struct Silence {
  static constexpr std::uint64_t per_machine = 2;
  static constexpr std::uint64_t item_words = 1;
  static constexpr unsigned word_bits = 6;

  static protocols::Bounds bounds(const mpc::Model&) { return {1, mpc::Words{1}}; }

  template <class Cluster, class Input>
  static auto run(Cluster& cluster, Input&& input) {
    using Word = typename Cluster::Word;
    auto sum = cluster.template make<Word>([&](const auto& me) -> Word { return (input(me, 0, 0) + input(me, 1, 0)) & Word(63); });
    auto nothing = cluster.template round<Word>(cluster.nothing(), [&](const auto&, const auto&, auto&) {});
    cluster.local(nothing, [&](const auto& me, const auto& inbox) {
      for (const auto& [source, word] : inbox) sum[me] = word;
    });
    return sum;
  }
  template <class Word>
  static auto answer(const Word& sum) {
    return sum;
  }
};

/// Every machine writes its own id, and its word, to the machine whose number is the bits of its id in reverse: with one round of many
/// words, vectors as messages, and a loop that sends inside a loop over an inbox that is empty.
struct Reverse {
  static constexpr std::uint64_t per_machine = 1;
  static constexpr std::uint64_t item_words = 3;
  static constexpr unsigned word_bits = 5;

  static protocols::Bounds bounds(const mpc::Model&) { return {1, mpc::Words{8}}; }

  template <class Cluster, class Input>
  static auto run(Cluster& cluster, Input&& input) {
    using Word = typename Cluster::Word;
    auto kept = cluster.template make<std::vector<Word>>([&](const auto& me) {
      std::vector<Word> words;
      for (std::uint64_t w = 0; w < item_words; ++w) words.push_back(input(me, 0, w));
      return words;
    });
    const auto machines = cluster.model().machines;
    const auto id_bits = static_cast<unsigned>(mpc::ceil_log(2, machines));
    const auto phase = cluster.scope("reverse");
    auto lists = cluster.template round<std::vector<Word>>(cluster.nothing(), [&](const auto& me, const auto& inbox, auto& out) {
      for (const auto& [source, nothing] : inbox) out.send(source, std::vector<Word>{});
      const Word own = me.id().value;
      Word reversed = 0;
      for (unsigned i = 0; i < id_bits; ++i) reversed = reversed | (((own >> i) & Word(1)) << (id_bits - 1 - i));
      out.send_if(reversed < Word(machines), reversed, kept[me]);
    });
    cluster.local(lists, [&](const auto& me, const auto& inbox) {
      for (const auto& [source, list] : inbox) {
        for (std::size_t i = 0; i < kept[me].size(); ++i) kept[me][i] = kept[me][i] ^ mpc::read(list, Word(item_words - 1 - i));
      }
    });
    return kept;
  }
  template <class Word>
  static auto answer(const std::vector<Word>& kept) {
    return kept;
  }
};

/// Edges of what a send statement can be: to a machine that is known, of a message that is known or empty, never sent, or sent by nobody
/// in this size; a variable that is made between rounds; ids in the answer.
struct Corners {
  static constexpr std::uint64_t per_machine = 1;
  static constexpr std::uint64_t item_words = 1;
  static constexpr unsigned word_bits = 7;

  static protocols::Bounds bounds(const mpc::Model&) { return {3, mpc::Words{16}}; }

  template <class Cluster, class Input>
  static auto run(Cluster& cluster, Input&& input) {
    using Word = typename Cluster::Word;
    const auto phase = cluster.scope("corners");
    const Word last = cluster.model().machines - 1;
    auto kept = cluster.template make<Word>([&](const auto& me) -> Word { return input(me, 0, 0); });
    auto known = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
      const Word own = me.id().value;
      out.send_if(own == last, Word(0), Word(77));               // a known message to a known machine
      out.send_if(own == Word(0), last, kept[me]);               // the known machine may be the same
      out.send_if(own > last, own, kept[me]);                    // never
      out.send_if(kept[me] == Word(5), me.id().value, Word(0));  // to itself, hardly ever
    });
    auto seen = cluster.template make<Word>();
    cluster.local(known, [&](const auto& me, const auto& inbox) {
      seen[me] = inbox.size();
      for (const auto& [source, word] : inbox) {
        kept[me] = kept[me] ^ word ^ source.value;
        seen[me] = mpc::max(seen[me], word);
      }
    });
    auto empty = cluster.template round<std::vector<Word>>(
        known, [&](const auto& me, const auto&, auto& out) { out.send(me.id(), std::vector<Word>{}); });
    cluster.local(empty, [&](const auto& me, const auto& inbox) {
      for (const auto& [source, list] : inbox) seen[me] = (seen[me] + source.value + mpc::read(list, kept[me])) & Word(127);
    });
    auto late = cluster.template make<std::vector<Word>>([&](const auto& me) {
      return std::vector<Word>{me.id().value, kept[me] & Word(1)};
    });
    auto nothing = cluster.template round<Word>(empty, [&](const auto& me, const auto&, auto&) { late[me][1] = late[me][1] ^ Word(1); });
    cluster.local(nothing, [&](const auto& me, const auto& inbox) { seen[me] = seen[me] | Word(inbox.size()); });
    cluster.local([&](const auto& me) {
      late[me].push_back(seen[me]);
      late[me].push_back(kept[me]);
    });
    return late;
  }
  template <class Word>
  static auto answer(const std::vector<Word>& late) {
    return late;
  }
};

/// A step that keeps something of the inbox that it is handed, and one that reads the input in a later round: what attention brought is
/// needed once more when the next round's memory is written down.
struct Late {
  static constexpr std::uint64_t per_machine = 2;
  static constexpr std::uint64_t item_words = 1;
  static constexpr unsigned word_bits = 6;

  static protocols::Bounds bounds(const mpc::Model&) { return {3, mpc::Words{8}}; }

  template <class Cluster, class Input>
  static auto run(Cluster& cluster, Input&& input) {
    using Word = typename Cluster::Word;
    const auto phase = cluster.scope("late");
    auto kept = cluster.template make<std::vector<Word>>([&](const auto& me) { return std::vector<Word>{input(me, 0, 0), Word(0)}; });
    auto words = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
      out.send_if(kept[me][0] > Word(20), me.id().value, kept[me][0] ^ Word(1));
    });
    auto more = cluster.template round<Word>(words, [&](const auto& me, const auto& inbox, auto& out) {
      for (const auto& [source, word] : inbox) kept[me][1] = mpc::max(kept[me][1], word);
      out.send(me.id(), kept[me][1]);
    });
    cluster.template round<Word>(more, [&](const auto& me, const auto& inbox, auto&) {
      for (const auto& [source, word] : inbox) kept[me][0] = kept[me][0] ^ word;
      kept[me][1] = input(me, 1, 0);
    });
    return kept;
  }
  template <class Word>
  static auto answer(const std::vector<Word>& kept) {
    return kept;
  }
};

}  // namespace tests
