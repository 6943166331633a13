#include "mpc/model.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/core.h>

#include "mpc/error.h"

namespace mpc {
namespace {

std::uint64_t machines_for(std::uint64_t input_words, std::uint64_t memory, double gamma, double slack) {
  if (!(gamma >= 0 && gamma <= 4)) throw UsageError(fmt::format("gamma is {}; expected 0 <= gamma <= 4", gamma));
  if (!(slack > 0 && slack <= 1e9)) throw UsageError(fmt::format("slack is {}; expected 0 < slack <= 1e9", slack));
  const auto wanted = std::ceil(slack * std::pow(static_cast<double>(input_words), 1 + gamma) / static_cast<double>(memory));
  if (!(wanted <= static_cast<double>(Model::most_machines))) {
    throw UsageError(fmt::format("{:.0f} machines wanted (slack N^(1+gamma) / s); expected at most {}", wanted, Model::most_machines));
  }
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
}

}  // namespace

std::uint64_t ceil_log(std::uint64_t base, std::uint64_t x) {
  std::uint64_t exponent = 0;
  for (DoubleWord power = 1; power < x; power *= base) ++exponent;
  return exponent;
}

std::uint64_t ceil_root(std::uint64_t x, std::uint64_t k) {
  const auto reaches = [&](std::uint64_t root) {
    DoubleWord power = 1;
    for (std::uint64_t j = 0; j < k && power < x; ++j) power *= root;
    return power >= x;
  };
  std::uint64_t below = 0, root = std::max<std::uint64_t>(1, x);
  while (root - below > 1) {
    const auto middle = below + (root - below) / 2;
    (reaches(middle) ? root : below) = middle;
  }
  return root;
}

Model Model::sublinear(std::uint64_t input_words, std::uint64_t n, double delta, double gamma, double c, double slack) {
  if (!(delta > 0 && delta <= 1)) throw UsageError(fmt::format("delta is {}; expected 0 < delta <= 1", delta));
  if (!(c > 0 && c <= 1e9)) throw UsageError(fmt::format("c is {}; expected 0 < c <= 1e9", c));
  const auto memory = std::max(1.0, std::ceil(c * std::pow(static_cast<double>(input_words), delta)));
  if (!(memory < 0x1p64)) throw UsageError(fmt::format("{:.0f} words of memory wanted (c N^delta); expected fewer than 2^64", memory));
  Model model = with_memory(input_words, n, Words{static_cast<std::uint64_t>(memory)}, gamma, slack);
  model.delta = delta;
  model.c = c;
  return model;
}

Model Model::with_memory(std::uint64_t input_words, std::uint64_t n, Words memory, double gamma, double slack) {
  if (memory.count == 0) throw UsageError("a machine has 0 words of memory; expected at least 1");
  Model model;
  model.input_words = input_words;
  model.n = n;
  model.memory = memory;
  model.gamma = gamma;
  model.slack = slack;
  model.machines = machines_for(input_words, memory.count, gamma, slack);
  return model.with_default_word_bits();
}

Model Model::with_machines(std::uint64_t q) const {
  if (q == 0 || q > most_machines) throw UsageError(fmt::format("{} machines; expected 1 to {}", q, most_machines));
  Model model = *this;
  model.machines = q;
  return model.with_default_word_bits();
}

Model Model::with_default_word_bits() const {
  const auto largest = std::max({input_words, n, machines, std::uint64_t{2}});
  const auto bits = 2 * ceil_log(2, largest);
  if (bits > 64) throw UsageError(fmt::format("ids up to {} need words of {} bits; expected at most 64", largest, bits));
  Model model = *this;
  model.word_bits = static_cast<unsigned>(bits);
  return model;
}

std::uint64_t Model::fan_out() const { return std::max<std::uint64_t>(2, memory.count / 4); }

std::uint64_t Model::tree_rounds() const { return std::max<std::uint64_t>(1, ceil_log(fan_out(), machines)); }

}  // namespace mpc
