#include "bench/command/weights_show.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "mpc/error.h"

#include "bench/command/weights_run.h"

namespace roundtrip {
namespace {

using bridge::Matrix;

/// Softmax weights of a head, the start token's in the last column, and how far the largest logit of a row is from the next smaller one.
struct HeadPicture {
  Matrix<double> weights;  // [N, N + 1], without the start token [N, N]
  double gap = std::numeric_limits<double>::infinity();
};

/// What vanishes in the number type that the model runs in is 0 here too.
double exponential(double x, bridge::NumberType type) {
  return type == bridge::NumberType::f32 ? static_cast<double>(std::exp(static_cast<float>(x))) : std::exp(x);
}

HeadPicture picture_of(const bridge::Head<double>& head, const Matrix<double>& rows, bridge::NumberType type) {
  const auto queries = head.query.apply(rows, 0, "query"), keys = head.key.apply(rows, 0, "key");
  const auto n = rows.rows(), columns = n + (head.start ? 1 : 0);
  HeadPicture picture{Matrix<double>(n, columns)};
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> logits(columns, -std::numeric_limits<double>::infinity());
    for (std::size_t j = 0; j < columns; ++j) {
      if (j < n && !head.mask.sees(i, j)) continue;
      double logit = 0;
      for (std::size_t c = 0; c < queries.columns(); ++c) logit += queries(i, c) * (j < n ? keys(j, c) : head.start->key[c]);
      logits[j] = head.scale * logit;
    }
    const auto largest = *std::ranges::max_element(logits);
    double sum = 0;
    for (std::size_t j = 0; j < columns; ++j) {
      picture.weights(i, j) = exponential(logits[j] - largest, type);
      sum += picture.weights(i, j);
      if (logits[j] != largest) picture.gap = std::min(picture.gap, largest - logits[j]);
    }
    for (auto& weight : picture.weights.row(i)) weight /= sum;
  }
  return picture;
}

/// One character for a weight: 1, its share if it is one of a few that tie, + for less, and a dot for what vanishes.
std::string mark(double weight) {
  if (weight == 0) return "·";
  if (weight == 1) return "█";
  if (weight == 0.5) return "½";
  if (std::abs(weight - 1.0 / 3) < 1e-12) return "⅓";
  if (weight == 0.25) return "¼";
  return "+";
}

std::size_t widest(const std::vector<std::string>& names) {
  std::size_t width = 0;
  for (const auto& name : names) width = std::max(width, name.size());
  return width;
}

/// Names written downwards, one a column, ending in the same line.
std::string names_downwards(const std::vector<std::string>& names, std::size_t indent) {
  const auto height = widest(names);
  std::string text;
  for (std::size_t line = 0; line < height; ++line) {
    text += std::string(indent, ' ');
    for (const auto& name : names) {
      const auto above = height - name.size();
      text += line < above ? ' ' : name[line - above];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

std::string matrix_text(const HeadPicture& picture, const std::vector<std::string>& names) {
  const auto width = widest(names);
  auto columns = names;
  if (picture.weights.columns() > names.size()) columns.insert(columns.end(), {"", "start"});
  auto text = names_downwards(columns, width + 4);
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += fmt::format("  {:>{}}  ", names[i], width);
    for (std::size_t j = 0; j < names.size(); ++j) text += mark(picture.weights(i, j));
    if (picture.weights.columns() > names.size()) text += " " + mark(picture.weights(i, names.size()));
    text += '\n';
  }
  return text;
}

/// The variables in a row, in the order of their first columns: owner.variable and its bits as a number.
std::vector<WeightsSubject::NamedWord> decoded(const std::vector<bridge::ColumnName>& columns, std::span<const double> row) {
  std::vector<WeightsSubject::NamedWord> words;
  std::map<std::string, std::size_t> place;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].variable.empty()) continue;
    const auto [it, is_new] = place.try_emplace(columns[c].variable, words.size());
    if (is_new) words.push_back({columns[c].variable, 0});
    if (row[c] != 0) words[it->second].value |= std::uint64_t{1} << columns[c].bit;
  }
  return words;
}

std::string words_text(const std::vector<WeightsSubject::NamedWord>& words) {
  std::string text;
  for (const auto& [name, value] : words) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  return text.empty() ? "nothing" : text;
}

std::string rows_text(const WeightsSubject& subject, std::size_t boundary, const Matrix<double>& rows) {
  const auto width = widest(subject.token_names);
  std::string text;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    text += fmt::format("  {:>{}}  {}", subject.token_names[i], width, words_text(decoded(subject.model.columns[boundary], rows.row(i))));
    if (subject.on_messages && boundary > 0) {
      const auto kept = subject.on_messages(boundary - 1, i);
      if (!kept.empty()) text += fmt::format("  | on messages: {}", words_text(kept));
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::string show_weights(const WeightsSubject& subject) {
  const auto& model = subject.model;
  if (subject.x.rows() > most_shown_tokens) {
    throw mpc::UsageError(fmt::format("--show draws at most {} tokens; this input has {}", most_shown_tokens, subject.x.rows()));
  }
  auto text = fmt::format("input: what the tokens hold\n{}", rows_text(subject, 0, subject.x));
  for_each_layer(model, subject.x, [&](std::size_t l, const Matrix<double>& before, const Matrix<double>& after) {
    const auto& layer = model.transformer.layers()[l];
    text += fmt::format("\nlayer {}\n", l);
    for (std::size_t h = 0; h < layer.heads.size(); ++h) {
      const auto picture = picture_of(layer.heads[h], before, model.type);
      text += fmt::format("head {}: {}; rows ask, columns are looked at; margin {} (proved {}, {} needed)\n", h, model.heads[l][h],
                          picture.gap, model.proofs[l].gap, bridge::facts(model.type).vanishing);
      text += matrix_text(picture, subject.token_names);
    }
    text += fmt::format("after layer {}\n{}", l, rows_text(subject, l + 1, after));
  });
  return text;
}

}  // namespace roundtrip
