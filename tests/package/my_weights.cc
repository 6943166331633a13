#include <fmt/core.h>

#include "transformer_bridge/formats/compiled_files.h"
#include "transformer_bridge/trace/compile_trace.h"
#include "transformer_bridge/trace/tracing_cluster.h"
#include "transformer_bridge/transformer/forward.h"

/// Every machine sends what it has seen to the next one, `steps` times; each keeps the largest. Rounds: steps.
template <class Cluster, class Input>
auto largest_before(Cluster& cluster, Input&& input, int steps) {
  using Word = typename Cluster::Word;
  auto largest = cluster.template make<Word>([&](const auto& me) -> Word { return input(me, 0, 0); });
  for (int i = 0; i < steps; ++i) {
    auto words = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
      const Word next = me.id().value + Word(1);
      out.send_if(next < Word(cluster.model().machines), next, largest[me]);  // an `if` on a word would not compile
    });
    cluster.local(words, [&](const auto& me, const auto& inbox) {
      for (const auto& [source, word] : inbox) largest[me] = mpc::max(largest[me], word);
    });
  }
  return largest;
}

int main() {
  mpc::Model model;
  model.machines = 16;
  model.word_bits = 8;  // of every word, in memory and in messages
  constexpr int items_per_machine = 1, words_per_item = 1;
  bridge::TracingCluster cluster(model, items_per_machine, words_per_item);
  auto largest = largest_before(
      cluster, [&](const auto&, auto item, auto word) { return cluster.dealt(item, word); }, 3);
  const auto trace = cluster.finish([&](const auto& me) { return largest[me]; });
  const auto compiled = bridge::compile_trace(trace, "largest before", bridge::NumberType::f32);
  if (const auto certificate = bridge::certify(compiled.model, bridge::NumberType::f32); !certificate.exact) {
    fmt::print(stderr, "{}\n", certificate.objection);
    return 5;
  }
  bridge::write_compiled_onnx("largest.onnx", compiled.model, bridge::NumberType::f32);

  // The same here: the tokens of an input, the forward pass, and what machine 9 answers.
  const auto x = compiled.tokens([](std::uint64_t item, std::uint64_t) { return 7 * item % 16; });
  const auto y = bridge::forward(bridge::converted<float>(compiled.model.transformer), bridge::converted<float>(x));
  fmt::print("{} layers; machine 9 answers {}\n", compiled.model.transformer.layers().size(), *compiled.answer[0].of<float>(y.row(9)));
}
