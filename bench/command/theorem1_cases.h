#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/ranks.h"

#include "transformer_bridge/compile/transformer_cluster.h"

namespace roundtrip {

/// A protocol, an input and a model, ready to run both on messages and as a transformer.
struct Theorem1Case {
  std::string input;  ///< its name, or empty
  mpc::Model model;
  std::uint64_t rounds_declared = 0;  ///< at most
  bridge::Dealing dealing;            ///< of the input words
  /// Each runs the same function; returns whether the answer is right. Collective.
  std::function<bool(mpc::Cluster&)> on_messages;
  std::function<bool(bridge::TransformerCluster&)> as_transformer;
};

/// A protocol of `check theorem1`.
struct Theorem1Protocol {
  std::string name;
  std::vector<std::uint64_t> machines;  ///< that it is checked at by default
  /// Cases for so many machines; words 0: the least s, times `multiple`. Collective.
  std::function<std::vector<Theorem1Case>(std::uint64_t machines, std::uint64_t words, std::uint64_t multiple, std::uint64_t seed,
                                          mpc::Ranks& ranks)>
      cases;
};

/// The primitives, and every variant of every registered protocol that has default inputs.
const std::vector<Theorem1Protocol>& theorem1_protocols();

}  // namespace roundtrip
