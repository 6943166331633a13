#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mpc/cluster.h"

#include "protocols/graph_input.h"
#include "protocols/protocol.h"

#include "transformer_bridge/compile/transformer_cluster.h"

namespace roundtrip {

/// A protocol as the commands see it.
struct Registered {
  protocols::About about;
  std::function<protocols::Bounds(const mpc::Model&, const protocols::Shape&, const protocols::Settings&, std::uint64_t retries)> bounds;
  std::function<protocols::Answer(mpc::Cluster&, const protocols::GraphInput&, const protocols::Settings&)> run;
  std::function<protocols::Answer(bridge::TransformerCluster&, const protocols::GraphInput&, const protocols::Settings&)>
      run_as_transformer;
  std::function<protocols::Expected(const protocols::WholeGraph&)> oracle;
  std::function<void(const protocols::Graph&, mpc::Ranks&)> check;  ///< refuses inputs of the wrong kind; may be empty
};

/// All protocols, in the order in which they were added.
const std::vector<Registered>& registered();
/// Throws UsageError, which lists the names, if there is none of this name.
const Registered& find_protocol(const std::string& name);
/// The variant of this name, or the first if the name is empty. Throws UsageError, which lists the names.
const protocols::Variant& find_variant(const protocols::About& about, const std::string& name);

void add(Registered protocol);

template <class P>
Registered described() {
  Registered protocol{P::about(), P::bounds, P::template run<mpc::Cluster>, P::template run<bridge::TransformerCluster>, P::oracle, {}};
  if constexpr (requires(const protocols::Graph& graph, mpc::Ranks& ranks) { P::check(graph, ranks); }) protocol.check = P::check;
  return protocol;
}

/// Adds a protocol P to the commands. P has
///   static protocols::About about();
///   static protocols::Bounds bounds(const mpc::Model&, const protocols::Shape&, const protocols::Settings&, std::uint64_t retries);
///   template <class Cluster> static protocols::Answer run(Cluster&, const protocols::GraphInput&, const protocols::Settings&);
///   static protocols::Expected oracle(const protocols::WholeGraph&);
/// and may have
///   static void check(const protocols::Graph&, mpc::Ranks&);  // throws mpc::InputError
template <class P>
void add() {
  add(described<P>());
}

}  // namespace roundtrip
