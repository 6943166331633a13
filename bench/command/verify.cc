#include "bench/command/verify.h"

#include <utility>
#include <vector>

#include "protocols/graph/spread.h"

namespace roundtrip {

void verify(const Problem& problem, const protocols::Answer& answer, const std::any& whole, Verification& result, mpc::Ranks& ranks) {
  std::vector<std::size_t> counts(static_cast<std::size_t>(ranks.size()), 0);
  counts[0] = answer.labels.size();
  struct {
    std::uint64_t right = 0, defined = 0, expected = 0, measured = 0, diameter = 0, eccentricity = 0;
  } found;
  // Before the labels come, since both take memory.
  mpc::together(ranks, [&] {
    if (ranks.rank() != 0) return;
    const auto distances = problem.input->distances(whole);
    if (!distances) return;
    found.measured = 1;
    found.diameter = distances->diameter;
    found.eccentricity = distances->eccentricity;
  });
  const auto labels = protocols::exchange_items(std::vector(answer.labels), std::move(counts), ranks);
  mpc::together(ranks, [&] {
    if (ranks.rank() != 0) return;
    const auto expected = problem.protocol.oracle(whole, problem.settings);
    const bool right = expected.value == answer.value &&
                       (labels.empty() || expected.labels.empty() || problem.input->same_labels(labels, expected.labels));
    found.right = right ? 1 : 0;
    found.defined = expected.value ? 1 : 0;
    found.expected = expected.value.value_or(0);
  });
  std::uint64_t shared[] = {found.right, found.defined, found.expected, found.measured, found.diameter, found.eccentricity};
  ranks.reduce(shared, mpc::Reduction::sum);
  result.verdict = shared[0] == 1 ? Verdict::verified : Verdict::wrong;
  result.expected = problem.input->shown(shared[1] == 1 ? std::optional(shared[2]) : std::nullopt);
  if (shared[3] == 1) result.distances = Distances{shared[4], shared[5]};
}

}  // namespace roundtrip
