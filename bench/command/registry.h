#pragma once

#include <any>
#include <functional>
#include <string>
#include <vector>

#include "mpc/cluster.h"

#include "protocols/graph_input.h"
#include "protocols/protocol.h"

#include "transformer_bridge/compile/transformer_cluster.h"

#include "bench/command/input_kind.h"

namespace roundtrip {

/// A protocol as the commands see it, whatever its kind of input. Every std::any holds what the protocol's class of inputs names
/// (LoadedInput); anything else is a std::bad_any_cast.
struct Registered {
  protocols::About about;
  const InputKind* kind = nullptr;
  /// What the model has to know of an Input::Shape.
  struct Size {
    std::uint64_t words, ids;  ///< N and n
  };
  std::function<Size(const std::any& shape)> size;
  std::function<protocols::Bounds(const mpc::Model&, const std::any& shape, const protocols::Settings&, std::uint64_t retries)> bounds;
  std::function<protocols::Answer(mpc::Cluster&, const std::any& input, const protocols::Settings&)> run;
  std::function<protocols::Answer(bridge::TransformerCluster&, const std::any& input, const protocols::Settings&)> run_as_transformer;
  std::function<protocols::Expected(const std::any& whole, const protocols::Settings&)> oracle;
  std::function<void(const std::any& loaded, mpc::Ranks&)> check;  ///< refuses inputs of the wrong kind; may be empty
};

/// All protocols, in the order in which they were added.
const std::vector<Registered>& registered();
/// Throws UsageError, which lists the names, if there is none of this name.
const Registered& find_protocol(const std::string& name);
/// The variant of this name, or the first if the name is empty. Throws UsageError, which lists the names.
const protocols::Variant& find_variant(const protocols::About& about, const std::string& name);

void add(Registered protocol);

/// The class of a protocol's inputs: P::Input, or GraphInput.
template <class P>
struct InputOf {
  using type = protocols::GraphInput;
};
template <class P>
requires requires { typename P::Input; }
struct InputOf<P> {
  using type = typename P::Input;
};

template <class P>
Registered described() {
  using Input = typename InputOf<P>::type;
  Registered protocol{P::about(), &kind_of<Input>(), {}, {}, {}, {}, {}, {}};
  protocol.size = [](const std::any& any) {
    const auto& shape = std::any_cast<const typename Input::Shape&>(any);
    return Registered::Size{shape.input_words(), shape.ids()};
  };
  protocol.bounds = [](const mpc::Model& model, const std::any& shape, const protocols::Settings& settings, std::uint64_t retries) {
    return P::bounds(model, std::any_cast<const typename Input::Shape&>(shape), settings, retries);
  };
  protocol.run = [](mpc::Cluster& cluster, const std::any& input, const protocols::Settings& settings) {
    return P::run(cluster, std::any_cast<const Input&>(input), settings);
  };
  protocol.run_as_transformer = [](bridge::TransformerCluster& cluster, const std::any& input, const protocols::Settings& settings) {
    return P::run(cluster, std::any_cast<const Input&>(input), settings);
  };
  protocol.oracle = [](const std::any& any, const protocols::Settings& settings) -> protocols::Expected {
    const auto& whole = std::any_cast<const typename Input::Whole&>(any);
    if constexpr (requires { P::oracle(whole, settings); }) {
      return P::oracle(whole, settings);
    } else {
      return P::oracle(whole);
    }
  };
  if constexpr (requires(const typename Input::Loaded& loaded, mpc::Ranks& ranks) { P::check(loaded, ranks); }) {
    protocol.check = [](const std::any& loaded, mpc::Ranks& ranks) {
      P::check(std::any_cast<const typename Input::Loaded&>(loaded), ranks);
    };
  }
  return protocol;
}

/// Adds a protocol P to the commands. P has, for graphs,
///   static protocols::About about();
///   static protocols::Bounds bounds(const mpc::Model&, const protocols::Shape&, const protocols::Settings&, std::uint64_t retries);
///   template <class Cluster> static protocols::Answer run(Cluster&, const protocols::GraphInput&, const protocols::Settings&);
///   static protocols::Expected oracle(const protocols::WholeGraph&);
/// and may have
///   static void check(const protocols::Graph&, mpc::Ranks&);  // throws mpc::InputError
/// A protocol on another kind of input names its class:
///   using Input = protocols::SequenceInput;
/// and has Input::Shape, Input, Input::Whole and Input::Loaded in their places. An oracle may take the Settings too.
template <class P>
void add() {
  add(described<P>());
}

}  // namespace roundtrip
