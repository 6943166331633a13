#include "bench/command/rounds_plot.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "bench/command/reference_lines.h"

namespace roundtrip {
namespace {

/// From this many rounds on, what takes few would lie on the axis.
constexpr double most_on_a_linear_axis = 150;

using Value = std::function<std::optional<double>(const RoundsRow&)>;

/// The line through the means of the value at every N. No line where no row has it.
void add_line(PlotPanel& panel, const std::string& name, LineKind kind, const std::vector<const RoundsRow*>& rows, const Value& value) {
  std::map<double, std::vector<double>> values;
  for (const auto* row : rows) {
    if (const auto one = value(*row)) values[row->log_input()].push_back(*one);
  }
  if (values.empty()) return;
  PlotLine line{name, kind, {}};
  for (const auto& [x, ys] : values) {
    double sum = 0;
    for (const auto y : ys) sum += y;
    const auto [low, high] = std::ranges::minmax(ys);
    line.points.push_back({x, sum / static_cast<double>(ys.size()), low, high});
  }
  panel.lines.push_back(std::move(line));
}

std::optional<double> number(const std::optional<std::uint64_t>& value) {
  if (!value) return {};
  return static_cast<double>(*value);
}

std::string title(const RoundsCase& asked) {
  const auto& model = asked.problem.model;
  return asked.family + (model.delta ? fmt::format(", δ = {}", *model.delta) : ", s = " + model.words);
}

}  // namespace

Plot rounds_plot(const std::vector<RoundsRow>& rows, const RoundsOptions& options) {
  Plot plot{title(options), {}, "log₂ N  (N input words)", "rounds", {}, false, {}};
  const auto same_panel = [](const RoundsRow& a, const RoundsRow& b) {
    return a.asked.family == b.asked.family && a.asked.memory() == b.asked.memory();
  };
  std::vector<const RoundsRow*> finished;
  for (const auto& row : rows) {
    if (row.finished) finished.push_back(&row);
  }
  std::vector<std::vector<const RoundsRow*>> panels;
  for (const auto* row : finished) {
    const auto at = std::ranges::find_if(panels, [&](const auto& panel) { return same_panel(*panel.front(), *row); });
    if (at == panels.end()) {
      panels.push_back({row});
    } else {
      at->push_back(row);
    }
  }
  for (const auto& members : panels) {
    PlotPanel panel{title(members.front()->asked), {}};
    std::vector<std::vector<const RoundsRow*>> series;
    for (const auto* row : members) {
      if (series.empty() || !same_series(series.back().front()->asked, row->asked)) series.emplace_back();
      series.back().push_back(row);
    }
    for (const auto& some : series) {
      const auto name = some.front()->asked.protocol();
      add_line(panel, name, LineKind::measured, some, [](const RoundsRow& row) { return row.rounds(); });
      add_line(panel, name, LineKind::declared, some, [](const RoundsRow& row) { return static_cast<double>(row.result.bounds.rounds); });
    }
    const auto reference = [&](const std::string& name, const Value& value) { add_line(panel, name, LineKind::reference, members, value); };
    reference("⌈log₂ D⌉, no constant known", [](const RoundsRow& row) { return number(reference_lines(row.result).log_diameter); });
    reference("⌈log₂ ecc⌉, ball growing", [](const RoundsRow& row) { return number(reference_lines(row.result).ball_growing); });
    reference("shuffle bound, unconditional",
              [](const RoundsRow& row) { return static_cast<double>(reference_lines(row.result).shuffle); });
    plot.panels.push_back(std::move(panel));
  }
  const auto& seeds = options.seeds;
  plot.subtitle =
      fmt::format("slack {:g}{}; {} seed{}{}", options.slack, options.words.empty() ? fmt::format(", s = ⌈{:g} N^δ⌉", options.c) : "",
                  seeds.size(), seeds.size() == 1 ? "" : "s: mean, and range as a bar", options.no_verify ? "; answers not verified" : "");
  plot.logarithmic_y = std::ranges::any_of(finished, [](const auto* row) { return row->rounds() > most_on_a_linear_axis; });
  if (finished.size() < rows.size())
    plot.note = fmt::format("{} of {} runs did not finish and are not shown", rows.size() - finished.size(), rows.size());
  return plot;
}

}  // namespace roundtrip
