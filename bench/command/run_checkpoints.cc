#include "bench/command/run_checkpoints.h"

#include <fmt/format.h>

#include "mpc/hash.h"

#include "bench/command/revision.h"

namespace roundtrip {
namespace {

/// A hash of the edges in their order, of which every rank adds up its part.
std::uint64_t fingerprint(const protocols::GraphInput& input, std::uint64_t machines, mpc::MachineBlock here, mpc::Ranks& ranks) {
  std::uint64_t sum = 0;
  auto place = protocols::GraphInput::first_edge(here.first, input.edges(), machines);
  for (auto machine = here.first; machine < here.first + here.count; ++machine) {
    for (const auto& [u, v] : input.edges_of(mpc::MachineId{machine})) sum += mpc::mix(mpc::mix(mpc::mix(place++) ^ u) ^ v);
  }
  return ranks.sum(sum);
}

}  // namespace

std::unique_ptr<mpc::Checkpoints> open_checkpoints(const RunOptions& options, mpc::Ranks& ranks) {
  if (options.dry_run || (options.checkpoint.empty() && options.resume.empty())) return nullptr;
  auto checkpoints = std::make_unique<mpc::Checkpoints>(ranks, fmt::format("roundtrip {} ({})", version_number(), revision()));
  if (!options.resume.empty()) checkpoints->resume_from(options.resume);
  if (!options.checkpoint.empty()) checkpoints->write_to({options.checkpoint, options.checkpoint_every});
  return checkpoints;
}

mpc::Identity identity_of(const Problem& problem, const ProblemOptions& options, const protocols::GraphInput& input, mpc::MachineBlock here,
                          mpc::Ranks& ranks) {
  return {{"protocol", problem.protocol.about.name},
          {"variant", problem.variant.name},
          {"labels", problem.settings.labels ? "yes" : "no"},
          {"ids", options.ids == protocols::Ids::random ? "random" : "as-given"},
          {"vertices", std::to_string(input.vertices())},
          {"isolated", std::to_string(input.isolated())},
          {"edges", std::to_string(input.edges())},
          {"input", fmt::format("{:016x}", fingerprint(input, problem.model.machines, here, ranks))}};
}

}  // namespace roundtrip
