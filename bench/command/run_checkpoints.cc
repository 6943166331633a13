#include "bench/command/run_checkpoints.h"

#include <fmt/format.h>

#include "bench/command/revision.h"

namespace roundtrip {
std::unique_ptr<mpc::Checkpoints> open_checkpoints(const RunOptions& options, mpc::Ranks& ranks) {
  if (options.dry_run || (options.checkpoint.empty() && options.resume.empty())) return nullptr;
  auto checkpoints = std::make_unique<mpc::Checkpoints>(ranks, fmt::format("roundtrip {} ({})", version_number(), revision()));
  if (!options.resume.empty()) checkpoints->resume_from(options.resume);
  if (!options.checkpoint.empty()) checkpoints->write_to({options.checkpoint, options.checkpoint_every});
  return checkpoints;
}

mpc::Identity identity_of(const Problem& problem, mpc::Ranks& ranks) {
  mpc::Identity identity{
      {"protocol", problem.protocol.about.name}, {"variant", problem.variant.name}, {"labels", problem.settings.labels ? "yes" : "no"}};
  // Sizes; not names, which are different for the same input in another place.
  for (const auto& [name, fact] : problem.input->facts()) {
    if (const auto* number = std::get_if<std::uint64_t>(&fact)) identity.emplace_back(name, std::to_string(*number));
  }
  if (const auto note = problem.input->note(); note.starts_with(", ")) identity.emplace_back("numbering", note.substr(2));
  identity.emplace_back("input", fmt::format("{:016x}", ranks.sum(problem.input->fingerprint())));
  return identity;
}

}  // namespace roundtrip
