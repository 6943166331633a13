#pragma once

#include <optional>
#include <string>

#include "mpc/error.h"
#include "mpc/ranks.h"

#include "transformer_bridge/compile/lockstep.h"

#include "bench/command/run_options.h"
#include "bench/command/weights.h"

namespace roundtrip {

/// How a protocol is turned into a transformer.
struct TransformerOptions {
  std::string routing = "superimposed";
  bool routing_given = false;
  bridge::NumberType type = bridge::NumberType::f32;
  bridge::Kernel kernel = bridge::Kernel::routed;
  std::optional<std::uint64_t> limb_bits;
  std::optional<double> temperature;
  std::optional<double> most_gib;  ///< over all ranks; three quarters of the machine's memory if not given

  std::string kernel_name() const;
  std::string type_name() const;
  /// Throws UsageError for a value out of range.
  bridge::LockstepOptions lockstep() const;
};

void declare(CLI::App& command, TransformerOptions& options);

/// The options of `compile`.
struct CompileOptions : ProblemOptions {
  TransformerOptions transformer;
  WeightsOptions weights;
  std::string json, labels, dump_attention, dump_residual;
  bool dry_run = false, no_verify = false;

  bool stdout_taken() const { return json == "-" || labels == "-"; }
};

void declare(CLI::App& command, CompileOptions& options);

/// Bytes that all ranks together may need for a layer of this shape when every machine sends as much as it can.
double memory_bytes(const bridge::RoutingShape& shape, int ranks);

/// Throws Error(over_budget), naming B, slots, width and bytes, if the widest layer of a run with this model (packets of one word) would
/// not fit. Collective.
void refuse_what_cannot_fit(const mpc::Model& model, const TransformerOptions& options, mpc::Ranks& ranks);

/// `roundtrip compile`: runs a protocol as a transformer. Collective. Returns done or unverified; throws mpc::Error, the same on every
/// rank.
mpc::Exit compile(const CompileOptions& options, mpc::Ranks& ranks);

}  // namespace roundtrip
