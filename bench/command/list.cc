#include "bench/command/list.h"

#include <fmt/core.h>

#include "bench/command/registry.h"
#include "bench/command/weights_subject.h"

namespace roundtrip {

std::string list() {
  std::string text;
  for (const auto& protocol : registered()) {
    const auto& about = protocol.about;
    text += fmt::format("{}\n  problem  {}\n  answer   {}\n  input   ", about.name, about.problem, about.answer);
    for (const auto& [name, required] : protocol.kind->options) text += required ? " " + name : " [" + name + "]";
    text += '\n';
    for (const auto& variant : about.variants) {
      text += fmt::format("  --variant {}{}\n", variant.name, &variant == &about.variants.front() ? " (default)" : "");
      text += fmt::format("    rounds   at most {}\n    words    {}\n    least s  {}\n    source   {}\n", variant.rounds, variant.words,
                          variant.least_memory, variant.source);
    }
  }
  return text + weights_list() +
         "n vertices, m edges, N input words (2m for a graph), q machines of s words, T = max(1, ceil(log_f q)), f = max(2, floor(s/4))\n";
}

}  // namespace roundtrip
