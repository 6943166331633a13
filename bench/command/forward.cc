#include "bench/command/forward.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "mpc/clock.h"
#include "mpc/error.h"
#include "mpc/transport/mpi.h"

#include "protocols/graph/spread.h"

#include "transformer_bridge/formats/hugging_face_model.h"
#include "transformer_bridge/formats/npy.h"
#include "transformer_bridge/transformer/pooling.h"

#include "bench/command/forward_report.h"
#include "bench/command/problem.h"
#include "bench/command/run_options.h"
#include "bench/command/token_file.h"

namespace roundtrip {
namespace {

/// What a sequence's run throws says which line of the file it was.
template <class Run>
auto at_line(const std::string& tokens, std::size_t sequence, Run&& run) {
  try {
    return run();
  } catch (const mpc::Error& error) {
    throw mpc::Error(error.exit(), fmt::format("{}:{}: {}", tokens, sequence + 1, error.what()));
  }
}

/// An infinity, from weights that are too large for the number type, is no answer.
template <class Real>
void expect_finite(const bridge::Matrix<Real>& rows) {
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    if (!std::ranges::all_of(rows.row(i), [](Real number) { return std::isfinite(number); })) {
      throw mpc::Fault(fmt::format("token {} of the output is not finite; expected weights that do not overflow the number type", i));
    }
  }
}

/// Sequences that are whole on one process each: every rank runs a part of them, and all ranks have all rows.
template <class Real>
std::vector<bridge::SchemeRun<Real>> run_apart(bridge::Program<Real>& program, const std::vector<TokenSequence>& sequences,
                                               const std::string& tokens, mpc::Ranks& ranks) {
  const auto starts = protocols::even_starts(sequences.size(), ranks.size());
  const auto me = static_cast<std::size_t>(ranks.rank());
  std::vector<std::uint64_t> mine;
  mpc::together(ranks, [&] {
    for (auto i = starts[me]; i < starts[me + 1]; ++i) {
      const auto start = mpc::seconds_now();
      const auto rows = at_line(tokens, i, [&] { return program.forward(sequences[i].column<Real>(), sequences[i].shown); });
      mine.push_back(std::bit_cast<std::uint64_t>(mpc::seconds_now() - start));
      for (const auto number : rows.values()) mine.push_back(std::bit_cast<std::uint64_t>(static_cast<double>(number)));
    }
  });
  const auto all = ranks.gather(mine);
  auto next = all.begin();
  std::vector<bridge::SchemeRun<Real>> runs;
  for (const auto& sequence : sequences) {
    auto& run = runs.emplace_back();
    run.wall_s = std::bit_cast<double>(*next++);
    run.rows = bridge::Matrix<Real>(sequence.ids.size(), program.transformer().out());
    for (auto& number : run.rows.values()) number = static_cast<Real>(std::bit_cast<double>(*next++));
  }
  return runs;
}

template <class Real>
bridge::Matrix<Real> output_of(const std::vector<bridge::SchemeRun<Real>>& runs, const std::vector<TokenSequence>& sequences, bool pooled) {
  const auto columns = runs.front().rows.columns();
  std::size_t rows = 0;
  for (const auto& run : runs) rows += pooled ? 1 : run.rows.rows();
  bridge::Matrix<Real> out(rows, columns);
  auto to = out.values().begin();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (pooled) {
      to = std::ranges::copy(bridge::mean_pooled(runs[i].rows, sequences[i].shown), to).out;
    } else {
      to = std::ranges::copy(runs[i].rows.values(), to).out;
    }
  }
  return out;
}

template <class Real>
mpc::Exit forward_in(const ForwardOptions& options, mpc::Ranks& ranks) {
  const auto choice = options.scheme.choice();
  const auto load_start = mpc::seconds_now();
  bridge::ModelConfig config;
  mpc::together(ranks, [&] { config = bridge::read_config(options.model + "/config.json"); });
  const auto sequences = read_tokens(options.tokens, config, ranks);
  const auto kernels = make_kernels<Real>(options.device, ranks);
  std::optional<bridge::Model<Real>> model;
  mpc::together(ranks, [&] { model.emplace(bridge::read_model<Real>(options.model)); });
  bridge::Program<Real> program(model->transformer, *kernels);

  ForwardResult result;
  result.model = options.model;
  result.config = config;
  result.parameters = model->transformer.parameters();
  result.device = described(options.device, *kernels);
  result.dtype = dtype_name<Real>();
  result.choice = choice;
  result.ranks = ranks.size();
  std::map<std::size_t, bridge::SchemeSize> sizes;  // by tokens; all are refused before anything runs
  for (const auto& sequence : sequences) {
    if (!sizes.contains(sequence.ids.size())) sizes.emplace(sequence.ids.size(), bridge::size_of(program, sequence.ids.size(), choice));
    result.tokens += sequence.ids.size();
    result.shown += sequence.shown;
  }
  result.sizes = {sizes.begin(), sizes.end()};
  result.sequences = sequences.size();
  result.load_s = slowest_since(load_start, ranks);
  if (options.dry_run) {
    write_text("-", prediction(result), ranks);
    return mpc::Exit::done;
  }

  const auto start = mpc::seconds_now();
  std::vector<bridge::SchemeRun<Real>> runs;
  if (choice.scheme == bridge::Scheme::local) {
    runs = run_apart(program, sequences, options.tokens, ranks);
  } else {
    mpc::MpiTransport transport(ranks);
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      const auto& size = sizes.at(sequences[i].ids.size());
      runs.push_back(at_line(options.tokens, i, [&] {
        return bridge::run(program, choice, size, sequences[i].column<Real>(), transport, sequences[i].shown);
      }));
    }
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    at_line(options.tokens, i, [&] { expect_finite(runs[i].rows); });
  }
  result.wall_s = slowest_since(start, ranks);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    result.rows.push_back(row_of(fmt::format("sequence {}", i + 1), program, choice, sizes.at(sequences[i].ids.size()), runs[i]));
    result.seconds += runs[i].ledger.seconds();
  }
  result.rss_bytes = ranks.sum(peak_bytes());
  const auto out = output_of(runs, sequences, !options.pool.empty());
  result.out_rows = out.rows();
  result.out_columns = out.columns();
  result.digest = digest_of<Real>(out.values());
  if (!options.pool.empty()) result.similarity = similarities(out);

  Outputs outputs;
  if (!options.out.empty()) {
    outputs.attempt([&] {
      mpc::together(ranks, [&] {
        if (ranks.rank() == 0) bridge::write_npy(options.out, out);
      });
      result.written = options.out;
    });
  }
  if (options.json != "-") outputs.attempt([&] { write_text("-", text_report(result, options), ranks); });
  outputs.attempt([&] { write_text(options.json, json_report(result), ranks); });
  outputs.finish();
  const auto kept = std::ranges::all_of(result.rows, [](const SchemeRow& row) { return row.rounds == row.rounds_formula; });
  return kept ? mpc::Exit::done : mpc::Exit::unverified;
}

}  // namespace

void declare(CLI::App& command, ForwardOptions& options) {
  command.add_option("model", options.model, "a folder with the config.json and model.safetensors of a GPT-2 or BERT")
      ->required()
      ->option_text("MODELDIR");
  command.add_option("--tokens", options.tokens, "one sequence of ids a line; trailing ids equal to pad_token_id are padding")
      ->required()
      ->option_text("FILE");
  command.add_option("--dtype", options.dtype, "number type (default f32)")
      ->check(CLI::IsMember({"f32", "f64"}).description(""))
      ->option_text("f32|f64");
  declare(command, options.scheme);
  declare(command, options.device);
  const auto* group = "Output";
  command.add_option("--pool", options.pool, "mean: one row a sequence, the mean of its last hidden states, of length 1")
      ->check(CLI::IsMember({"mean"}).description(""))
      ->option_text("mean")
      ->group(group);
  command.add_option("--out", options.out, "last hidden states of all sequences, [tokens, width], or the pooled rows, as .npy")
      ->option_text("FILE")
      ->group(group);
  command
      .add_option("--json", options.json, "rounds, loads and times of every sequence; - is standard output, which then holds nothing else")
      ->option_text("FILE")
      ->group(group);
  command.add_flag("--dry-run", options.dry_run, "say s, q and the rounds, and run nothing");
}

mpc::Exit forward(const ForwardOptions& options, mpc::Ranks& ranks) {
  check_outputs({{"--out", options.out}, {"--json", options.json}},
                {options.tokens, options.model + "/config.json", options.model + "/model.safetensors"});
  if (options.out == "-") throw mpc::UsageError("--out is '-'; expected a file");
  if (options.dry_run && !(options.out.empty() && options.json.empty())) {
    throw mpc::UsageError("--dry-run runs nothing, and writes no --out and no --json");
  }
  if (!options.dry_run) expect_writable({options.out, options.json}, ranks);
  return options.dtype == "f64" ? forward_in<double>(options, ranks) : forward_in<float>(options, ranks);
}

}  // namespace roundtrip
