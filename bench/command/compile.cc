#include "bench/command/compile.h"

#include <algorithm>
#include <any>
#include <cstdio>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <unistd.h>

#include "mpc/clock.h"
#include "mpc/cluster.h"
#include "mpc/transport/mpi.h"

#include "transformer_bridge/compile/routing_modes.h"

#include "bench/command/compile_report.h"
#include "bench/command/layer_dump.h"
#include "bench/command/memory_trace.h"
#include "bench/command/problem.h"
#include "bench/command/text.h"
#include "bench/command/verify.h"
#include "bench/command/weights_subject.h"

namespace roundtrip {

namespace {

template <class Value>
using Names = std::vector<std::pair<std::string, Value>>;

const Names<bridge::NumberType> number_types{{"f32", bridge::NumberType::f32}, {"f64", bridge::NumberType::f64}};
const Names<bridge::Kernel> kernels{
    {"routed", bridge::Kernel::routed}, {"dense", bridge::Kernel::dense}, {"reference", bridge::Kernel::reference}};

template <class Value>
Value one_of(const char* option, const std::string& word, const Names<Value>& names) {
  std::string known;
  for (const auto& [name, value] : names) {
    if (name == word) return value;
    known += (known.empty() ? "" : ", ") + name;
  }
  throw mpc::UsageError(fmt::format("{} is '{}'; expected one of: {}", option, word, known));
}

template <class Value>
const std::string& name_of(Value wanted, const Names<Value>& names) {
  return std::ranges::find(names, wanted, &std::pair<std::string, Value>::second)->first;
}

}  // namespace

std::string TransformerOptions::kernel_name() const { return name_of(kernel, kernels); }
std::string TransformerOptions::type_name() const { return name_of(type, number_types); }

bridge::LockstepOptions TransformerOptions::lockstep() const {
  bridge::LockstepOptions lockstep;
  lockstep.routing = &bridge::routing_mode(routing);
  lockstep.type = type;
  lockstep.kernel = kernel;
  if (limb_bits) {
    if (*limb_bits < 1 || *limb_bits > 64) throw mpc::UsageError(fmt::format("--limb-bits is {}; expected 1 to 64", *limb_bits));
    lockstep.limb_bits = static_cast<unsigned>(*limb_bits);
  }
  if (temperature) {
    if (!(*temperature > 0 && *temperature < 1e30))
      throw mpc::UsageError(fmt::format("--temperature is {}; expected a number above 0 and below 1e30", *temperature));
    lockstep.temperature = *temperature;
  }
  if (most_gib && !(*most_gib > 0)) throw mpc::UsageError(fmt::format("--most-gib is {}; expected a positive number", *most_gib));
  return lockstep;
}

void declare(CLI::App& command, TransformerOptions& options) {
  const auto* group = "Transformer";
  command
      .add_option_function<std::string>(
          "--routing",
          [&options](const std::string& word) {
            options.routing = word;
            options.routing_given = true;
          },
          "superimposed: one head, any round within s (default); slots: one head a message, narrow, not for every round")
      ->option_text("superimposed|slots")
      ->group(group);
  command
      .add_option_function<std::string>(
          "--dtype", [&options](const std::string& word) { options.type = one_of<bridge::NumberType>("--dtype", word, number_types); },
          "number type (default f32)")
      ->option_text("f32|f64")
      ->group(group);
  command
      .add_option_function<std::string>(
          "--kernel", [&options](const std::string& word) { options.kernel = one_of<bridge::Kernel>("--kernel", word, kernels); },
          "routed: only the logits whose weights are not 0, by an index (default); dense: every logit; reference: plain loops over whole "
          "rows, for small ones")
      ->option_text("routed|dense|reference")
      ->group(group);
  whole_option(
      command, "--limb-bits", [&](std::uint64_t bits) { options.limb_bits = bits; },
      "most bits of an integer that an average carries (default 20 in f32, 48 in f64); longer words travel in parts")
      .option_text("BITS")
      ->group(group);
  command.add_option("--temperature", options.temperature, "factor of the logits, a power of two (default: the smallest that is enough)")
      ->option_text("C")
      ->group(group);
  command.add_option("--most-gib", options.most_gib, "refuse what may need more memory, in all (default: 3/4 of this machine's)")
      ->option_text("GIB")
      ->group(group);
}

void declare(CLI::App& command, CompileOptions& options) {
  declare(command, static_cast<ProblemOptions&>(options));
  declare(command, options.transformer);
  declare(command, options.weights);
  const auto* group = "Output (FILE may be -)";
  command.add_option("--json", options.json, "the result and the certificate as JSON")->option_text("FILE")->group(group);
  command.add_option("--labels", options.labels, "a line `vertex label` per vertex (position, point)")->option_text("FILE")->group(group);
  command
      .add_option("--dump-attention", options.dump_attention,
                  "a folder for the attention matrix of every layer and head, and who sent to whom")
      ->option_text("DIR")
      ->group(group);
  command.add_option("--dump-residual", options.dump_residual, "a folder for the residual stream after every layer, every column named")
      ->option_text("DIR")
      ->group(group);
  command.add_flag("--dry-run", options.dry_run, "say q, s, N, L, H, width and bytes, and whether it would be refused; run nothing");
  command.add_flag("--no-verify", options.no_verify, "do not check the answer with a serial oracle, nor the memory with a run on messages");
}

double memory_bytes(const bridge::RoutingShape& shape, int ranks) {
  // A rank holds its own keys and values, those that its queries match (at most all), their sums, and copies on their way.
  return shape.bytes() * (ranks + 3);
}

void refuse_what_cannot_fit(const mpc::Model& model, const TransformerOptions& options, mpc::Ranks& ranks) {
  const auto lockstep = options.lockstep();
  const auto task = bridge::routing_task(model, lockstep);
  const auto shape = lockstep.routing->shape(task);
  const auto bytes = memory_bytes(shape, ranks.size());
  // The smallest limit of the ranks counts.
  const auto physical = 0.75 * static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  const auto mine = std::min(options.most_gib ? *options.most_gib * 0x1p30 : physical, 0x1p62);
  const auto most = ranks.minimum(static_cast<std::uint64_t>(mine));
  const bool nameable = shape.slots <= UINT32_MAX && shape.key_width <= UINT32_MAX;
  if (nameable && bytes <= static_cast<double>(most)) return;
  throw mpc::Error(
      mpc::Exit::over_budget,
      fmt::format(
          "too large for routing {}: B = {} packets of one word need {} slots, {} columns and up to {:.3g} GiB of memory on {} "
          "rank{}; expected at most {:.3g} GiB{}: use fewer words a machine (--words) or fewer machines, or allow more (--most-gib)",
          shape.routing, task.packets(), grouped(shape.slots), grouped(bridge::ResidualColumns(task.memory, task.limbs()).width(shape)),
          bytes * 0x1p-30, ranks.size(), ranks.size() == 1 ? "" : "s", static_cast<double>(most) * 0x1p-30,
          nameable ? "" : " and 2^32 slots"));
}

namespace {

/// What the same protocol does on messages.
struct OnMessages {
  std::optional<std::uint64_t> value;
  std::uint64_t digest;
};
OnMessages run_on_messages(const Problem& problem, mpc::Transport& transport, MemoryTrace& trace) {
  mpc::Cluster cluster(problem.model, transport);
  trace.record(cluster);
  const auto input = problem.input->copy()->deal(problem.model, cluster.machines_here(), transport.ranks());
  const auto answer = problem.protocol.run(cluster, input, problem.settings);
  return {answer.value, cluster.finish().digest()};
}

void check(const CompileOptions& options) {
  roundtrip::check(static_cast<const ProblemOptions&>(options));
  check_outputs({{"--json", options.json}, {"--labels", options.labels}}, files_read(options));
}

}  // namespace

mpc::Exit compile(const CompileOptions& options, mpc::Ranks& ranks) {
  if (options.weights.on) return compile_weights(options, ranks);
  if (const auto option = options.weights.given(); !option.empty()) throw mpc::UsageError(option + " needs --weights");
  if (in_weights_only(options.protocol)) throw mpc::UsageError(fmt::format("{} is there in weights only: add --weights", options.protocol));
  check(options);
  auto lockstep = options.transformer.lockstep();
  auto problem = load_problem(options, !options.labels.empty(), ranks);
  if (options.dry_run) {
    if (ranks.rank() == 0) fmt::print("{}", prediction(problem, options, ranks.size()));
    std::fflush(stdout);
    const auto shape = lockstep.routing->shape(bridge::routing_task(problem.model, lockstep));
    if (const auto reason = bridge::objection(shape)) throw mpc::Error(mpc::Exit::inexact, "packets of one word are not exact: " + *reason);
    refuse_what_cannot_fit(problem.model, options.transformer, ranks);
    return mpc::Exit::done;
  }
  refuse_what_cannot_fit(problem.model, options.transformer, ranks);
  expect_writable({options.json, options.labels}, ranks);
  LayerDump dump(options.dump_attention, options.dump_residual, problem.model, lockstep, problem.model.input_words, ranks);
  if (dump.wanted()) lockstep.on_layer = [&](const bridge::LayerRecord& record) { dump.write(record); };

  CompileResult result;
  result.ranks = ranks.size();
  std::any whole;
  if (!options.no_verify) whole = problem.input->whole(ranks);
  mpc::MpiTransport transport(ranks);
  MemoryTrace trace;
  std::optional<OnMessages> on_messages;
  if (!options.no_verify) on_messages = run_on_messages(problem, transport, trace);
  bridge::TransformerCluster cluster(problem.model, transport, problem.input->dealing(problem.model.machines), lockstep);
  if (on_messages) trace.compare(cluster);
  const auto start = mpc::seconds_now();
  const auto input = problem.input->deal(cluster, ranks);
  result.answer = problem.protocol.run_as_transformer(cluster, input, problem.settings);
  result.wall_s = slowest_since(start, ranks);
  result.ledger = cluster.finish();
  result.certificate = cluster.certificate();
  result.layer_seconds = cluster.layer_seconds();
  result.bounds = problem.bounds(result.answer.retries);
  result.rss_bytes = ranks.sum(peak_bytes());
  if (on_messages) {
    verify(problem, result.answer, whole, result, ranks);
    result.difference = trace.difference(ranks);
    if (!result.difference && on_messages->digest != result.ledger.digest()) result.difference = "the ledgers differ";
    if (!result.difference && on_messages->value != result.answer.value) result.difference = "the answers differ";
    result.compared = true;
  }

  Outputs outputs;
  if (!options.stdout_taken()) outputs.attempt([&] { write_text("-", text_report(result, problem, options), ranks); });
  outputs.attempt([&] { write_text(options.json, json_report(result, problem, options), ranks); });
  if (!options.labels.empty()) outputs.attempt([&] { write_labels(options.labels, problem, result.answer, ranks); });
  outputs.finish();

  if (ranks.rank() == 0) {
    const auto& about = problem.protocol.about;
    if (!result.within_bounds()) {
      fmt::print(stderr, "roundtrip: {} ({}) took {} rounds and declares at most {}\n", about.name, problem.variant.name,
                 result.ledger.rounds.size(), result.bounds.rounds);
    }
    if (result.verdict == Verdict::wrong) {
      fmt::print(stderr, "roundtrip: the answer is wrong: {} {}, and the serial oracle finds {}\n",
                 for_people(problem.input->shown(result.answer.value)), about.answer, for_people(result.expected));
    }
  }
  if (result.difference && ranks.rank() == 0)
    fmt::print(stderr, "roundtrip: the transformer is not the run on messages: {}\n", *result.difference);
  return result.verdict != Verdict::wrong && result.within_bounds() && !result.difference ? mpc::Exit::done : mpc::Exit::unverified;
}

}  // namespace roundtrip
