#include "protocols/graph/metis_scanner.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/hash.h"

#include "protocols/graph/radix_sort.h"
#include "protocols/graph/text_fields.h"

namespace protocols {
namespace {

constexpr auto header_form = "\"n m [fmt [ncon]]\"";
constexpr std::size_t field_bytes = 64;  // more are no number

}  // namespace

void MetisScanner::count(const TextPiece& piece) {
  if (!piece.starts_line) return;
  ++counts_.lines;
  if (!piece.text.starts_with('%')) ++counts_.items;
}

void MetisScanner::take(const TextPiece& piece, std::vector<Edge>& pairs) {
  if (piece.starts_line) {
    ++counts_.lines;
    in_comment_ = piece.text.starts_with('%');
    if (!in_comment_ && in_header_) return header(piece);
    if (!in_comment_) ++counts_.items;
  }
  if (in_comment_) return;
  const auto* at = piece.text.data();
  const auto* const end = at + piece.text.size();
  const auto field_end = [&] { return std::find_if(at, end, is_space); };
  if (!broken_.empty()) {
    const auto* const stop = field_end();
    if (broken_.size() <= field_bytes) broken_.append(at, stop);
    at = stop;
    if (at != end || piece.ends_line) field(std::exchange(broken_, {}), pairs);
  }
  for (at = skip_space(at, end); at != end; at = skip_space(at, end)) {
    const auto* const stop = field_end();
    const std::string_view text(at, static_cast<std::size_t>(stop - at));
    if (stop == end && !piece.ends_line) {
      broken_ = text.substr(0, field_bytes + 1);
      return;
    }
    field(text, pairs);
    at = stop;
  }
  if (piece.ends_line) end_line();
}

void MetisScanner::header(const TextPiece& piece) {
  const auto text = piece.text.substr(0, line_bytes + 1);
  check_line(text, header_form);
  const auto fields = fields_of(text);
  if (fields.size() < 2 || fields.size() > 4) refuse("not a header", header_form, text);
  std::uint64_t vertices = 0;
  if (!whole_number(fields[0], vertices) || vertices == 0 || vertices >= vertex_limit) {
    refuse("not a number of vertices", fmt::format("1 to {}", vertex_limit - 1), text);
  }
  if (!whole_number(fields[1], edges_)) refuse("not a number of edges", fmt::format("0 to {}", vertex_limit), text);
  if (fields.size() > 2) {
    const auto format = fields[2];
    if (format.size() > 3 || format.find_first_not_of("01") != std::string_view::npos) {
      refuse("unknown fmt", "three digits, 0 or 1: vertex sizes, vertex weights, edge weights", text);
    }
    const auto has = [&](std::size_t from_end) { return format.size() >= from_end && format[format.size() - from_end] == '1'; };
    std::uint64_t weights = 1;
    if (fields.size() > 3 && (!whole_number(fields[3], weights) || weights == 0)) refuse("not a number of weights", "1 or more", text);
    edge_weights_ = has(1);
    vertex_fields_ = (has(2) ? weights : 0) + (has(3) ? 1 : 0);
  }
  declare_range(1, vertices, text);
  header_line_ = counts_.lines;
  in_header_ = false;
}

void MetisScanner::field(std::string_view text, std::vector<Edge>& pairs) {
  const auto vertex = counts_.items;
  if (vertex > count_) refuse("too many lines of vertices", fmt::format("{}, as line {} says", count_, header_line_), text);
  const auto number = text.substr(0, field_bytes + 1);
  if (fields_ < vertex_fields_ || weight_is_next_) {
    if (number.size() > field_bytes || !all_digits(number)) refuse("not a weight", "a whole number", text);
    fields_ += weight_is_next_ ? 0 : 1;
    weight_is_next_ = false;
    return;
  }
  std::uint64_t neighbour = 0;
  if (number.size() > field_bytes || !whole_number(number, neighbour) || neighbour == 0 || neighbour > count_) {
    refuse("not a vertex", fmt::format("a neighbour of vertex {}, from 1 to {}", vertex, count_), text);
  }
  if (neighbour == vertex) refuse("vertex that is its own neighbour", fmt::format("other neighbours of vertex {}", vertex), text);
  weight_is_next_ = edge_weights_;
  ++counts_.entries;
  const auto [low, high] = std::minmax(vertex, neighbour);
  const auto sign = mpc::mix(mpc::mix(low) + high);
  counts_.balance += vertex == low ? sign : -sign;
  if (vertex == low || both_ends_) pairs.push_back({vertex, neighbour});
}

void MetisScanner::end_line() {
  if (counts_.items > count_) return;  // a blank line at the end
  if (fields_ < vertex_fields_) {
    refuse("vertex without its weights", fmt::format("{} before the neighbours", vertex_fields_), fmt::format("{}", fields_));
  }
  if (weight_is_next_) refuse("edge without its weight", "one after every neighbour", "");
  fields_ = 0;
}

void MetisScanner::finish(const ScanCounts& all) const {
  const auto last = std::max<std::uint64_t>(all.lines, 1);
  if (header_line_ == 0) refuse_at(last, "no header", header_form, all.lines == 0 ? "an empty file" : "only comments");
  if (all.items < count_) {
    refuse_at(last, "too few lines of vertices", fmt::format("{}, as line {} says", count_, header_line_), fmt::format("{}", all.items));
  }
  if (all.entries != 2 * edges_) {
    refuse_at(header_line_, "number of edges", fmt::format("half of the {} neighbours that are listed", all.entries),
              fmt::format("{}", edges_));
  }
}

std::optional<Edge> MetisScanner::one_sided(std::vector<Edge>& listings) {
  // By (smaller end, larger end), the listings of the smaller end first.
  std::ranges::sort(listings, {}, [](const Edge& e) { return std::tuple(std::min(e.u, e.v), std::max(e.u, e.v), e.u); });
  std::optional<Edge> first;
  for (auto at = listings.begin(); at != listings.end();) {
    const Edge pair{std::min(at->u, at->v), std::max(at->u, at->v)};
    const Edge reverse{pair.v, pair.u};
    const auto second = std::find_if(at, listings.end(), [&](const Edge& e) { return e != pair; });
    const auto next = std::find_if(second, listings.end(), [&](const Edge& e) { return e != reverse; });
    if (second - at != next - second) {
      const auto& listing = second - at > next - second ? pair : reverse;
      if (!first || listing < *first) first = listing;
    }
    at = next;
  }
  return first;
}

void MetisScanner::refuse_one_sided(const std::string& path, const Edge& listing, std::uint64_t line) {
  throw mpc::InputError(fmt::format(
      "{}:{}: edge that is listed from one end only: expected {} among the neighbours of {}, as often as {} on this line, found it "
      "less often",
      path, line, listing.u, listing.v, listing.v));
}

void MetisScanner::refuse_one_sided(const std::string& path) {
  throw mpc::InputError(
      fmt::format("{}: edge that is listed from one end only: expected every edge from both; it can be named if the graph "
                  "is read from a file",
                  path));
}

}  // namespace protocols
