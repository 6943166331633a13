#include "protocols/graph/graph_scanner.h"

#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"

#include "protocols/graph/edge_scanner.h"
#include "protocols/graph/matrix_market_scanner.h"
#include "protocols/graph/metis_scanner.h"
#include "protocols/graph/text_fields.h"

namespace protocols {

GraphScanner::GraphScanner(std::string path, std::optional<std::uint64_t> vertices) : path_(std::move(path)), asked_(vertices) {
  if (vertices && (*vertices == 0 || *vertices > vertex_limit)) {
    throw mpc::UsageError(fmt::format("vertices: expected 1 to {}, found {}", vertex_limit, *vertices));
  }
}

void GraphScanner::declare_range(std::uint64_t lowest, std::uint64_t count, std::string_view text) {
  if (asked_ && *asked_ != count) refuse("another number of vertices", fmt::format("{}, as asked for", *asked_), text);
  declared_ = Declared::range;
  lowest_ = lowest;
  count_ = count;
}

void GraphScanner::refuse(std::string_view reason, std::string_view expected, std::string_view text) const {
  refuse_at(counts_.lines, reason, expected, excerpt(text));
}

void GraphScanner::refuse_at(std::uint64_t line, std::string_view reason, std::string_view expected, std::string_view found) const {
  throw mpc::InputError(fmt::format("{}:{}: {}: expected {}, found {}", path_, line, reason, expected, found));
}

void GraphScanner::check_line(std::string_view text, std::string_view expected) const {
  if (text.find('\0') != std::string_view::npos) refuse("NUL byte", expected, text);
  if (text.size() > line_bytes) refuse(fmt::format("line of more than {} characters", line_bytes), expected, text);
}

std::unique_ptr<GraphScanner> make_scanner(Format format, const std::string& path, std::optional<std::uint64_t> vertices) {
  if (format == Format::matrix_market) return std::make_unique<MatrixMarketScanner>(path, vertices);
  if (format == Format::metis) return std::make_unique<MetisScanner>(path, vertices);
  return std::make_unique<EdgeScanner>(path, vertices);
}

}  // namespace protocols
