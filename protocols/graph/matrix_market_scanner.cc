#include "protocols/graph/matrix_market_scanner.h"

#include <algorithm>

#include <fmt/core.h>

#include "protocols/graph/text_fields.h"

namespace protocols {
namespace {

constexpr auto banner_form = "\"%%MatrixMarket matrix coordinate FIELD SYMMETRY\"";

/// Whether a field is a number as C or Fortran print it: 1, -0.5, 1.e-3, 1D+2, nan, inf.
bool is_value(std::string_view field) {
  if (field.starts_with('-') || field.starts_with('+')) field.remove_prefix(1);
  if (field.empty()) return false;
  if (is_digit(field.front()) || field.front() == '.') {
    const bool fits = std::ranges::all_of(
        field, [](char c) { return is_digit(c) || c == '.' || c == '+' || c == '-' || c == 'e' || c == 'E' || c == 'd' || c == 'D'; });
    return fits && std::ranges::any_of(field, is_digit);
  }
  const auto word = lower_case(field);
  return word == "nan" || word == "inf" || word == "infinity";
}

bool is_integer(std::string_view field) {
  if (field.starts_with('-') || field.starts_with('+')) field.remove_prefix(1);
  return all_digits(field);
}

}  // namespace

void MatrixMarketScanner::take(const TextPiece& piece, std::vector<Edge>& pairs) {
  if (!piece.starts_line) return;  // a long comment goes on
  ++counts_.lines;
  const auto text = piece.text.substr(0, line_bytes + 1);
  if (counts_.lines == 1) return banner(text);
  const auto* const end = text.data() + text.size();
  const auto* at = skip_space(text.data(), end);
  if (at == end && text.size() <= line_bytes) return;
  if (at != end && *at == '%') return;
  if (in_header_) return size(text);
  Edge pair;
  if (counts_.items == entries_ || text.size() > line_bytes || !read_number(at, end, pair.u)) refuse_entry(text);
  at = skip_space(at, end);
  if (!read_number(at, end, pair.v)) refuse_entry(text);
  for (auto left = static_cast<int>(values_ == Values::complex) + static_cast<int>(values_ != Values::none); left != 0; --left) {
    at = skip_space(at, end);
    const auto* const field = at;
    while (at != end && !is_space(*at)) ++at;
    const std::string_view value(field, static_cast<std::size_t>(at - field));
    if (values_ == Values::integer ? !is_integer(value) : !is_value(value)) refuse_entry(text);
  }
  if (skip_space(at, end) != end) refuse_entry(text);
  // Wraps around at 0.
  if (pair.u - 1 >= rows_ || pair.v - 1 >= rows_) refuse_entry(text);
  if (symmetry_ != Symmetry::general && (pair.u < pair.v || (symmetry_ == Symmetry::skew && pair.u == pair.v))) refuse_entry(text);
  ++counts_.items;
  pairs.push_back(pair);
}

void MatrixMarketScanner::banner(std::string_view text) {
  check_line(text, banner_form);
  const std::string lower = lower_case(text);
  const auto fields = fields_of(lower);
  if (fields.empty() || fields[0] != "%%matrixmarket") refuse("no banner", banner_form, text);
  if (fields.size() != 5) refuse("not a whole banner", banner_form, text);
  if (fields[1] != "matrix") refuse("not a matrix", banner_form, text);
  if (fields[2] == "array") refuse("a dense matrix", "\"coordinate\", which lists the entries", text);
  if (fields[2] != "coordinate") refuse("unknown layout", "\"coordinate\"", text);
  if (fields[3] == "integer") {
    values_ = Values::integer;
  } else if (fields[3] == "real") {
    values_ = Values::real;
  } else if (fields[3] == "complex") {
    values_ = Values::complex;
  } else if (fields[3] != "pattern") {
    refuse("unknown field", "pattern, integer, real or complex", text);
  }
  if (fields[4] == "symmetric" || (fields[4] == "hermitian" && values_ == Values::complex)) {
    symmetry_ = Symmetry::symmetric;
  } else if (fields[4] == "skew-symmetric" && values_ != Values::none) {
    symmetry_ = Symmetry::skew;
  } else if (fields[4] != "general") {
    refuse("unknown symmetry", "general or symmetric, hermitian if complex, skew-symmetric if not pattern", text);
  }
}

void MatrixMarketScanner::size(std::string_view text) {
  constexpr auto expected = "rows, columns and entries";
  check_line(text, expected);
  const auto fields = fields_of(text);
  if (fields.size() != 3) refuse("not a size line", expected, text);
  std::uint64_t numbers[3] = {};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!whole_number(fields[i], numbers[i])) {
      refuse("not a size line", fmt::format("{}, whole numbers up to {}", expected, vertex_limit), text);
    }
  }
  const auto [rows, columns, entries] = numbers;
  if (rows != columns) refuse("a matrix that is not square", "as many columns as rows", text);
  if (rows == 0 || rows >= vertex_limit) refuse("number of rows out of range", fmt::format("1 to {}", vertex_limit - 1), text);
  declare_range(1, rows, text);
  rows_ = rows;
  entries_ = entries;
  size_line_ = counts_.lines;
  in_header_ = false;
}

void MatrixMarketScanner::finish(const ScanCounts& all) const {
  const auto last = std::max<std::uint64_t>(all.lines, 1);
  if (all.lines == 0) refuse_at(last, "no banner", banner_form, "an empty file");
  if (size_line_ == 0) refuse_at(last, "no size line", "rows, columns and entries", "the end of the file");
  if (all.items < entries_) {
    refuse_at(last, "too few entries", fmt::format("{}, as line {} says", entries_, size_line_), fmt::format("{}", all.items));
  }
}

void MatrixMarketScanner::refuse_entry(std::string_view text) const {
  constexpr const char* forms[] = {"row and column", "row, column and an integer", "row, column and a number",
                                   "row, column and two numbers"};
  const std::string expected = forms[static_cast<std::size_t>(values_)];
  if (counts_.items == entries_) refuse("too many entries", fmt::format("{}, as line {} says", entries_, size_line_), text);
  check_line(text, expected);
  const auto fields = fields_of(text);
  for (std::size_t i = 0; i < std::min<std::size_t>(2, fields.size()); ++i) {
    const auto field = fields[i];
    const bool integer = all_digits(field.substr(field.starts_with('-') ? 1 : 0));
    if (!integer) refuse(fault_of_id(field), expected, text);
    std::uint64_t id = 0;
    if (!whole_number(field, id) || id == 0 || id > rows_) {
      refuse(i == 0 ? "row out of range" : "column out of range", fmt::format("1 to {}", rows_), text);
    }
  }
  const auto wanted = 2 + static_cast<std::size_t>(values_ != Values::none) + static_cast<std::size_t>(values_ == Values::complex);
  if (fields.size() != wanted) refuse(fields.size() < wanted ? "too few fields" : "too many fields", expected, text);
  for (std::size_t i = 2; i < wanted; ++i) {
    if (values_ == Values::integer ? !is_integer(fields[i]) : !is_value(fields[i])) {
      refuse(values_ == Values::integer ? "value that is not an integer" : "value that is not a number", expected, text);
    }
  }
  refuse(symmetry_ == Symmetry::skew ? "entry on or above the diagonal of a skew-symmetric matrix"
                                     : "entry above the diagonal of a symmetric matrix",
         "the lower triangle only", text);
}

}  // namespace protocols
