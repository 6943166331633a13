#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/key_owners.h"

#include "protocols/connectivity/fixpoint.h"
#include "protocols/connectivity/layout.h"
#include "protocols/graph_input.h"

namespace protocols {

/// Connected components by Hash-to-Min. Every vertex v has a cluster C(v), at first v and its neighbours; in a round it sends C(v) to the
/// owner of its least member, and that member to the owners of all others; C(v) becomes what comes in. In the end the least vertex of a
/// component holds the component, and every other vertex the least vertex. There are no neighbourhood reductions here: clusters travel
/// whole, which is what breaks the memory of a machine.
///
/// Rounds: at most 2 ceil(log2 n) + 3 + T, for random ids; O(log n) is proved on paths, 2 log d conjectured.
/// Words: a component has to fit one machine, several times over while clusters meet. The declared s, 9n + 6e + 6b + 8 and a sum's words,
/// e = ceil(m/q), b = ceil(n/q), was enough on paths and trees with random ids, and promises nothing for others: where clusters overlap
/// before they are handed on, as on a path with sorted ids, they take many times the input, and the run ends in a violation.
/// Source: Rastogi, Machanavajjhala, Chitnis, Das Sarma 2013 (Hash-to-Min).
template <class Cluster>
class HashToMin {
 public:
  using Word = typename Cluster::Word;

  HashToMin(Cluster& cluster, const GraphInput& input)
      : owners_(input.owners(cluster.model())), pairing_(cluster.model().pairing()), clusters_(cluster.template make<Sets>()) {
    auto changed = cluster.template make<Word>();
    Fixpoint<Cluster> fixpoint(cluster, 1);
    const auto phase = cluster.scope("hash-to-min");
    auto edges = deal(cluster, input);
    auto arrived = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
      for (const auto edge : edges[me]) {
        send(out, pairing_.high(edge), pairing_.low(edge));
        send(out, pairing_.low(edge), pairing_.high(edge));
      }
      std::vector<Word>().swap(edges[me]);
    });
    cluster.local(arrived, [&](const auto& me, auto inbox) {
      auto& mine = clusters_[me];
      mine.resize(owners_.slots(me.id()));
      for (std::size_t slot = 0; slot < mine.size(); ++slot) mine[slot].push_back(owners_.key(me.id(), slot));
      for (const auto& [source, member] : inbox) mine[pairing_.high(member)].push_back(pairing_.low(member));
      for (auto& set : mine) make_set(set);
    });
    while (true) {
      arrived = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
        fixpoint.rider().send(me, out);
        for (const auto& set : clusters_[me]) {
          for (const auto member : set) {
            send(out, set.front(), member);
            send(out, member, set.front());
          }
        }
      });
      fixpoint.rider().receive(arrived);
      cluster.local(arrived, [&](const auto& me, auto inbox) {
        auto skip = fixpoint.rider().skip(me);
        Sets next(clusters_[me].size());
        for (const auto& [source, member] : inbox) {
          if (!skip(source)) next[pairing_.high(member)].push_back(pairing_.low(member));
        }
        for (auto& set : next) make_set(set);
        changed[me] = next == clusters_[me] ? 0 : 1;
        clusters_[me].swap(next);
      });
      if (fixpoint.reached()) return;
      fixpoint.ended([&](const auto& me) { return changed[me]; });
    }
  }

  /// Calls visit(vertex, label) for the vertices that this machine owns.
  template <class Machine, class Visit>
  void labels(const Machine& me, Visit&& visit) {
    const auto& mine = clusters_[me];
    for (std::size_t slot = 0; slot < mine.size(); ++slot) visit(owners_.key(me.id(), slot), mine[slot].front());
  }

  static Bounds bounds(const mpc::Model& model, const Shape& shape) {
    const auto e = per_machine(shape.edges, model);
    const auto b = per_machine(shape.vertices, model);
    return {2 * mpc::ceil_log(2, shape.vertices) + 3 + model.tree_rounds(),
            mpc::Words{9 * shape.vertices + 6 * e + 6 * b + 8 + Fixpoint<Cluster>::words(model, 1)}};
  }

 private:
  using Sets = std::vector<std::vector<Word>>;  // by slot, sorted

  template <class Outbox>
  void send(Outbox& out, Word vertex, Word member) const {
    out.send(owners_.owner(vertex), pairing_.pack(owners_.slot(vertex), member));
  }
  static void make_set(std::vector<Word>& members) {
    std::ranges::sort(members);
    const auto repeated = std::ranges::unique(members);
    members.erase(repeated.begin(), repeated.end());
  }

  mpc::KeyOwners owners_;
  mpc::Pairing pairing_;
  decltype(std::declval<Cluster&>().template make<Sets>()) clusters_;
};

}  // namespace protocols
