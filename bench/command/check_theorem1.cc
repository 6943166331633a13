#include "bench/command/check_theorem1.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mpc/clock.h"
#include "mpc/transport/mpi.h"

#include "transformer_bridge/compile/theorem.h"

#include "bench/command/compile_report.h"
#include "bench/command/memory_trace.h"
#include "bench/command/problem.h"
#include "bench/command/revision.h"
#include "bench/command/text.h"
#include "bench/command/theorem1_cases.h"

namespace roundtrip {
namespace {

/// A case that ran, or the reason why it did not.
struct Row {
  std::string protocol{}, input{};
  std::uint64_t machines = 0, words = 0;
  std::uint64_t rounds = 0, layers = 0, heads = 0;
  std::uint64_t width = 0, width_formula = 0, tokens = 0;
  double margin = 0, measured_margin = 0;
  double wall_s = 0, messages_s = 0;
  bool exact = false, right = false, same_ledger = false;
  std::optional<std::string> difference{};  ///< between the two executions
  std::optional<std::string> refused{};
  mpc::Exit exit = mpc::Exit::done;

  bool identical() const { return !refused && !difference && same_ledger; }
  bool good() const { return identical() && exact && right && layers == rounds + 1 && width <= width_formula; }
  const char* verdict(bool one_head) const {
    if (refused) return "refused";
    if (!identical()) return "DIFFERS";
    if (!right) return "WRONG";
    if (layers != rounds + 1) return "LAYERS";
    if (width > width_formula) return "WIDTH";
    if (one_head && heads != 1) return "HEADS";
    return exact ? "identical" : "INEXACT";
  }
};

class Table {
 public:
  Table(bool shown, int ranks, const TransformerOptions& options)
      : shown_(shown), one_head_(options.routing == "superimposed"), ranks_(ranks) {}
  void announce(const Row& row, const bridge::RoutingShape& shape, std::uint64_t width) {
    if (!shown_) return;
    head();
    fmt::print("{:<31} {:<15} {:>5} {:>5} {:>3} {:>12} {:>13} {:>7.3f} | ", row.protocol, row.input, row.machines, row.words,
               shape.task.packets(), grouped(shape.slots), grouped(width), memory_bytes(shape, ranks_) * 0x1p-30);
    std::fflush(stdout);
  }
  void finish(const Row& row, bool announced) {
    if (!shown_) return;
    head();
    if (row.refused) {
      if (!announced) fmt::print("{:<31} {:<15} {:>5} {:>5}  ", row.protocol, row.input, row.machines, row.words);
      fmt::print("refused: {}\n", *row.refused);
      return;
    }
    fmt::print(
        "{:>2} {:>3} {:>5} {:>3} {:>13} {:>9.2g} {:>9.2g} {:>7} {:>5} {:>7.3f} {:>7.3f}  {}\n", row.rounds, row.layers,
        row.rounds == 0 ? std::string("-") : fmt::format("{:.2f}", static_cast<double>(row.layers) / static_cast<double>(row.rounds)),
        row.heads, grouped(row.width), bridge::theorem_width(row.words, row.tokens), bridge::theorem_threshold(row.words), row.margin,
        std::isfinite(row.measured_margin) ? fmt::format("{}", row.measured_margin) : "-", row.wall_s, row.messages_s,
        row.verdict(one_head_));
    if (row.difference) fmt::print("    {}\n", *row.difference);
    std::fflush(stdout);
  }
  bool one_head() const { return one_head_; }

 private:
  void head() {
    if (std::exchange(headed_, true)) return;
    fmt::print(
        "{:<31} {:<15} {:>5} {:>5} {:>3} {:>12} {:>13} {:>7} | {:>2} {:>3} {:>5} {:>3} {:>13} {:>9} {:>9} {:>7} {:>5} {:>7} {:>7}  {}\n",
        "protocol", "input", "q", "s", "B", "slots", "width", "GiB", "R", "L", "L/R", "H", "measured", "theorem", "< N from", "margin",
        "seen", "wall_s", "mpi_s", "verdict");
  }

  bool shown_, one_head_, headed_ = false;
  int ranks_;
};

/// Runs one case both ways.
void run_case(const Theorem1Case& one, const CheckTheorem1Options& options, Row& row, mpc::Ranks& ranks) {
  MemoryTrace trace;
  std::uint64_t digest = 0;
  mpc::MpiTransport transport(ranks);
  {
    mpc::Cluster cluster(one.model, transport);
    trace.record(cluster);
    const auto start = mpc::seconds_now();
    row.right = one.on_messages(cluster);
    row.messages_s = slowest_since(start, ranks);
    const auto ledger = cluster.finish();
    row.rounds = ledger.rounds.size();
    digest = ledger.digest();
    if (row.rounds > one.rounds_declared) row.right = false;
  }
  bridge::TransformerCluster cluster(one.model, transport, one.dealing, options.transformer.lockstep());
  trace.compare(cluster);
  const auto start = mpc::seconds_now();
  row.right = one.as_transformer(cluster) && row.right;
  row.wall_s = slowest_since(start, ranks);
  row.same_ledger = cluster.finish().digest() == digest;
  row.difference = trace.difference(ranks);
  const auto& certificate = cluster.certificate();
  row.layers = certificate.layers.size();
  row.heads = certificate.heads();
  row.width = certificate.measured_width();
  row.width_formula = certificate.width();
  row.tokens = certificate.tokens;
  row.margin = certificate.margin();
  row.measured_margin = certificate.measured_margin();
  row.exact = std::ranges::none_of(certificate.layers, [](const auto& layer) { return bridge::objection(layer.shape).has_value(); });
}

std::string fits(const std::vector<Row>& rows, nlohmann::ordered_json& json) {
  std::vector<bridge::WidthPoint> points;
  for (const auto& row : rows) {
    if (!row.refused && row.machines > 1) {
      points.push_back({static_cast<double>(row.words), static_cast<double>(row.tokens), static_cast<double>(row.width)});
    }
  }
  const auto fit = bridge::fit_width(points);
  json = {{"in_words", fit.memory_varies ? nlohmann::ordered_json(fit.in_memory) : nlohmann::ordered_json(nullptr)},
          {"in_tokens", fit.tokens_vary ? nlohmann::ordered_json(fit.in_tokens) : nlohmann::ordered_json(nullptr)}};
  if (!fit.memory_varies && !fit.tokens_vary) return {};
  std::string text = "width grows like ";
  if (fit.memory_varies) text += fmt::format("s^{:.2f} ", fit.in_memory);
  if (fit.tokens_vary) text += fmt::format("N^{:.2f} ", fit.in_tokens);
  return text +
         fmt::format("over the {} cases with q > 1 (N tokens; least squares on logarithms); the theorem says s^4 log N\n", points.size());
}

std::string json_report(const std::vector<Row>& rows, const nlohmann::ordered_json& fit, const CheckTheorem1Options& options, int ranks) {
  nlohmann::ordered_json json;
  json["schema"] = 1;
  json["git"] = revision();
  json["ranks"] = ranks;
  json["seed"] = options.seed;
  json["dtype"] = options.transformer.type_name();
  json["kernel"] = options.transformer.kernel_name();
  json["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    nlohmann::ordered_json entry;
    entry["protocol"] = row.protocol;
    entry["input"] = row.input;
    entry["routing"] = options.transformer.routing;
    entry["machines"] = row.machines;
    entry["words"] = row.words;
    if (row.refused) {
      entry["refused"] = *row.refused;
      json["rows"].push_back(std::move(entry));
      continue;
    }
    entry["rounds"] = row.rounds;
    entry["layers"] = row.layers;
    entry["tokens"] = row.tokens;
    entry["heads"] = row.heads;
    entry["width"] = row.width;
    entry["width_formula"] = row.width_formula;
    entry["width_theorem"] = bridge::theorem_width(row.words, row.tokens);
    entry["tokens_theorem"] = bridge::theorem_threshold(row.words);
    entry["margin"] = row.margin;
    entry["measured_margin"] =
        std::isfinite(row.measured_margin) ? nlohmann::ordered_json(row.measured_margin) : nlohmann::ordered_json(nullptr);
    entry["exact"] = row.exact;
    entry["identical"] = row.identical();
    entry["verified"] = row.right;
    entry["difference"] = row.difference ? nlohmann::ordered_json(*row.difference) : nlohmann::ordered_json(nullptr);
    entry["wall_s"] = row.wall_s;
    entry["messages_s"] = row.messages_s;
    json["rows"].push_back(std::move(entry));
  }
  json["fit"] = fit;
  return json.dump(2) + "\n";
}

std::vector<const Theorem1Protocol*> chosen(const CheckTheorem1Options& options) {
  std::vector<const Theorem1Protocol*> protocols;
  std::vector<std::string> names;
  for (const auto& protocol : theorem1_protocols()) names.push_back(protocol.name);
  for (const auto& name : options.protocols) {
    if (std::ranges::find(names, name) == names.end()) {
      throw mpc::UsageError(fmt::format("--protocols: no '{}'; expected some of: {}", name, fmt::join(names, ", ")));
    }
  }
  for (const auto& protocol : theorem1_protocols()) {
    if (options.protocols.empty() || std::ranges::find(options.protocols, protocol.name) != options.protocols.end())
      protocols.push_back(&protocol);
  }
  return protocols;
}

}  // namespace

void declare(CLI::App& command, CheckTheorem1Options& options) {
  std::string names;
  for (const auto& protocol : theorem1_protocols()) names += (names.empty() ? "" : ", ") + protocol.name;
  const auto numbers = [&command](const std::string& name, std::vector<std::uint64_t>& target, const std::string& text) {
    return command
        .add_option_function<std::vector<std::string>>(
            name,
            [name, &target](const std::vector<std::string>& words) {
              for (const auto& word : words) {
                target.push_back(whole_number(word, name));
                if (target.back() == 0) throw mpc::UsageError(name + " holds a 0; expected numbers from 1");
              }
            },
            text)
        ->delimiter(',');
  };
  command.add_option("--protocols", options.protocols, "which (default: all): " + names)->delimiter(',')->option_text("NAME,...");
  numbers("--machines", options.machines, "numbers of machines (default: every protocol's own, up to 1024)")->option_text("Q,...");
  numbers("--words", options.words, "words a machine (default: the least s of the protocol, and twice that)")->option_text("S,...");
  whole_option(
      command, "--seed", [&](std::uint64_t seed) { options.seed = seed; }, "of the public hash and the graphs")
      .option_text("K");
  declare(command, options.transformer);
  command.add_option("--json", options.json, "the rows as JSON; - is standard output, which then holds nothing else")->option_text("FILE");
}

mpc::Exit check_theorem1(const CheckTheorem1Options& options, mpc::Ranks& ranks) {
  const auto lockstep = options.transformer.lockstep();
  const auto protocols = chosen(options);
  Table table(ranks.rank() == 0 && options.json != "-", ranks.size(), options.transformer);
  std::vector<Row> rows;
  auto exit = mpc::Exit::done;
  const auto run_all = [&](const Theorem1Protocol& protocol, std::uint64_t machines, std::uint64_t words, std::uint64_t multiple) {
    std::vector<Theorem1Case> cases;
    Row row{.protocol = protocol.name, .machines = machines, .words = words};
    const auto attempt = [&](auto&& work) {
      try {
        work();
      } catch (const mpc::Error& error) {  // the same on every rank
        row.refused = error.what();
        row.exit = error.exit();
      }
    };
    attempt([&] { cases = protocol.cases(machines, words, multiple, options.seed, ranks); });
    if (row.refused) {
      table.finish(row, false);
      rows.push_back(row);
    }
    for (const auto& one : cases) {
      bool announced = false;
      row = {.protocol = protocol.name, .input = one.input, .machines = machines, .words = one.model.memory.count};
      attempt([&] {
        const auto task = bridge::routing_task(one.model, lockstep);
        const auto shape = lockstep.routing->shape(task);
        announced = true;
        table.announce(row, shape, bridge::ResidualColumns(row.words, task.limbs()).width(shape));
        refuse_what_cannot_fit(one.model, options.transformer, ranks);
        run_case(one, options, row, ranks);
      });
      table.finish(row, announced);
      rows.push_back(row);
    }
  };
  for (const auto* protocol : protocols) {
    for (const auto machines : options.machines.empty() ? protocol->machines : options.machines) {
      if (options.words.empty()) {
        run_all(*protocol, machines, 0, 1);
        run_all(*protocol, machines, 0, 2);
      }
      for (const auto words : options.words) run_all(*protocol, machines, words, 1);
    }
  }

  std::uint64_t good = 0;
  for (const auto& row : rows) {
    const bool its = row.good() && (!table.one_head() || row.heads == 1);
    good += its ? 1U : 0U;
    if (row.refused && exit == mpc::Exit::done) exit = row.exit;
    if (!row.refused && !its) exit = mpc::Exit::unverified;
  }
  if (rows.empty())
    throw mpc::UsageError("no protocol has a case for these numbers where twice the least s keeps B <= 32; expected --words, or others");
  nlohmann::ordered_json fit;
  const auto text = fits(rows, fit);
  const auto refused = std::ranges::count_if(rows, [](const Row& row) { return row.refused.has_value(); });
  if (options.json != "-") {
    write_text("-",
               fmt::format("{}{} of {} cases: identical memory after every round, L = R + 1, width within its formula, answer right{}\n",
                           text, good, rows.size(), refused == 0 ? "" : fmt::format("; {} refused", refused)),
               ranks);
  }
  write_text(options.json, json_report(rows, fit, options, ranks.size()), ranks);
  return exit;
}

}  // namespace roundtrip
