#include "bench/command/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "bench/command/axis.h"

namespace roundtrip {
namespace {

// Okabe and Ito 2008, without black and yellow: told apart by the colour blind, and on white.
constexpr std::array colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};
constexpr std::array reference_strokes{"stroke=\"#777\" stroke-width=\"1.3\" stroke-dasharray=\"9 5\"",
                                       "stroke=\"#222\" stroke-width=\"2\" stroke-dasharray=\"0.1 4.6\" stroke-linecap=\"round\"",
                                       "stroke=\"#555\" stroke-width=\"1.2\" stroke-dasharray=\"9 3 2 3\"",
                                       "stroke=\"#777\" stroke-width=\"1.3\" stroke-dasharray=\"3 3\""};
constexpr auto grey = "#5a5a5a";

// Sizes in pixels.
constexpr double width = 760, margin = 16, gutter = 26;
constexpr double left = 58, right = 18;  // of the panels
constexpr double letter = 6.6;           // no narrower than a letter of the legend's font, on average
constexpr double sample = 30;            // a line in the legend
constexpr double legend_row = 18;

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char letter : text) {
    switch (letter) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      default: safe += static_cast<unsigned char>(letter) < ' ' ? ' ' : letter;  // XML has no control characters
    }
  }
  return safe;
}

/// Of UTF-8: the bytes that begin a letter.
std::size_t letters_in(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; }));
}

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

/// The names of the lines of one kind, in the order in which they appear.
std::vector<std::string> names_of(const Plot& plot, LineKind kind) {
  std::vector<std::string> names;
  for (const auto& panel : plot.panels) {
    for (const auto& line : panel.lines) {
      if (line.kind == kind && std::ranges::find(names, line.name) == names.end()) names.push_back(line.name);
    }
  }
  return names;
}

class Figure {
 public:
  explicit Figure(const Plot& plot)
      : plot_(plot), measured_(names_of(plot, LineKind::measured)), references_(names_of(plot, LineKind::reference)) {
    columns_ = std::clamp<std::size_t>(plot.panels.size(), 1, plot.panels.size() == 4 ? 2 : 3);
    choose_axes();
  }

  std::string draw() {
    auto y = margin + 14;
    text(margin, y, "start", 15, "#111", plot_.title, " font-weight=\"600\"");
    if (!plot_.subtitle.empty()) text(margin, y += 18, "start", 11, grey, plot_.subtitle);
    y = legend(y + 20);

    const auto rows = (plot_.panels.size() + columns_ - 1) / columns_;
    const auto columns = static_cast<double>(columns_);
    const auto panel_width = (width - left - right - (columns - 1) * gutter) / columns;
    const auto panel_height = std::round(panel_width * (columns_ == 1 ? 0.5 : 0.72));
    const auto top = y + 40;
    auto bottom = top;
    for (std::size_t i = 0; i < plot_.panels.size(); ++i) {
      const auto column = i % columns_;
      const auto row = i / columns_;
      const Box box{left + static_cast<double>(column) * (panel_width + gutter), top + static_cast<double>(row) * (panel_height + 46),
                    panel_width, panel_height};
      panel(plot_.panels[i], box, column == 0);
      bottom = std::max(bottom, box.y + box.height);
    }
    if (rows > 0) {
      text((left + width - right) / 2, bottom + 36, "middle", 11, "#111", plot_.x_label);
      const auto middle = (top + bottom) / 2;
      text(margin + 4, middle, "middle", 11, "#111", plot_.y_label,
           fmt::format(" transform=\"rotate(-90 {:.1f} {:.1f})\"", margin + 4, middle));
    }
    auto height = bottom + 36 + margin;
    if (!plot_.note.empty()) {
      text(margin, height + 4, "start", 9.5, grey, plot_.note);
      height += 4 + margin;
    }
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
               "font-family=\"Helvetica, Arial, sans-serif\">\n<title>{2}</title>\n<rect width=\"{0:.0f}\" height=\"{1:.0f}\" "
               "fill=\"#fff\"/>\n",
               width, height, escaped(plot_.title)) +
           out_ + "</svg>\n";
  }

 private:
  void choose_axes() {
    constexpr auto most = std::numeric_limits<double>::max();
    double x_low = most, x_high = -most, y_low = most, y_high = 0;
    for (const auto& panel : plot_.panels) {
      for (const auto& line : panel.lines) {
        for (const auto& point : line.points) {
          x_low = std::min(x_low, point.x);
          x_high = std::max(x_high, point.x);
          y_high = std::max({y_high, point.y, point.high});
          for (const auto value : {point.y, point.low}) {
            if (value > 0) y_low = std::min(y_low, value);
          }
        }
      }
    }
    if (x_low > x_high) x_low = 0, x_high = 1;
    x_ = tight_axis(x_low, x_high, columns_ == 1 ? 14 : 9);
    const bool some = y_low <= y_high;
    y_ = plot_.logarithmic_y && some ? logarithmic_axis(y_low, y_high, 8) : linear_axis(0, some ? y_high : 1, 8);
  }

  void text(double x, double y, const char* anchor, double size, const char* colour, const std::string& words,
            const std::string& more = {}) {
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\" fill=\"{}\"{}>{}</text>\n", x, y, anchor, size,
                        colour, more, escaped(words));
  }
  void rule(double x1, double y1, double x2, double y2, const char* colour) {
    out_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x1, y1, x2, y2, colour);
  }

  /// How lines of this kind and name look.
  std::string look(LineKind kind, const std::string& name) const {
    if (kind == LineKind::reference) {
      const auto at = static_cast<std::size_t>(std::ranges::find(references_, name) - references_.begin());
      return std::string("fill=\"none\" ") + reference_strokes[at % reference_strokes.size()];
    }
    const auto* thin = "stroke-width=\"1\" stroke-dasharray=\"1 2\"";
    return fmt::format("fill=\"none\" stroke=\"{}\" {}", colours[number(name) % colours.size()],
                       kind == LineKind::declared ? thin : "stroke-width=\"1.8\" stroke-linejoin=\"round\"");
  }
  std::size_t number(const std::string& name) const {
    return static_cast<std::size_t>(std::ranges::find(measured_, name) - measured_.begin());
  }

  /// The shape is another one for each colour, and for each turn of the colours.
  void marker(double x, double y, const std::string& name) {
    const auto at = number(name);
    constexpr std::array shapes{"M-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0-6.4 0Z", "M-2.9-2.9h5.8v5.8h-5.8Z", "M0-3.9L3.6 2.5H-3.6Z",
                                "M0-4L4 0L0 4L-4 0Z", "M0 3.9L3.6-2.5H-3.6Z"};
    out_ += fmt::format(
        "<path class=\"marker\" transform=\"translate({:.1f} {:.1f})\" d=\"{}\" fill=\"#fff\" stroke=\"{}\" stroke-width=\"1.5\"/>\n", x, y,
        shapes[(at + at / colours.size()) % shapes.size()], colours[at % colours.size()]);
  }

  /// Entries in rows, each as wide as it needs to be; returns the y below them.
  double legend(double y) {
    double x = margin;
    const auto entry = [&](const std::string& name, LineKind kind, const std::string& stroke) {
      const auto needed = sample + 6 + letter * static_cast<double>(letters_in(name));
      if (x > margin && x + needed > width - margin) x = margin, y += legend_row;
      out_ +=
          fmt::format("<line class=\"key\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x, y, x + sample, y, stroke);
      if (kind == LineKind::measured) marker(x + sample / 2, y, name);
      text(x + sample + 6, y + 3.8, "start", 11, "#111", name, " class=\"key\"");
      x += needed + 18;
    };
    for (const auto& name : measured_) entry(name, LineKind::measured, look(LineKind::measured, name));
    if (!names_of(plot_, LineKind::declared).empty()) {
      entry("declared, at most", LineKind::declared, fmt::format("stroke=\"{}\" stroke-width=\"1\" stroke-dasharray=\"1 2\"", grey));
    }
    if (!references_.empty() && x > margin) x = margin, y += legend_row;
    for (const auto& name : references_) entry(name, LineKind::reference, look(LineKind::reference, name));
    return y;
  }

  void panel(const PlotPanel& panel, const Box& box, bool first) {
    const auto across = [&](double value) { return box.x + 10 + x_.place(value) * (box.width - 20); };
    const auto up = [&](double value) { return box.y + box.height * (1 - y_.place(value)); };
    text(box.x, box.y - 10, "start", 11.5, "#111", panel.title, " font-weight=\"600\"");
    for (const auto tick : y_.ticks) {
      rule(box.x, up(tick), box.x + box.width, up(tick), "#e8e8e8");
      if (first) text(box.x - 6, up(tick) + 3.5, "end", 10, "#333", fmt::format("{:.0f}", tick));
    }
    for (const auto tick : x_.ticks) {
      rule(across(tick), box.y + box.height, across(tick), box.y + box.height + 4, "#333");
      text(across(tick), box.y + box.height + 16, "middle", 10, "#333", fmt::format("{:.0f}", tick));
    }
    rule(box.x, box.y + box.height, box.x + box.width, box.y + box.height, "#333");
    rule(box.x, box.y, box.x, box.y + box.height, "#333");
    // What was measured lies on top of what it is compared with.
    for (const auto kind : {LineKind::reference, LineKind::declared, LineKind::measured}) {
      for (const auto& line : panel.lines) {
        if (line.kind == kind) draw_line(line, across, up);
      }
    }
  }

  template <class Across, class Up>
  void draw_line(const PlotLine& line, const Across& across, const Up& up) {
    constexpr std::array classes{"measured", "declared", "reference"};
    std::vector<PlotPoint> shown;
    std::ranges::copy_if(line.points, std::back_inserter(shown), [&](const PlotPoint& point) { return y_.shows(point.y); });
    if (shown.empty()) return;
    std::string points;
    for (const auto& point : shown) points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", across(point.x), up(point.y));
    out_ += fmt::format("<polyline class=\"{}\" points=\"{}\" {}><title>{}</title></polyline>\n",
                        classes[static_cast<std::size_t>(line.kind)], points, look(line.kind, line.name), escaped(line.name));
    if (line.kind != LineKind::measured) return;
    for (const auto& point : shown) {
      if (point.low < point.high)
        rule(across(point.x), up(std::max(point.low, y_.low)), across(point.x), up(point.high),
             colours[number(line.name) % colours.size()]);
      marker(across(point.x), up(point.y), line.name);
    }
  }

  const Plot& plot_;
  std::vector<std::string> measured_, references_;
  std::size_t columns_ = 1;
  Axis x_, y_;
  std::string out_;
};

}  // namespace

std::string svg(const Plot& plot) { return Figure(plot).draw(); }

}  // namespace roundtrip
