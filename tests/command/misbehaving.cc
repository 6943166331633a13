#include <csignal>
#include <optional>
#include <stdexcept>
#include <vector>

#include "bench/roundtrip.h"

namespace {

using mpc::Word;

/// A type of which one member is not part of the machine's memory.
struct Forgetful {
  Word kept = 0, forgotten = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& kept;
  }
};

/// A protocol that breaks a rule on machine 4, in round 2 of 2, each variant another one. A machine keeps 2 words: a word,
/// and the length of a list.
struct Misbehaving {
  static protocols::About about() {
    protocols::About about{"misbehaving", "none", "answer", {}};
    for (const auto* variant : {"nothing", "full", "sends", "keeps", "receives", "nowhere", "wide", "throws", "dies", "stale", "disagrees",
                                "late", "wrong", "wrong-classes", "forgets", "leaks", "refuses-two-ranks"}) {
      about.variants.push_back({variant, "2", "", "1", "none"});
    }
    return about;
  }
  static protocols::Bounds bounds(const mpc::Model&, const protocols::Shape&, const protocols::Settings&, std::uint64_t) {
    return {2, mpc::Words{1}};
  }
  static protocols::Expected oracle(const protocols::WholeGraph& graph) { return {42, std::vector<std::uint64_t>(graph.vertices, 0)}; }

  template <class Cluster>
  static protocols::Answer run(Cluster& cluster, const protocols::GraphInput& input, const protocols::Settings& settings) {
    const auto is = [&](const char* variant) { return settings.variant == variant; };
    const auto q = cluster.model().machines;
    const auto s = cluster.model().memory.count;
    auto own = cluster.template make<Word>([](const auto& me) { return me.id().value; });
    auto list = cluster.template make<std::vector<Word>>();
    std::optional<mpc::PerMachine<Forgetful>> memo;
    if (is("forgets")) memo.emplace(cluster.template make<Forgetful>([](const auto& me) { return Forgetful{1, me.id().value + 1}; }));

    auto old = cluster.template round<Word>(cluster.nothing(),
                                            [&](const auto& me, auto, auto& out) { out.send(Word{(me.id().value + 1) % q}, 1); });
    const auto phase = cluster.scope("sin");
    const auto step = [&](const auto& me, auto, auto& out) {
      const auto id = me.id().value;
      // With the 2 that it keeps, machine 0 receives one word too many, and no sender sends many.
      if (is("receives") && id < s - 1) out.send(Word{0}, id);
      if (is("forgets")) out.send((id + 1) % q, (*memo)[me].forgotten);
      if (id != 4) return;
      if (is("leaks")) out.send(Word{0}, cluster.machines_here().count);  // what no machine may know
      if (is("refuses-two-ranks") && cluster.machines_here().count < q) list[me].assign(s - 1, 0);
      if (is("full") || is("sends")) {
        for (Word k = 0; k < s - (is("full") ? 2 : 1); ++k) out.send(k % q, k);
      }
      if (is("keeps")) list[me].assign(s - 1, 0);
      if (is("nowhere")) out.send(q, 0);
      if (is("wide")) out.send(Word{0}, Word{1} << cluster.model().word_bits);
      if (is("throws")) throw std::runtime_error("on purpose");
      if (is("dies")) std::raise(SIGKILL);
    };
    cluster.template round<Word>(old, step);
    if (is("stale")) cluster.template round<Word>(old, step);
    if (is("late")) cluster.template round<Word>(cluster.nothing(), step);
    if (is("disagrees")) cluster.agree([&](const auto& me) { return own[me]; });

    protocols::Answer answer{.value = Word{is("wrong") ? 41U : 42U}};
    const bool first = cluster.machines_here().first == 0;
    for (Word vertex = 0; first && vertex < input.vertices(); ++vertex)
      answer.labels.push_back({vertex, is("wrong-classes") && vertex == 3 ? 1U : 0U});
    return answer;
  }
};

}  // namespace

int main(int argc, char** argv) {
  roundtrip::add<Misbehaving>();
  return roundtrip::main(argc, argv);
}
