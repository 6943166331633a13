#include "protocols/khop.h"

#include "protocols/oracle/hops.h"

namespace protocols {
namespace {

/// L: the most occurrences that one owner of symbols hears of, if no symbol is twice on a machine.
std::uint64_t most_heard_of(const mpc::Model& model, const SequenceShape& shape) {
  const auto q = model.machines;
  if (q >= shape.symbols) return std::min(q, shape.most_frequent);  // every symbol has an owner of its own
  const auto owners = Khop<mpc::Cluster>::symbol_owners(model, shape.symbols);
  std::vector<std::uint64_t> heard(q);
  for (std::uint64_t symbol = 0; symbol < shape.symbols; ++symbol)
    heard[owners.owner(symbol).value] += std::min(q, (*shape.occurrences)[symbol]);
  return *std::ranges::max_element(heard);
}

}  // namespace

About KhopProtocol::about() {
  return {
      "khop",
      "hop_k at every position of a sequence: the symbol after the last occurrence of the same symbol, k times",
      "value",
      {{"push", "3 + ceil(log2 min(k, N)); 0 for k = 0",
        "keeps b + 3, sends and receives max(4b, 2L); b = ceil(N/q), L = occurrences that a symbol's owner hears of, q or fewer of each",
        "b + 3 + max(4b, 2L)", "pointer doubling; the task of Sanford, Hsu, Telgarsky 2024, section 4"}}};
}

Bounds KhopProtocol::bounds(const mpc::Model& model, const SequenceShape& shape, const Settings& settings, std::uint64_t) {
  if (shape.positions == 0) return {0, mpc::Words{1}};
  const auto block = (shape.positions + model.machines - 1) / model.machines;
  if (settings.k == 0) return {0, mpc::Words{2 * block + 3}};
  const auto rounds = 3 + mpc::ceil_log(2, std::min(settings.k, shape.positions));
  // The owner of the most frequent symbol alone may need more than there is: then the others need not be counted.
  const auto frequent = std::min(model.machines, shape.most_frequent);
  const auto least = [&](std::uint64_t heard) { return mpc::Words{block + 3 + std::max(4 * block, 2 * heard)}; };
  if (least(frequent) > model.memory) return {rounds, least(frequent)};
  return {rounds, least(most_heard_of(model, shape))};
}

Expected KhopProtocol::oracle(const WholeSequence& whole, const Settings& settings) {
  Expected expected{std::nullopt, oracle::hops(whole.symbols, settings.k, whole.alphabet)};
  if (!expected.labels.empty() && expected.labels.back() != whole.alphabet) expected.value = expected.labels.back();
  return expected;
}

}  // namespace protocols
