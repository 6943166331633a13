#pragma once

#include <string>
#include <vector>

namespace roundtrip {

/// A point of a line, and the range that it stands for, such as the smallest and the largest over seeds.
struct PlotPoint {
  double x = 0, y = 0, low = 0, high = 0;
};

/// What a line says, and so how it is drawn.
enum class LineKind {
  measured,   ///< a colour and a marker for each name, solid
  declared,   ///< the colour of the measured line of the same name, thin and dotted, without markers
  reference,  ///< grey, dashed; a dash pattern for each name
};

/// A line of a panel. Lines of one kind and name look alike in all panels.
struct PlotLine {
  std::string name;
  LineKind kind = LineKind::measured;
  std::vector<PlotPoint> points;  ///< by ascending x
};

struct PlotPanel {
  std::string title;
  std::vector<PlotLine> lines;
};

/// Panels side by side that share their axes, and one legend for all.
struct Plot {
  std::string title, subtitle;
  std::string x_label, y_label;
  std::string note;            ///< what needs saying below the plot; may be empty
  bool logarithmic_y = false;  ///< values that are not positive are then left out
  std::vector<PlotPanel> panels;
};

/// The plot as a figure of its own, an SVG document. Texts may hold any characters. The elements that draw a line have the class
/// "measured", "declared" or "reference", one polyline for each.
std::string svg(const Plot& plot);

}  // namespace roundtrip
