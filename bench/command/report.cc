#include "bench/command/report.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/command/fact_json.h"
#include "bench/command/load_bar.h"
#include "bench/command/revision.h"
#include "bench/command/text.h"

namespace roundtrip {
namespace {

std::string load_line(const char* what, std::uint64_t most, const RunResult& result, std::uint64_t mpc::RoundEntry::*field) {
  const auto& rounds = result.ledger.rounds;
  const auto it = std::ranges::find_if(rounds, [&](const auto& round) { return round.*field == most; });
  const auto where = it == rounds.end() ? std::string() : fmt::format("  round {} ({})", it - rounds.begin() + 1, it->label);
  return fmt::format("  {:<16}{:>12} {}{}\n", what, grouped(most), load_bar(most, result.model.memory.count), where);
}

std::string model_line(const RunResult& result) {
  const auto& model = result.model;
  const auto chosen = model.delta > 0 ? fmt::format("delta {} c {} slack {} gamma {}", model.delta, model.c, model.slack, model.gamma)
                                      : fmt::format("s as given, slack {} gamma {}", model.slack, model.gamma);
  return fmt::format("  N = {} input words, s = {} words of {} bits, q = {} machines ({})\n", grouped(model.input_words),
                     grouped(model.memory.count), model.word_bits, grouped(model.machines), chosen);
}

nlohmann::ordered_json record(const RunResult& result) {
  const auto& model = result.model;
  const auto& ledger = result.ledger;
  const auto seconds = ledger.seconds();
  nlohmann::ordered_json json;
  json["schema"] = 1;
  json["git"] = revision();
  json["protocol"] = result.about.name;
  json["variant"] = result.variant.name;
  for (const auto& [name, fact] : result.facts) json[name] = json_of(fact);
  json["input_words"] = model.input_words;
  json["machines"] = model.machines;
  json["words"] = model.memory.count;
  json["word_bits"] = model.word_bits;
  json["delta"] = model.delta > 0 ? nlohmann::ordered_json(model.delta) : nlohmann::ordered_json(nullptr);
  json["c"] = model.delta > 0 ? nlohmann::ordered_json(model.c) : nlohmann::ordered_json(nullptr);
  json["slack"] = model.slack;
  json["ranks"] = result.ranks;
  json["seed"] = model.seed;
  json["rounds"] = ledger.rounds.size();
  json["rounds_declared"] = result.bounds.rounds;
  json["max_kept"] = ledger.max_kept();
  json["max_sent"] = ledger.max_sent();
  json["max_received"] = ledger.max_received();
  json["max_kept_plus_sent"] = ledger.max_kept_plus_sent();
  json["max_kept_plus_received"] = ledger.max_kept_plus_received();
  json["total_words"] = ledger.words();
  json["messages"] = ledger.messages();
  json["retries"] = result.retries;
  json["answer"] = {{result.about.answer, json_of(result.value)}};
  json["verified"] =
      result.verdict == Verdict::skipped ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(result.verdict == Verdict::verified);
  json["digest"] = fmt::format("{:016x}", ledger.digest());
  json["resumed_after"] = result.resumed_after ? nlohmann::ordered_json(*result.resumed_after) : nlohmann::ordered_json(nullptr);
  json["wall_s"] = result.wall_s;
  json["checkpoint_s"] = result.checkpoint_s;
  json["load_s"] = result.load_s;
  json["compute_s"] = seconds.compute;
  json["pack_s"] = seconds.pack;
  json["exchange_s"] = seconds.exchange;
  json["unpack_s"] = seconds.unpack;
  json["idle_s"] = seconds.idle;
  json["rss_bytes"] = result.rss_bytes;
  return json;
}

}  // namespace

std::string prediction(const RunResult& result) {
  return fmt::format("{} ({}), dry run\n", result.about.name, result.variant.name) + result.line + model_line(result) +
         fmt::format("  R = at most {} rounds = {}\n  least s = {} words at this q\n", result.bounds.rounds, result.variant.rounds,
                     grouped(result.bounds.least_memory.count));
}

std::string text_report(const RunResult& result) {
  const auto& ledger = result.ledger;
  const auto seconds = ledger.seconds();
  std::string text = fmt::format("{} ({}) on {}\n", result.about.name, result.variant.name, result.input);
  text += result.line + model_line(result);
  text += fmt::format("  {} rank{}, transport {}, seed {}{}\n\n", result.ranks, result.ranks == 1 ? "" : "s", result.transport,
                      result.model.seed, result.note);
  text += fmt::format("rounds     {} measured | at most {} declared{}\n", ledger.rounds.size(), result.bounds.rounds,
                      result.within_bounds() ? "" : "  EXCEEDED");
  for (const auto& line : result.reference_lines) text += for_people(line);
  text += fmt::format("load       words, of s = {}\n", grouped(result.model.memory.count));
  text += load_line("kept + sent", ledger.max_kept_plus_sent(), result, &mpc::RoundEntry::max_kept_plus_sent);
  text += load_line("kept + received", ledger.max_kept_plus_received(), result, &mpc::RoundEntry::max_kept_plus_received);
  text += load_line("kept", ledger.max_kept(), result, &mpc::RoundEntry::max_kept);
  text += fmt::format("traffic    {} words in {} messages\n", grouped(ledger.words()), grouped(ledger.messages()));
  text += fmt::format(
      "time       {:.3f} s: compute {:.3f}, pack {:.3f}, exchange {:.3f}, order {:.3f}, idle {:.3f}; loading {:.3f} s; memory {} MiB\n",
      result.wall_s, seconds.compute, seconds.pack, seconds.exchange, seconds.unpack, seconds.idle, result.load_s,
      grouped(result.rss_bytes >> 20));
  if (result.resumed_after || !result.checkpoints.empty()) {
    text += "checkpoint ";
    if (result.resumed_after) text += fmt::format("resumed after round {}; ", *result.resumed_after);
    text += fmt::format("{} written", result.checkpoints.size());
    if (!result.checkpoints.empty()) text += fmt::format(", the last after round {}", result.checkpoints.back());
    text += fmt::format("; {:.3f} s\n", result.checkpoint_s);
  }
  text += fmt::format("answer     {}: {}{}\n", result.about.answer, for_people(result.value),
                      result.retries == 0 ? "" : fmt::format(" (after {} unlucky draw{})", result.retries, result.retries == 1 ? "" : "s"));
  switch (result.verdict) {
    case Verdict::verified: text += "verified   yes, by a serial oracle"; break;
    case Verdict::wrong: text += fmt::format("verified   NO: the serial oracle finds {}", for_people(result.expected)); break;
    case Verdict::skipped: text += "verified   not checked (--no-verify)"; break;
  }
  return text + fmt::format("; digest {:016x}\n", ledger.digest());
}

std::string explanation(const RunResult& result) {
  struct Row {
    std::string label;
    std::uint64_t rounds = 0, words = 0, kept_plus_sent = 0, kept_plus_received = 0;
    double seconds = 0;
  };
  std::vector<Row> rows;
  for (const auto& round : result.ledger.rounds) {
    auto it = std::ranges::find(rows, round.label, &Row::label);
    if (it == rows.end()) it = rows.insert(rows.end(), Row{round.label});
    ++it->rounds;
    it->words += round.words;
    it->kept_plus_sent = std::max(it->kept_plus_sent, round.max_kept_plus_sent);
    it->kept_plus_received = std::max(it->kept_plus_received, round.max_kept_plus_received);
    it->seconds += round.seconds.all();
  }
  std::string text = fmt::format("\n{:<32}{:>7}{:>16}{:>14}{:>16}{:>10}\n", "rounds by primitive", "rounds", "words", "kept + sent",
                                 "kept + received", "seconds");
  for (const auto& row : rows) {
    text += fmt::format("{:<32}{:>7}{:>16}{:>14}{:>16}{:>10.3f}\n", row.label, row.rounds, grouped(row.words), grouped(row.kept_plus_sent),
                        grouped(row.kept_plus_received), row.seconds);
  }
  return text;
}

std::string json_report(const RunResult& result) { return text_of(record(result)) + "\n"; }

std::string csv_report(const RunResult& result) {
  nlohmann::ordered_json flat;  // an object becomes its members
  const auto json = record(result);
  for (const auto& [key, value] : json.items()) {
    if (key != "answer") {
      flat[key] = value;
      continue;
    }
    for (const auto& [name, number] : value.items()) flat[name] = number;
  }
  return csv_names(flat) + csv_values(flat);
}

}  // namespace roundtrip
