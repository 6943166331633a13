#include "transformer_bridge/programs/induction.h"

namespace bridge {

CompiledModel induction(std::uint64_t positions, std::uint64_t symbols, NumberType type) {
  auto model = hops(1, positions, symbols, type);
  model.name = "induction";
  model.parameters.erase("k");
  model.source = "before = symbol at i - 1; answer = symbol at the largest j with before(j) = symbol(i)";
  return model;
}

}  // namespace bridge
