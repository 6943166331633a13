#pragma once

#include <any>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mpc/machine.h"
#include "mpc/model.h"
#include "mpc/ranks.h"

#include "protocols/graph_input.h"
#include "protocols/protocol.h"

#include "transformer_bridge/compile/transformer_cluster.h"

#include "bench/command/reference_lines.h"
#include "bench/command/run_options.h"

namespace roundtrip {

/// A number or a text of a report, or nothing.
using Fact = std::variant<std::monostate, std::uint64_t, std::string>;
/// Facts with the names that they have in JSON, in their order.
using Facts = std::vector<std::pair<std::string, Fact>>;

/// Distances in a graph, from breadth-first searches on one rank.
struct Distances {
  std::uint64_t diameter = 0;      ///< at least
  std::uint64_t eccentricity = 0;  ///< of the smallest vertex of the largest component
};

/// An input that was read or made, as the commands see it whatever its kind. What goes to the protocol, std::any, has the types that its
/// class of inputs names: Input (GraphInput), Input::Shape, Input::Whole and Input::Loaded.
class LoadedInput {
 public:
  virtual ~LoadedInput() = default;

  /// An Input::Shape: what is known before a run.
  virtual std::any shape() const = 0;
  /// The Input::Loaded itself.
  virtual const std::any& loaded() const = 0;
  /// An Input::Whole on rank 0, for oracles; before or after it was dealt. Collective.
  virtual std::any whole(mpc::Ranks& ranks) const = 0;

  /// An Input, dealt to the machines of this rank; may take it out of memory, so that whoever needs it again copies first. Collective.
  virtual std::any deal(const mpc::Model& model, mpc::MachineBlock here, mpc::Ranks& ranks) = 0;
  virtual std::unique_ptr<LoadedInput> copy() const = 0;
  /// The words of the input as tokens: which machine each one goes to.
  virtual bridge::Dealing dealing(std::uint64_t machines) const = 0;
  /// An Input, as the first layer brought it to the machines. Collective.
  virtual std::any deal(bridge::TransformerCluster& cluster, mpc::Ranks& ranks) const = 0;

  /// Its name for people, e.g. a file's.
  virtual std::string name() const = 0;
  /// Its sizes for people: a line.
  virtual std::string line() const = 0;
  /// How it was changed for the run, for people: words after a comma, or nothing.
  virtual std::string note() const { return {}; }
  virtual Facts facts() const = 0;
  /// A hash of the part of the input that this rank holds, before it is dealt; the sum over the ranks is the same for any number of them.
  virtual std::uint64_t fingerprint() const = 0;
  /// The protocol's value as it is reported. Only rank 0 may know.
  virtual Fact shown(std::optional<std::uint64_t> value) const;

  /// Whether the labels, (item, label) pairs of all ranks in any order, are those that the oracle found.
  virtual bool same_labels(const std::vector<protocols::VertexLabel>& labels, const std::vector<std::uint64_t>& expected) const = 0;
  /// Collective; every item has a label.
  virtual void write_labels(const std::string& path, const std::vector<protocols::VertexLabel>& labels, mpc::Ranks& ranks) const = 0;
  /// How many items have a label, if the protocol finds any.
  virtual std::uint64_t labelled() const = 0;

  /// Of a graph, from its Input::Whole.
  virtual std::optional<Distances> distances(const std::any&) const { return {}; }
  /// Rounds to compare with. Distances: of a graph, if they were measured.
  virtual ReferenceLines reference_lines(const mpc::Model& model, const std::optional<Distances>& distances) const = 0;
};

/// A kind of input: which options name one, and how it is loaded.
struct InputKind {
  struct Option {
    std::string name;  ///< with the dashes
    bool required = false;
  };
  std::string name;  ///< "graphs"
  std::vector<Option> options;
  /// Collective. Throws, the same on every rank, for an input that is not one.
  std::unique_ptr<LoadedInput> (*load)(const InputOptions& options, std::uint64_t seed, mpc::Ranks& ranks) = nullptr;
};

/// The kind of a class of inputs.
template <class Input>
const InputKind& kind_of();
template <>
const InputKind& kind_of<protocols::GraphInput>();

/// Index of the first of `items` items, dealt evenly, that each rank's machines get, and `items` at the end. Collective.
std::vector<std::uint64_t> first_items(std::uint64_t items, std::uint64_t machines, mpc::MachineBlock here, mpc::Ranks& ranks);

/// A fact as a person reads it: numbers grouped; nothing is "undefined".
std::string for_people(const Fact& fact);

}  // namespace roundtrip
