#include "bench/command/plot.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <boost/property_tree/detail/rapidxml.hpp>
#include <gtest/gtest.h>

#include "bench/command/axis.h"

namespace tests {
namespace {

namespace xml = boost::property_tree::detail::rapidxml;
using roundtrip::LineKind;
using roundtrip::Plot;
using roundtrip::PlotLine;
using roundtrip::PlotPanel;

// ---- Axes -------------------------------------------------------------------------------------------------------------------------

TEST(Axis, StepsAreRoundAndFew) {
  using Ticks = std::vector<double>;
  EXPECT_EQ(roundtrip::linear_axis(0, 7, 8).ticks, (Ticks{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(roundtrip::linear_axis(0, 33, 8).ticks, (Ticks{0, 5, 10, 15, 20, 25, 30, 35}));
  EXPECT_EQ(roundtrip::linear_axis(3, 131, 8).ticks, (Ticks{0, 20, 40, 60, 80, 100, 120, 140}));
  EXPECT_EQ(roundtrip::linear_axis(5, 5, 4).ticks, (Ticks{5, 6}));
  EXPECT_EQ(roundtrip::tight_axis(9, 17, 9).ticks, (Ticks{9, 10, 11, 12, 13, 14, 15, 16, 17}));
  EXPECT_EQ(roundtrip::tight_axis(8.9, 17.2, 7).ticks, (Ticks{10, 12, 14, 16}));
  EXPECT_EQ(roundtrip::tight_axis(9, 9, 5).ticks, (Ticks{9}));
  EXPECT_EQ(roundtrip::logarithmic_axis(3, 1000, 12).ticks, (Ticks{2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}));
  EXPECT_EQ(roundtrip::logarithmic_axis(1, 60000, 6).ticks, (Ticks{1, 16, 256, 4096, 65536}));
}

TEST(Axis, PlacesAreFromZeroToOne) {
  const auto linear = roundtrip::linear_axis(0, 10, 3);
  EXPECT_DOUBLE_EQ(linear.place(0), 0);
  EXPECT_DOUBLE_EQ(linear.place(2.5), 0.25);
  EXPECT_DOUBLE_EQ(linear.place(10), 1);
  const auto logarithmic = roundtrip::logarithmic_axis(1, 256, 9);
  EXPECT_DOUBLE_EQ(logarithmic.place(1), 0);
  EXPECT_DOUBLE_EQ(logarithmic.place(16), 0.5);
  EXPECT_DOUBLE_EQ(logarithmic.place(256), 1);
  EXPECT_FALSE(logarithmic.shows(0));
}

// ---- Figures ----------------------------------------------------------------------------------------------------------------------

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
  bool holds(double a, double b) const { return a >= x && a <= x + width && b >= y && b <= y + height; }
};

/// A figure, read by an XML parser that wants every element closed by its name.
class Figure {
 public:
  explicit Figure(const Plot& plot) : text_(roundtrip::svg(plot)), buffer_(text_.begin(), text_.end()) {
    buffer_.push_back('\0');
    document_.parse<xml::parse_validate_closing_tags>(buffer_.data());
    root_ = document_.first_node("svg");
    std::istringstream(attribute(root_, "viewBox")) >> view.x >> view.y >> view.width >> view.height;
  }

  using Points = std::vector<std::pair<double, double>>;
  std::vector<Points> polylines(const std::string& kind) const {
    std::vector<Points> all;
    for (const auto* node = root_->first_node("polyline"); node != nullptr; node = node->next_sibling("polyline")) {
      if (attribute(node, "class") != kind) continue;
      std::istringstream stream(attribute(node, "points"));
      Points points;
      char comma = 0;
      for (double x = 0, y = 0; stream >> x >> comma >> y;) points.emplace_back(x, y);
      all.push_back(points);
    }
    return all;
  }
  std::vector<const xml::xml_node<char>*> nodes(const char* name, const std::string& kind = {}) const {
    std::vector<const xml::xml_node<char>*> found;
    for (const auto* node = root_->first_node(name); node != nullptr; node = node->next_sibling(name)) {
      if (kind.empty() || attribute(node, "class") == kind) found.push_back(node);
    }
    return found;
  }
  static std::string attribute(const xml::xml_node<char>* node, const char* name) {
    const auto* found = node->first_attribute(name);
    return found == nullptr ? "" : found->value();
  }
  static double number(const xml::xml_node<char>* node, const char* name) { return std::stod(attribute(node, name)); }
  const std::string& text() const { return text_; }

  Box view;

 private:
  std::string text_;
  std::vector<char> buffer_;
  xml::xml_document<char> document_;
  const xml::xml_node<char>* root_ = nullptr;
};

PlotLine line(const std::string& name, LineKind kind, double slope) {
  PlotLine made{name, kind, {}};
  for (double x = 9; x <= 17; x += 2) made.points.push_back({x, slope * x, slope * x, slope * x});
  return made;
}

Plot some(std::size_t panels) {
  Plot plot{"Title", "subtitle", "x", "y", "note", false, {}};
  for (std::size_t i = 0; i < panels; ++i) {
    plot.panels.push_back(
        {"panel " + std::to_string(i),
         {line("one", LineKind::measured, 1), line("one", LineKind::declared, 2), line("a rather long name", LineKind::measured, 1.5),
          line("conditional: ⌈log₂ D⌉", LineKind::reference, 0.5), line("ball growing: ⌈log₂ ecc⌉", LineKind::reference, 0.4),
          line("unconditional: shuffle bound", LineKind::reference, 0.1)}});
  }
  return plot;
}

TEST(Svg, OneLineASeriesInsideTheView) {
  for (const std::size_t panels : {1U, 2U, 3U, 4U, 9U}) {
    SCOPED_TRACE(panels);
    const Figure figure(some(panels));
    ASSERT_GT(figure.view.width, 0);
    ASSERT_GT(figure.view.height, 0);
    EXPECT_EQ(figure.polylines("measured").size(), 2 * panels);
    EXPECT_EQ(figure.polylines("declared").size(), panels);
    EXPECT_EQ(figure.polylines("reference").size(), 3 * panels);
    EXPECT_EQ(figure.nodes("path", "marker").size(), 10 * panels + 2);  // and two in the legend
    for (const auto* kind : {"measured", "declared", "reference"}) {
      for (const auto& points : figure.polylines(kind)) {
        EXPECT_EQ(points.size(), 5U);
        for (const auto& [x, y] : points) EXPECT_TRUE(figure.view.holds(x, y)) << x << ", " << y;
      }
    }
    for (const auto* node : figure.nodes("text")) {
      EXPECT_TRUE(figure.view.holds(Figure::number(node, "x"), Figure::number(node, "y"))) << node->value();
    }
  }
}

TEST(Svg, LinesKeepTheirShape) {
  const Figure figure(some(1));
  const auto measured = figure.polylines("measured");
  const auto& one = measured[0];
  const auto& steeper = measured[1];
  const auto declared = figure.polylines("declared")[0];
  for (std::size_t i = 1; i < one.size(); ++i) {
    EXPECT_NEAR(one[i].first - one[i - 1].first, one[1].first - one[0].first, 0.2);      // equal steps to the right,
    EXPECT_NEAR(one[i].second - one[i - 1].second, one[1].second - one[0].second, 0.2);  // and up
    EXPECT_GT(one[i].first, one[i - 1].first);
    EXPECT_LT(one[i].second, one[i - 1].second);
    EXPECT_LT(steeper[i].second, one[i].second);
    EXPECT_NEAR(declared[i].second - declared[i - 1].second, 2 * (one[i].second - one[i - 1].second), 0.3);
  }
}

TEST(Svg, PanelsDoNotMeet) {
  const Figure figure(some(9));
  const auto lines = figure.polylines("measured");
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < lines.size(); i += 2) {
    Box box{lines[i].front().first, lines[i + 1].back().second, 0, 0};
    box.width = lines[i].back().first - box.x;
    box.height = lines[i].front().second - box.y;
    for (const auto& other : boxes) {
      const bool apart =
          box.x > other.x + other.width || box.x + box.width < other.x || box.y > other.y + other.height || box.y + box.height < other.y;
      EXPECT_TRUE(apart);
    }
    boxes.push_back(box);
  }
}

// Texts are as wide as 0.6 of their size a letter, which is more than Helvetica needs.
TEST(Svg, TheLegendOverlapsNothing) {
  auto plot = some(2);
  for (int i = 0; i < 11; ++i) plot.panels[1].lines.push_back(line("connectivity/variant-" + std::to_string(i), LineKind::measured, 1));
  const Figure figure(plot);
  const auto texts = figure.nodes("text", "key");
  const auto keys = figure.nodes("line", "key");
  ASSERT_EQ(texts.size(), 2U + 11U + 1U + 3U);  // with "declared"
  ASSERT_EQ(keys.size(), texts.size());
  double highest_point = figure.view.height;
  for (const auto& points : figure.polylines("measured")) {
    for (const auto& [x, y] : points) highest_point = std::min(highest_point, y);
  }
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto left = Figure::number(keys[i], "x1");
    const auto right = Figure::number(texts[i], "x") + 0.6 * 11 * static_cast<double>(std::string(texts[i]->value()).size());
    const Box box{left, Figure::number(texts[i], "y") - 11, right - left, 14};
    EXPECT_LE(right, figure.view.width + 20) << texts[i]->value();  // bytes of symbols count more than once
    EXPECT_LT(box.y + box.height, highest_point);
    for (const auto& other : boxes) {
      const bool apart = box.x >= other.x + other.width || box.x + box.width <= other.x || box.y >= other.y + other.height ||
                         box.y + box.height <= other.y;
      EXPECT_TRUE(apart) << texts[i]->value();
    }
    if (std::string(texts[i]->value()).find("\xe2") == std::string::npos) boxes.push_back(box);
  }
}

TEST(Svg, NamesLookAlikeInAllPanelsAndApartFromOthers) {
  Plot plot = some(1);
  plot.panels.push_back({"second", {plot.panels[0].lines[2]}});  // "a rather long name" comes first here
  const Figure figure(plot);
  std::map<std::string, std::set<std::string>> looks;
  for (const auto* node : figure.nodes("polyline")) {
    const auto kind = Figure::attribute(node, "class");
    if (kind == "declared") continue;
    looks[node->first_node("title")->value()].insert(Figure::attribute(node, "stroke") + "|" + Figure::attribute(node, "stroke-dasharray"));
  }
  std::set<std::string> all;
  for (const auto& [name, its] : looks) {
    EXPECT_EQ(its.size(), 1U) << name;
    all.insert(*its.begin());
  }
  EXPECT_EQ(all.size(), 5U);
  for (const auto* node : figure.nodes("polyline", "reference")) EXPECT_NE(Figure::attribute(node, "stroke-dasharray"), "");
  for (const auto* node : figure.nodes("polyline", "measured")) EXPECT_EQ(Figure::attribute(node, "stroke-dasharray"), "");
}

TEST(Svg, AnyTextIsText) {
  auto plot = some(1);
  plot.title = "a < b & \"c\" > d\x01]]>";
  plot.panels[0].title = "<script>";
  plot.panels[0].lines[0].name = "x & y";
  const Figure figure(plot);
  EXPECT_EQ(figure.text().find("<script>"), std::string::npos);
  EXPECT_EQ(figure.text().find('\x01'), std::string::npos);
  EXPECT_NE(figure.text().find("a &lt; b &amp; &quot;c&quot; &gt; d"), std::string::npos);
  EXPECT_EQ(std::string(figure.nodes("title")[0]->value()), "a < b & \"c\" > d ]]>");
}

TEST(Svg, ALogarithmicAxisLeavesOutWhatIsNotPositive) {
  auto plot = some(1);
  plot.logarithmic_y = true;
  for (auto& point : plot.panels[0].lines[5].points) point.y = point.low = point.high = 0;
  plot.panels[0].lines[0].points = {{9, 4, 4, 4}, {13, 64, 64, 64}, {17, 1024, 1024, 1024}};
  const Figure figure(plot);
  EXPECT_EQ(figure.polylines("reference").size(), 2U);
  const auto line = figure.polylines("measured")[0];
  ASSERT_EQ(line.size(), 3U);
  EXPECT_NEAR(line[1].second - line[0].second, line[2].second - line[1].second, 0.2);
}

TEST(Svg, SeedsAreARange) {
  auto plot = some(1);
  const auto rules = Figure(plot).nodes("line").size();
  plot.panels[0].lines[0].points[2].low -= 1;
  EXPECT_EQ(Figure(plot).nodes("line").size(), rules + 1);
}

TEST(Svg, NothingIsAFigureToo) {
  EXPECT_TRUE(Figure(Plot{}).polylines("measured").empty());
  EXPECT_GT(Figure(Plot{}).view.height, 0);
}

}  // namespace
}  // namespace tests
