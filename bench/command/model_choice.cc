#include "bench/command/model_choice.h"

#include <algorithm>

#include <fmt/core.h>

#include "mpc/error.h"

namespace roundtrip {
namespace {

mpc::Model with_memory(const ModelOptions& options, std::uint64_t input_words, std::uint64_t ids, std::uint64_t memory) {
  // q is checked where it is used: --machines replaces it, and the search for the least s starts low.
  auto model = options.machines ? mpc::Model::with_memory(input_words, ids, mpc::Words{std::max(memory, input_words + 1)}, 0, options.slack)
                                : mpc::Model::with_memory(input_words, ids, mpc::Words{memory}, options.gamma, options.slack);
  model.memory = mpc::Words{memory};
  model.gamma = options.gamma;
  model.seed = options.seed;
  return options.machines ? model.with_machines(*options.machines) : model;
}

}  // namespace

mpc::Model least_model(const ModelOptions& options, const Registered& protocol, const protocols::Settings& settings,
                       const std::any& shape) {
  const auto [input_words, ids] = protocol.size(shape);
  // Below this s there would be more machines than an address can name.
  const auto fewest =
      options.machines ? 0.0 : options.slack * static_cast<double>(input_words) / static_cast<double>(mpc::Model::most_machines);
  for (auto memory = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(fewest) + 1);; ++memory) {
    const auto model = with_memory(options, input_words, ids, memory);
    if (protocol.bounds(model, shape, settings, 0).least_memory <= model.memory) return model;
  }
}

mpc::Model choose_model(const ModelOptions& options, const Registered& protocol, const protocols::Settings& settings,
                        const std::any& shape) {
  const auto [input_words, ids] = protocol.size(shape);
  if (options.words == "min") return least_model(options, protocol, settings, shape);
  mpc::Model model;
  if (options.words.empty()) {
    model = mpc::Model::sublinear(input_words, ids, options.delta.value_or(0.5), options.gamma, options.c, options.slack);
    model.seed = options.seed;
    if (options.machines) model = model.with_machines(*options.machines);
  } else {
    model = with_memory(options, input_words, ids, whole_number(options.words, "--words"));
  }
  if (protocol.bounds(model, shape, settings, 0).least_memory > model.memory) {
    const auto least = least_model(options, protocol, settings, shape);
    throw mpc::Error(
        mpc::Exit::over_budget,
        fmt::format("{} ({}) needs machines of at least {} words on this input ({} of them); s is {}. --words min takes the least",
                    protocol.about.name, settings.variant, least.memory.count, least.machines, model.memory.count));
  }
  return model;
}

}  // namespace roundtrip
