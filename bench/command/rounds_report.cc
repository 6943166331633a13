#include "bench/command/rounds_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/command/fact_json.h"
#include "bench/command/revision.h"
#include "bench/command/text.h"

namespace roundtrip {
namespace {

using Json = nlohmann::ordered_json;

double ratio(std::uint64_t part, std::uint64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

/// rounds / max(1, the unconditional bound); nothing where there is none
std::optional<double> over_unconditional(const RoundsRow& row) {
  const auto bound = row.reference(reference::unconditional);
  if (!bound) return {};
  return ratio(row.result.ledger.rounds.size(), std::max<std::uint64_t>(1, *bound));
}
/// rounds / the conditional reference; nothing where that is 0 or not known
std::optional<double> over_conditional(const RoundsRow& row) {
  const auto reference = row.reference(reference::conditional);
  if (!reference || *reference == 0) return {};
  return ratio(row.result.ledger.rounds.size(), *reference);
}

template <class T>
Json known(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// The fields of a row. Those of which nothing is known are null: of a run that did not finish, what it would have shown.
Json record(const RoundsRow& row) {
  const auto& result = row.result;
  const auto& model = result.model;
  const auto planned = [&](auto value) { return row.planned ? Json(value) : Json(nullptr); };
  const auto finished = [&](auto value) { return row.finished ? Json(value) : Json(nullptr); };
  Json json;
  json["protocol"] = row.asked.problem.protocol;
  json["variant"] = row.asked.problem.variant;
  json["family"] = row.asked.family;
  json["size"] = row.asked.size;
  json["input"] = row.asked.input();
  for (const auto* name : {"n", "m", "k"}) json[name] = json_of(row.fact(name));
  json["diameter_at_least"] = result.distances ? Json(result.distances->diameter) : Json(nullptr);
  json["input_words"] = planned(model.input_words);
  json["words"] = planned(model.memory.count);
  json["machines"] = planned(model.machines);
  json["delta"] = known(row.asked.problem.model.delta);
  json["c"] = row.asked.problem.model.delta ? Json(row.asked.problem.model.c) : Json(nullptr);
  json["slack"] = row.asked.problem.model.slack;
  json["seed"] = row.asked.problem.model.seed;
  json["rounds"] = finished(result.ledger.rounds.size());
  json["rounds_declared"] = planned(result.bounds.rounds);
  json["unconditional"] = known(row.reference(reference::unconditional));
  json["conditional"] = known(row.reference(reference::conditional));
  json["ball_growing"] = known(row.reference(reference::ball_growing));
  json["rounds_over_unconditional"] = row.finished ? known(over_unconditional(row)) : Json(nullptr);
  json["rounds_over_conditional"] = row.finished ? known(over_conditional(row)) : Json(nullptr);
  json["kept_plus_sent_over_s"] = finished(ratio(result.ledger.max_kept_plus_sent(), model.memory.count));
  json["kept_plus_received_over_s"] = finished(ratio(result.ledger.max_kept_plus_received(), model.memory.count));
  json["total_words"] = finished(result.ledger.words());
  json["retries"] = finished(result.retries);
  json["verdict"] = row.verdict();
  json["exit"] = static_cast<int>(row.exit);
  json["failure"] = row.failure.empty() ? Json(nullptr) : Json(row.failure);
  json["wall_s"] = finished(result.wall_s);
  return json;
}

std::string fit_lines(const std::vector<RoundsRow>& rows) {
  auto text = fmt::format("\n{:<30} {:<12} {:<10} {:>8} {:>10} {:>7} {:>9} {:>7}\n", "rounds = slope log2 N + intercept", "", "", "slope",
                          "intercept", "R^2", "farthest", "points");
  for (const auto& [series, fit] : fits(rows)) {
    text += fmt::format("{:<30} {:<12} {:<10} ", series->protocol(), series->members(), series->memory());
    text += fit ? fmt::format("{:>8.3f} {:>10.3f} {:>7.3f} {:>9.2f} {:>7}\n", fit->slope, fit->intercept, fit->r_squared,
                              fit->max_deviation, fit->points)
                : std::string("needs two sizes\n");
  }
  return text;
}

}  // namespace

std::vector<SeriesFit> fits(const std::vector<RoundsRow>& rows) {
  std::vector<SeriesFit> all;
  for (auto first = rows.begin(); first != rows.end();) {
    const auto last = std::find_if(first, rows.end(), [&](const RoundsRow& row) { return !same_series(row.asked, first->asked); });
    std::vector<Observation> observations;
    std::for_each(first, last, [&](const RoundsRow& row) {
      if (row.finished) observations.push_back({row.log_input(), row.rounds()});
    });
    all.push_back({&first->asked, fit_line(observations)});
    first = last;
  }
  return all;
}

std::string table_head() {
  return fmt::format(
      "{:<30} {:<12} {:>9} {:>9} {:>7} {:>10} {:>7} {:>7} {:<10} | {:>6} {:>5} | {:>4} {:>5} {:>4} | {:>5} {:>6} | {:>5} {:>5} {:>12} "
      "{:>3} {:>5}  {}\n",
      "protocol", "family", "n", "m", "D >=", "N", "s", "q", "memory", "rounds", "decl", "unc", "cond", "ball", "/unc", "/cond", "sent",
      "recv", "words", "try", "seed", "verdict");
}

std::string table_line(const RoundsRow& row) {
  const auto& result = row.result;
  const auto known = [](bool is, auto&& text) { return is ? text() : std::string("-"); };
  const auto planned = [&](std::uint64_t value) { return known(row.planned, [&] { return grouped(value); }); };
  const auto finished = [&](std::uint64_t value) { return known(row.finished, [&] { return grouped(value); }); };
  const auto number = [&](const char* name) {
    const auto fact = row.fact(name);
    return known(!std::holds_alternative<std::monostate>(fact), [&] { return for_people(fact); });
  };
  const auto optional = [&](const std::optional<std::uint64_t>& value) {
    return known(value.has_value(), [&] { return grouped(*value); });
  };
  const auto fraction = [&](std::optional<double> value, int digits) {
    return known(row.finished && value, [&] { return fmt::format("{:.{}f}", *value, digits); });
  };
  const auto& distances = result.distances;
  auto text =
      fmt::format("{:<30} {:<12} {:>9} {:>9} {:>7} {:>10} {:>7} {:>7} {:<10} | {:>6} {:>5} | {:>4} {:>5} {:>4} | ", row.asked.protocol(),
                  row.asked.members(), number("n"), number("m"), known(distances.has_value(), [&] { return grouped(distances->diameter); }),
                  planned(result.model.input_words), planned(result.model.memory.count), planned(result.model.machines), row.asked.memory(),
                  finished(result.ledger.rounds.size()), planned(result.bounds.rounds), optional(row.reference(reference::unconditional)),
                  optional(row.reference(reference::conditional)), optional(row.reference(reference::ball_growing)));
  text += fmt::format("{:>5} {:>6} | {:>5} {:>5} {:>12} {:>3} {:>5}  {}\n", fraction(over_unconditional(row), 1),
                      fraction(over_conditional(row), 2), fraction(ratio(result.ledger.max_kept_plus_sent(), result.model.memory.count), 2),
                      fraction(ratio(result.ledger.max_kept_plus_received(), result.model.memory.count), 2),
                      finished(result.ledger.words()), finished(result.retries), row.asked.problem.model.seed, row.verdict());
  return row.failure.empty() ? text : text + fmt::format("    {}\n", row.failure);
}

std::string table_foot(const std::vector<RoundsRow>& rows, const RoundsOptions& options) {
  std::string text =
      "\n"
      "D: at least, by double sweep. decl: declared, at most. unc: an unconditional bound for any protocol (shuffle bound, s in bits). "
      "cond: the\n"
      "conditional bound has no constant, so this is a reference: ceil(log2 D), or of k. ball: ceil(log2 ecc), a floor for protocols that "
      "only forward ids.\n"
      "/unc: rounds / max(1, unc). /cond: rounds / cond. sent, recv: the most that a machine kept + sent, kept + received in a round, over "
      "s. words: moved\n"
      "in all. try: unlucky draws.\n";
  if (options.fit) text += fit_lines(rows);
  const auto good = std::ranges::count(rows, mpc::Exit::done, &RoundsRow::exit);
  return text + fmt::format("\n{} of {} runs: {}, within the declared rounds and within s\n", good, rows.size(),
                            options.no_verify ? "not verified" : "verified");
}

std::string csv_head() { return csv_names(record({})); }

std::string csv_line(const RoundsRow& row) { return csv_values(record(row)); }

std::string json_report(const std::vector<RoundsRow>& rows, const RoundsOptions& options, int ranks) {
  Json json;
  json["schema"] = 1;
  json["git"] = revision();
  json["ranks"] = ranks;
  json["preset"] = options.preset.empty() ? Json(nullptr) : Json(options.preset);
  json["rows"] = Json::array();
  for (const auto& row : rows) json["rows"].push_back(record(row));
  json["fits"] = options.fit ? Json::array() : Json(nullptr);
  if (!options.fit) return json.dump(2) + "\n";
  for (const auto& [series, fit] : fits(rows)) {
    Json entry;
    entry["protocol"] = series->problem.protocol;
    entry["variant"] = series->problem.variant;
    entry["family"] = series->family;
    entry["k"] = known(series->k);
    entry["memory"] = series->memory();
    entry["points"] = fit ? fit->points : 0;
    const auto number = [&](double LinearFit::*field) { return fit ? Json((*fit).*field) : Json(nullptr); };
    entry["slope"] = number(&LinearFit::slope);
    entry["intercept"] = number(&LinearFit::intercept);
    entry["r_squared"] = number(&LinearFit::r_squared);
    entry["max_deviation"] = number(&LinearFit::max_deviation);
    json["fits"].push_back(std::move(entry));
  }
  return json.dump(2) + "\n";
}

}  // namespace roundtrip
