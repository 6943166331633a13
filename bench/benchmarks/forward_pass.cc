// One pass at a time, on request, so that passes of other programs can be timed in between (bench/forward_peers.sh):
//   forward_pass forward MODELDIR TOKENSFILE THREADS    the first sequence of the file through the model, float32
//   forward_pass attention N D THREADS                  one head of N tokens of width D, float32
// Says "ready DESCRIPTION" when it is; then each line "run" on standard input is one pass, whose seconds it prints.
#include <cstdio>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "mpc/clock.h"
#include "mpc/error.h"
#include "mpc/hash.h"
#include "mpc/ranks.h"

#include "transformer_bridge/formats/hugging_face_model.h"
#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/transformer/program.h"

#include "bench/command/run_options.h"
#include "bench/command/token_file.h"

namespace {

constexpr int warm_up_passes = 3;

void serve(const std::string& description, const std::function<void()>& pass) {
  for (int i = 0; i < warm_up_passes; ++i) pass();
  fmt::print("ready {}\n", description);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    if (line != "run") throw mpc::InputError(fmt::format("standard input: expected 'run', got '{}'", line));
    const auto start = mpc::seconds_now();
    pass();
    fmt::print("{:.9f}\n", mpc::seconds_now() - start);
    std::fflush(stdout);
  }
}

void serve_forward(const std::string& folder, const std::string& tokens, std::size_t threads) {
  mpc::SingleRank alone;
  const auto model = bridge::read_model<float>(folder);
  const auto sequence = roundtrip::read_tokens(tokens, model.config, alone).front();
  const auto kernels = bridge::cpu_kernels<float>(threads);
  bridge::Program<float> program(model.transformer, *kernels);
  const auto x = sequence.column<float>();
  serve(kernels->describe(), [&] { program.forward(x, sequence.shown); });
}

void serve_attention(std::size_t n, std::size_t d, std::size_t threads) {
  const auto kernels = bridge::cpu_kernels<float>(threads);
  std::uint64_t state = 1;
  const auto random = [&] {
    std::vector<float> values(n * d);
    for (auto& x : values) x = static_cast<float>((state = mpc::mix(state)) >> 40) * 0x1p-23F - 1;
    return values;
  };
  const auto queries = random(), keys = random(), values = random();
  std::vector<float> out(n * d);
  serve(kernels->describe(), [&] { kernels->attention({n, n, d, d}, queries, keys, values, {}, 0.125F, out); });
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const auto number = [&](std::size_t i) { return static_cast<std::size_t>(roundtrip::whole_number(words[i], "an argument")); };
    if (words.size() == 4 && words[0] == "forward") {
      serve_forward(words[1], words[2], number(3));
    } else if (words.size() == 4 && words[0] == "attention") {
      serve_attention(number(1), number(2), number(3));
    } else {
      throw mpc::UsageError("expected: forward MODELDIR TOKENSFILE THREADS, or attention N D THREADS");
    }
    return 0;
  } catch (const mpc::Error& error) {
    fmt::print(stderr, "forward_pass: {}\n", error.what());
    return static_cast<int>(error.exit());
  }
}
