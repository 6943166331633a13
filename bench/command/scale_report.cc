#include "bench/command/scale_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/command/fact_json.h"
#include "bench/command/revision.h"
#include "bench/command/text.h"

namespace roundtrip {
namespace {

using Json = nlohmann::ordered_json;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const auto half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Json record(const ScaleRow& row, const std::vector<ScaleRow>& rows) {
  const auto& result = row.result;
  const auto seconds = result.ledger.seconds();
  const auto scaling = scaling_of(row, rows);
  Json json;
  json["scaling"] = row.weak ? "weak" : "strong";
  for (const auto& [name, fact] : result.facts) json[name] = json_of(fact);
  json["input_words"] = result.model.input_words;
  json["ranks"] = result.ranks;
  json["transport"] = result.transport;
  json["more_ranks_than_cores"] = row.shared_cores;
  json["words"] = result.model.memory.count;
  json["machines"] = result.model.machines;
  json["rounds"] = result.ledger.rounds.size();
  json["total_words"] = result.ledger.words();
  json["wall_s"] = result.wall_s;
  json["median_wall_s"] = median(row.walls);
  json["compute_s"] = seconds.compute;
  json["pack_s"] = seconds.pack;
  json["exchange_s"] = seconds.exchange;
  json["unpack_s"] = seconds.unpack;
  json["idle_s"] = seconds.idle;
  json["speedup"] = scaling.speedup;
  json["efficiency"] = scaling.efficiency;
  json["digest"] = fmt::format("{:016x}", result.ledger.digest());
  json["checked"] = row.checked();
  return json;
}

}  // namespace

const char* ScaleRow::checked() const {
  if (verdict == Verdict::wrong) return "WRONG";
  if (!same) return "OTHER RUN";
  if (!within_bounds) return "EXCEEDED";
  return verdict == Verdict::verified ? "verified" : first ? "not checked" : "same run";
}

Scaling scaling_of(const ScaleRow& row, const std::vector<ScaleRow>& rows) {
  const auto& first = *std::ranges::find(rows, row.weak, &ScaleRow::weak);
  const auto words = [](const ScaleRow& one) { return static_cast<double>(one.result.model.input_words); };
  const auto growth = words(first) == 0 ? 1 : words(row) / words(first);
  const auto speedup = growth * first.result.wall_s / row.result.wall_s;
  return {speedup, speedup * first.result.ranks / row.result.ranks};
}

std::string scale_table(const std::vector<ScaleRow>& rows, const ScaleOptions& options, int cores) {
  std::string text;
  bool shared = false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = rows[i];
    const auto& result = row.result;
    if (i == 0) text += fmt::format("{} ({})\n", result.about.name, result.variant.name);
    if (i == 0 || rows[i - 1].weak != row.weak) {
      text += row.weak ? fmt::format("\nweak scaling, {} a rank\n", options.weak) : fmt::format("\nstrong scaling, {}\n", result.input);
      text += fmt::format("{:>6} {:<9} {:>12} {:>9} {:>9} {:>6} {:>14} | {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} | {:>7} {:>6}  {}\n", "ranks",
                          "transport", "N", "s", "q", "rounds", "words", "wall", "compute", "pack", "exchange", "unpack", "idle", "speedup",
                          "effic.", "digest");
    }
    const auto seconds = result.ledger.seconds();
    const auto scaling = scaling_of(row, rows);
    text += fmt::format(
        "{:>5}{} {:<9} {:>12} {:>9} {:>9} {:>6} {:>14} | {:>8.3f} {:>8.3f} {:>8.3f} {:>8.3f} {:>8.3f} {:>8.3f} | {:>7.2f} {:>6.2f}  "
        "{:016x} {}\n",
        result.ranks, row.shared_cores ? '*' : ' ', result.transport, grouped(result.model.input_words), grouped(result.model.memory.count),
        grouped(result.model.machines), result.ledger.rounds.size(), grouped(result.ledger.words()), result.wall_s, seconds.compute,
        seconds.pack, seconds.exchange, seconds.unpack, seconds.idle, scaling.speedup, scaling.efficiency, result.ledger.digest(),
        row.checked());
    shared = shared || row.shared_cores;
  }
  text += fmt::format(
      "\nseconds of the fastest of {} repetition{}, without loading: wall is the slowest rank's, the other columns are means over the "
      "ranks\n",
      options.repeat, options.repeat == 1 ? "" : "s");
  if (shared) text += fmt::format("* more ranks than cores ({}): these times show that it works, not how fast it is\n", cores);
  return text;
}

std::string scale_csv(const std::vector<ScaleRow>& rows) {
  std::string text;
  for (const auto& row : rows) {
    const auto json = record(row, rows);
    if (text.empty()) text = csv_names(json);
    text += csv_values(json);
  }
  return text;
}

std::string scale_json(const std::vector<ScaleRow>& rows, const ScaleOptions& options, int ranks, int cores) {
  Json json;
  json["schema"] = 1;
  json["git"] = revision();
  json["protocol"] = options.protocol;
  json["variant"] = rows.empty() ? options.variant : rows.front().result.variant.name;
  json["ranks"] = ranks;
  json["cores"] = cores;
  json["repeat"] = options.repeat;
  json["seed"] = options.model.seed;
  json["good"] = std::ranges::all_of(rows, &ScaleRow::good);
  json["rows"] = Json::array();
  for (const auto& row : rows) json["rows"].push_back(record(row, rows));
  return json.dump(2) + "\n";
}

}  // namespace roundtrip
