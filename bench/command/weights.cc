#include "bench/command/weights.h"

#include <algorithm>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "mpc/clock.h"

#include "transformer_bridge/formats/compiled_files.h"
#include "transformer_bridge/formats/npy.h"

#include "bench/command/compile.h"
#include "bench/command/cores.h"
#include "bench/command/problem.h"
#include "bench/command/text.h"
#include "bench/command/weights_report.h"
#include "bench/command/weights_run.h"
#include "bench/command/weights_show.h"
#include "bench/command/weights_subject.h"

namespace roundtrip {
namespace {

/// Rows up to here are compared with the run on messages after every layer: reference attention is quadratic.
constexpr std::size_t most_compared_tokens = 1024;

/// Output options, and their files.
std::vector<std::pair<std::string, std::string>> outputs_of(const CompileOptions& options) {
  const auto& weights = options.weights;
  return {{"--json", options.json},           {"--labels", options.labels},
          {"--onnx", weights.onnx},           {"--safetensors", weights.safetensors},
          {"--input-npy", weights.input_npy}, {"--output-npy", weights.output_npy}};
}

void check(const CompileOptions& options) {
  const auto& weights = options.weights;
  check(static_cast<const ProblemOptions&>(options));
  const auto files = outputs_of(options);
  check_outputs(files, files_read(options));
  for (const auto& [option, file] : files) {
    if (file == "-" && option != "--json" && option != "--labels")
      throw mpc::UsageError(fmt::format("{} is '-'; expected a file: it is not text", option));
  }
  if (!options.dump_attention.empty() || !options.dump_residual.empty()) {
    throw mpc::UsageError("--dump-attention and --dump-residual are of the transformer without --weights; see --show");
  }
  if (options.transformer.limb_bits || options.transformer.temperature || options.transformer.most_gib ||
      options.transformer.routing_given) {
    throw mpc::UsageError("--routing, --limb-bits, --temperature and --most-gib are of the transformer without --weights");
  }
  if (weights.blocks && (*weights.blocks == 0 || *weights.blocks > 1024)) {
    throw mpc::UsageError(fmt::format("--blocks is {}; expected 1 to 1024", *weights.blocks));
  }
  if (options.dry_run && std::ranges::any_of(files, [](const auto& file) { return !file.second.empty(); })) {
    throw mpc::UsageError("--dry-run writes no files");
  }
  if (weights.threads && (*weights.threads == 0 || *weights.threads > 1024)) {
    throw mpc::UsageError(fmt::format("--threads is {}; expected 1 to 1024", *weights.threads));
  }
}

void write_matrix(const std::string& path, const bridge::Matrix<double>& matrix, bridge::NumberType type) {
  if (type == bridge::NumberType::f32) return bridge::write_npy(path, bridge::converted<float>(matrix));
  bridge::write_npy(path, matrix);
}

/// Writes what was asked for, and says so; each file is attempted whatever became of the others.
void write_files(const CompileOptions& options, const WeightsSubject& subject, WeightsResult& result, Outputs& outputs) {
  const auto& weights = options.weights;
  const auto type = subject.model.type;
  const auto write = [&](const std::string& path, const char* what, const auto& how) {
    if (path.empty()) return;
    outputs.attempt([&] {
      how(path);
      result.files += fmt::format("file       {}: {}, {} bytes\n", path, what, grouped(std::filesystem::file_size(path)));
    });
  };
  write(weights.onnx, "ONNX, opset 17, x to y", [&](const std::string& path) { bridge::write_compiled_onnx(path, subject.model, type); });
  write(weights.safetensors, "weights and their description",
        [&](const std::string& path) { bridge::write_compiled_safetensors(path, subject.model, type); });
  write(weights.input_npy, "the tokens, x", [&](const std::string& path) { write_matrix(path, subject.x, type); });
  write(weights.output_npy, "the rows after the last layer, y", [&](const std::string& path) { write_matrix(path, result.run.y, type); });
}

/// Refuses what is not exact.
bridge::WeightsCertificate certificate_of(const WeightsSubject& subject) {
  auto certificate = bridge::certify(subject.model, subject.model.type);
  if (certificate.exact) return certificate;
  throw mpc::Error(mpc::Exit::inexact, fmt::format("{} is not exact: {}{}", subject.title, certificate.objection,
                                                   subject.model.type == bridge::NumberType::f32 ? "; --dtype f64 goes further" : ""));
}

/// What rank 0 does.
mpc::Exit run(const CompileOptions& options, const WeightsSubject& subject, double compile_s, std::size_t threads) {
  WeightsResult result;
  result.compile_s = compile_s;
  result.kernel = options.transformer.kernel_name();
  result.certificate = certificate_of(subject);
  std::string pictures;
  if (options.weights.show) pictures = show_weights(subject) + "\n";
  result.run = run_weights(subject.model, subject.x, options.transformer.kernel, threads);
  result.reading = subject.read(result.run.y, !options.no_verify);
  if (subject.difference)
    result.not_compared = options.no_verify ? "--no-verify" : fmt::format("more than {} tokens", most_compared_tokens);
  if (!options.no_verify && subject.difference && subject.x.rows() <= most_compared_tokens) {
    result.layers_compared = subject.model.transformer.layers().size();
    for_each_layer(subject.model, subject.x, [&](std::size_t l, const auto&, const auto& after) {
      if (!result.difference) result.difference = subject.difference(l, after);
    });
  }

  mpc::SingleRank alone;
  Outputs outputs;
  write_files(options, subject, result, outputs);
  if (!options.stdout_taken()) outputs.attempt([&] { write_text("-", pictures + text_report(subject, result), alone); });
  outputs.attempt([&] { write_text(options.json, json_report(subject, result), alone); });
  if (!options.labels.empty()) outputs.attempt([&] { write_text(options.labels, subject.label_lines(result.run.y), alone); });
  outputs.finish();
  if (!result.reading.wrong.empty()) fmt::print(stderr, "roundtrip: the answer is wrong: {}\n", result.reading.wrong);
  if (!result.reading.advice.empty()) fmt::print(stderr, "roundtrip: {}\n", result.reading.advice);
  if (result.difference) fmt::print(stderr, "roundtrip: the transformer is not the run on messages: {}\n", *result.difference);
  return result.good() ? mpc::Exit::done : mpc::Exit::unverified;
}

}  // namespace

std::string WeightsOptions::given() const {
  for (const auto& [name, is_given] : {std::pair{"--onnx", !onnx.empty()},
                                       {"--safetensors", !safetensors.empty()},
                                       {"--input-npy", !input_npy.empty()},
                                       {"--output-npy", !output_npy.empty()},
                                       {"--blocks", blocks.has_value()},
                                       {"--threads", threads.has_value()},
                                       {"--show", show}}) {
    if (is_given) return name;
  }
  return {};
}

void declare(CLI::App& command, WeightsOptions& options) {
  const auto* group = "Weights";
  command.add_flag("--weights", options.on, "no oracles: a transformer in weights alone, of " + weights_names())->group(group);
  const auto file = [&](const char* name, std::string& target, const char* text) {
    command.add_option(name, target, text)->option_text("FILE")->group(group);
  };
  file("--onnx", options.onnx, "write it as an ONNX model: x [N, m] to y [N, m]");
  file("--safetensors", options.safetensors, "write its weights and what they mean (bench/models/load_compiled.py reads them)");
  file("--input-npy", options.input_npy, "write the tokens of this input, x");
  file("--output-npy", options.output_npy, "write the rows after the last layer, y");
  whole_option(
      command, "--blocks", [&](std::uint64_t blocks) { options.blocks = blocks; }, "of components: two layers each (default ceil(log2 n))")
      .option_text("B")
      ->group(group);
  whole_option(
      command, "--threads", [&](std::uint64_t threads) { options.threads = threads; }, "(default: the processors there are)")
      .option_text("T")
      ->group(group);
  command
      .add_flag("--show", options.show,
                fmt::format("draw every attention matrix and what the rows hold; at most {} tokens", most_shown_tokens))
      ->group(group);
}

mpc::Exit compile_weights(const CompileOptions& options, mpc::Ranks& ranks) {
  check(options);
  expect_writable({options.json, options.labels, options.weights.onnx, options.weights.safetensors, options.weights.input_npy,
                   options.weights.output_npy},
                  ranks);
  const auto threads = options.weights.threads.value_or(static_cast<std::uint64_t>(std::max(1, cores_of(ranks).all)));
  const auto start = mpc::seconds_now();
  WeightsRequest request{static_cast<const ProblemOptions&>(options), options.transformer.type, options.weights.blocks.value_or(0)};
  const auto subject = weights_subject(request, ranks);
  const auto compile_s = mpc::seconds_now() - start;
  if (options.dry_run) {
    const auto certificate = certificate_of(subject);
    write_text("-", model_report(subject, certificate), ranks);
    return mpc::Exit::done;
  }
  auto exit = mpc::Exit::done;
  mpc::together(ranks, [&] {
    if (ranks.rank() == 0) exit = run(options, subject, compile_s, static_cast<std::size_t>(threads));
  });
  return ranks.sum(exit == mpc::Exit::done ? 0 : 1) == 0 ? mpc::Exit::done : mpc::Exit::unverified;
}

}  // namespace roundtrip
