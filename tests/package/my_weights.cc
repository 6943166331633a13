#include <fmt/core.h>

#include "transformer_bridge/formats/compiled_files.h"
#include "transformer_bridge/trace/compile_trace.h"
#include "transformer_bridge/trace/tracing_cluster.h"

/// Every machine's word to its right neighbour, `steps` times; each keeps the largest that it has seen. Rounds: steps.
template <class Cluster, class Input>
auto largest_to_the_left(Cluster& cluster, Input&& input, int steps) {
  using Word = typename Cluster::Word;
  auto largest = cluster.template make<Word>([&](const auto& me) -> Word { return input(me, 0, 0); });
  for (int i = 0; i < steps; ++i) {
    auto words = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
      const Word right = me.id().value + Word(1);
      out.send_if(right < Word(cluster.model().machines), right, largest[me]);  // no `if`: the word is not known yet
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
  model.word_bits = 8;
  bridge::TracingCluster cluster(model, 1, 1);  // an item of one word for each machine
  auto largest = largest_to_the_left(
      cluster, [&](const auto&, auto slot, auto word) { return cluster.dealt(slot, word); }, 3);
  const auto trace = cluster.finish([&](const auto& me) { return largest[me]; });
  const auto compiled = bridge::compile_trace(trace, "largest to the left", bridge::NumberType::f32);
  const auto certificate = bridge::certify(compiled.model, bridge::NumberType::f32);
  bridge::write_compiled_onnx("largest.onnx", compiled.model, bridge::NumberType::f32);
  fmt::print("{} layers, exact: {}\n", compiled.model.transformer.layers().size(), certificate.exact);
}
