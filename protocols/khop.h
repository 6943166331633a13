#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/hash.h"
#include "mpc/primitives/key_owners.h"

#include "protocols/protocol.h"
#include "protocols/sequence_input.h"

namespace protocols {

/// What a machine keeps of its positions, in order. Positions count from 1; 0: there is none.
struct HopPositions {
  std::vector<mpc::Word> symbols;
  std::vector<mpc::Word> back;  ///< (find^{n-1}, find^n) of the position
  std::vector<mpc::Word> on;    ///< (the position whose find^{n-1} it is, the one whose find^n it is)
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& symbols& back& on;
  }
};

/// Where a symbol occurs on the sender: to the symbol's owner.
struct Occurrence {
  mpc::Word slot_first;  ///< (slot of the symbol, its first position there)
  mpc::Word last;        ///< its last position there
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& slot_first& last;
  }
};
/// A position's new `back` or `on`: pointers back are at most the position, pointers on at least.
struct HopLink {
  mpc::Word to_nearer;  ///< (the position, the pointer of n - 1)
  mpc::Word farther;    ///< that of n
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& to_nearer& farther;
  }
};

/// hop_k at every position of a sequence X_1..X_N: find^1(i) = max({0} u {j <= i : X_{j-1} = X_i}), find^k its k-fold composition, and
/// hop_k(X)_i = X_{find^k(i)}, undefined where find^k(i) = 0.
///
/// find^1(i) is the position after the last occurrence of X_i before i. Machines hold consecutive positions, so only the first and last
/// occurrence of a symbol on a machine concern others: they go to the symbol's owner (1 round), who tells both ends of every gap of each
/// other (1 round). No two positions have the same find^1, so no position is pointed to twice, and doubling needs no lookups: a position
/// tells the two positions that it is joined with of each other (1 round a level). With n -> 2n or 2n - 1 the pair (find^{n-1}, find^n)
/// reaches every k' = min(k, N) in ceil(log2 k') levels, and find^k = find^{k'}: a hop goes back, or stays for ever. Last, a position sends
/// its symbol to where it is wanted (1 round).
///
/// Rounds: 3 + ceil(log2 min(k, N)); 0 for k = 0.  Words per machine and round, b = ceil(N/q), L = the most occurrences that the owner of
/// some symbols hears of, each symbol's counted at most q times: keeps b + 3; sends and receives at most max(4b, 2L); least s: b + 3 +
/// max(4b, 2L). A frequent symbol makes L = q: then s >= 2q, and q <= N/s machines for s = sqrt(N) or more.
/// Source: pointer doubling; the pair of Sanford, Hsu, Telgarsky 2024 (Theorem 4.2, corrected for every k).
template <class Cluster>
class Khop {
 public:
  using Word = typename Cluster::Word;

  Khop(Cluster& cluster, const SequenceInput& input, std::uint64_t k)
      : cluster_(cluster),
        input_(input),
        pairing_(cluster.model().pairing()),
        positions_(cluster.template make<HopPositions>([&](const auto& me) {
          const auto mine = input.symbols_of(me.id());
          return HopPositions{{mine.begin(), mine.end()}, {}, {}};
        })) {
    if (k == 0) {
      cluster_.local([&](const auto& me) {
        for (const auto symbol : positions_[me].symbols) positions_[me].back.push_back(symbol + 1);
      });
      return;
    }
    find();
    // The n of every level: k' last, and half of the next one, rounded up, before.
    std::vector<std::uint64_t> reaches{std::min(k, input.positions())};
    while (reaches.back() > 1) reaches.push_back((reaches.back() + 1) / 2);
    for (auto level = reaches.size() - 1; level-- > 0;) reach(reaches[level] % 2 == 0, level == 0);
    fetch_symbols();
  }

  /// Calls visit(position, symbol) for the positions of this machine; the symbol is `undefined` where there is none.
  template <class Machine, class Visit>
  void hops(const Machine& me, Word undefined, Visit&& visit) const {
    auto position = input_.first_position(me.id());
    for (const auto hop : positions_[me].back) visit(position++, hop == 0 ? undefined : hop - 1);
  }

  /// Who owns the symbols: numbers of symbols may follow how often they occur, so they are permuted.
  static mpc::KeyOwners symbol_owners(const mpc::Model& model, std::uint64_t symbols) {
    if (symbols == 0) return {0, model.machines};
    constexpr std::uint64_t owner_stream = 12;
    return {symbols, model.machines, mpc::PublicPermutation(symbols, model.hash()(symbols, owner_stream))};
  }

 private:
  template <class Machine>
  std::size_t place(const Machine& me, Word position) const {
    return position - input_.first_position(me.id());
  }

  /// find^1 of all positions: n = 1.
  void find() {
    const auto phase = cluster_.scope("find");
    const auto owners = symbol_owners(cluster_.model(), input_.symbols());
    auto occurrences = cluster_.template round<Occurrence>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      std::map<Word, std::pair<Word, Word>> ends;  // first and last position of every symbol here
      auto position = input_.first_position(me.id());
      for (const auto symbol : positions_[me].symbols) {
        ends.try_emplace(symbol, position, position).first->second.second = position;
        ++position;
      }
      for (const auto& [symbol, its] : ends)
        out.send(owners.owner(symbol), Occurrence{pairing_.pack(owners.slot(symbol), its.first), its.second});
    });
    // Sources ascend like positions, so that the occurrence before is the one that was heard of before.
    auto gaps = cluster_.template round<Word>(occurrences, [&](const auto& me, auto inbox, auto& out) {
      std::vector<Word> before(owners.slots(me.id()), 0);
      for (const auto& [source, occurrence] : inbox) {
        const auto first = pairing_.low(occurrence.slot_first);
        auto& last = before[pairing_.high(occurrence.slot_first)];
        if (last != 0) {
          out.send(input_.machine_of(first), pairing_.pack(first, last + 1));
          out.send(input_.machine_of(last + 1), pairing_.pack(last + 1, first));
        }
        last = occurrence.last;
      }
    });
    cluster_.local(gaps, [&](const auto& me, auto inbox) {
      auto& mine = positions_[me];
      auto position = input_.first_position(me.id());
      for (std::size_t i = 0; i < mine.symbols.size(); ++i, ++position) {
        mine.back.push_back(pairing_.pack(position, 0));
        mine.on.push_back(pairing_.pack(position, 0));
      }
      const auto join = [&](Word from, Word to) {
        if (to <= from) mine.back[place(me, from)] |= to;
        if (to >= from) mine.on[place(me, from)] |= to;
      };
      std::map<Word, Word> last;
      position = input_.first_position(me.id());
      for (const auto symbol : mine.symbols) {
        if (const auto it = last.find(symbol); it != last.end()) {
          join(position, it->second + 1);
          join(it->second + 1, position);
        }
        last[symbol] = position++;
      }
      for (const auto& [source, gap] : inbox) join(pairing_.high(gap), pairing_.low(gap));
    });
  }

  /// One level: n -> 2n, or 2n - 1. The last one needs only where the pointers come from.
  void reach(bool even, bool last) {
    const auto phase = cluster_.scope("double");
    auto links = cluster_.template round<HopLink>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      auto& mine = positions_[me];
      // Joined at find^n of the one position, or at find^{n-1}.
      const auto joint = [&](Word pair) { return even ? pairing_.low(pair) : pairing_.high(pair); };
      const auto tell = [&](Word position, Word pair) {
        if (position == 0 || pairing_.high(pair) == 0) return;
        out.send(input_.machine_of(position), HopLink{pairing_.pack(position, pairing_.high(pair)), pairing_.low(pair)});
      };
      for (std::size_t i = 0; i < mine.symbols.size(); ++i) {
        if (!last) tell(joint(mine.on[i]), mine.back[i]);
        tell(joint(mine.back[i]), mine.on[i]);
      }
      // All of it is replaced by what arrives.
      std::vector<Word>().swap(mine.back);
      std::vector<Word>().swap(mine.on);
    });
    cluster_.local(links, [&](const auto& me, auto inbox) {
      auto& mine = positions_[me];
      mine.back.assign(mine.symbols.size(), 0);
      mine.on.assign(mine.symbols.size(), 0);
      for (const auto& [source, link] : inbox) {
        const auto position = pairing_.high(link.to_nearer);
        const auto nearer = pairing_.low(link.to_nearer);
        if (nearer <= position) mine.back[place(me, position)] = pairing_.pack(nearer, link.farther);
        if (nearer >= position) mine.on[place(me, position)] = pairing_.pack(nearer, link.farther);
      }
    });
  }

  /// Leaves the hop of every position, plus 1, in `back`.
  void fetch_symbols() {
    const auto phase = cluster_.scope("symbols");
    auto symbols = cluster_.template round<Word>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      auto& mine = positions_[me];
      for (std::size_t i = 0; i < mine.symbols.size(); ++i) {
        const auto to = pairing_.low(mine.on[i]);
        if (to != 0) out.send(input_.machine_of(to), pairing_.pack(to, mine.symbols[i]));
      }
      std::vector<Word>().swap(mine.back);
      std::vector<Word>().swap(mine.on);
    });
    cluster_.local(symbols, [&](const auto& me, auto inbox) {
      auto& mine = positions_[me];
      mine.back.assign(mine.symbols.size(), 0);
      for (const auto& [source, symbol] : inbox) mine.back[place(me, pairing_.high(symbol))] = pairing_.low(symbol) + 1;
    });
  }

  Cluster& cluster_;
  const SequenceInput& input_;
  mpc::Pairing pairing_;
  decltype(std::declval<Cluster&>().template make<HopPositions>()) positions_;
};

/// The protocol, as the command knows it.
struct KhopProtocol {
  using Input = SequenceInput;

  static About about();
  static Bounds bounds(const mpc::Model& model, const SequenceShape& shape, const Settings& settings, std::uint64_t retries);
  static Expected oracle(const WholeSequence& whole, const Settings& settings);

  template <class Cluster>
  static Answer run(Cluster& cluster, const SequenceInput& input, const Settings& settings) {
    const auto n = input.positions();
    Answer answer{.value = std::nullopt};
    if (n == 0) return answer;
    const Khop<Cluster> khop(cluster, input, settings.k);
    std::uint64_t last = 0;  // plus 1, on the rank whose machine holds it
    cluster.inspect([&](const auto& me) {
      khop.hops(me, input.symbols(), [&](auto position, auto symbol) {
        if (settings.labels) answer.labels.push_back({position, symbol});
        if (position == n && symbol != input.symbols()) last = symbol + 1;
      });
    });
    last = cluster.total(last);
    if (last != 0) answer.value = last - 1;
    return answer;
  }
};

}  // namespace protocols
