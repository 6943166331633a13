#include "bench/command/rounds_plot.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include <fmt/format.h>

namespace roundtrip {
namespace {

/// From this many rounds on, what takes few would lie on the axis.
constexpr double most_on_a_linear_axis = 150;

using Value = std::function<std::optional<double>(const RoundsRow&)>;

/// The line through the means of the value, and of log2 N, at every size. No line where no row has it.
void add_line(PlotPanel& panel, const std::string& name, LineKind kind, const std::vector<const RoundsRow*>& rows, const Value& value) {
  struct AtSize {
    double count = 0, x = 0, y = 0, low = 0, high = 0;
  };
  std::map<std::uint64_t, AtSize> sizes;
  for (const auto* row : rows) {
    const auto y = value(*row);
    if (!y) continue;
    auto& at = sizes[row->asked.size];
    at.low = at.count == 0 ? *y : std::min(at.low, *y);
    at.high = std::max(at.high, *y);
    at.x += row->log_input();
    at.y += *y;
    ++at.count;
  }
  if (sizes.empty()) return;
  PlotLine line{name, kind, {}};
  for (const auto& [size, at] : sizes) line.points.push_back({at.x / at.count, at.y / at.count, at.low, at.high});
  panel.lines.push_back(std::move(line));
}

std::optional<double> number(const std::optional<std::uint64_t>& value) {
  if (!value) return {};
  return static_cast<double>(*value);
}

std::string title(const RoundsCase& asked) {
  const auto& model = asked.problem.model;
  return asked.members() + (model.delta ? fmt::format(", δ = {}", *model.delta) : ", s = " + model.words);
}

}  // namespace

Plot rounds_plot(const std::vector<RoundsRow>& rows, const RoundsOptions& options) {
  Plot plot{title(options), {}, "log₂ N  (N input words)", "rounds", {}, false, {}};
  const auto same_panel = [](const RoundsRow& a, const RoundsRow& b) {
    return a.asked.members() == b.asked.members() && a.asked.memory() == b.asked.memory();
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
  // All of one choice of memory, then all of the next.
  std::map<std::string, std::size_t> memories;
  for (const auto& panel : panels) memories.emplace(panel.front()->asked.memory(), memories.size());
  std::ranges::stable_sort(panels, {}, [&](const auto& panel) { return memories.at(panel.front()->asked.memory()); });
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
    for (const auto* name : {reference::conditional, reference::ball_growing, reference::unconditional}) {
      const auto& lines = members.front()->result.reference_lines;
      const auto line = std::ranges::find(lines, name, &ReferenceLine::name);
      if (line == lines.end()) continue;
      add_line(panel, fmt::format("{}: {}", name, line->formula), LineKind::reference, members,
               [&](const RoundsRow& row) { return number(row.reference(name)); });
    }
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
