#include "bench/command/forward_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/command/load_bar.h"
#include "bench/command/revision.h"
#include "bench/command/text.h"

namespace roundtrip {
namespace {

const char* family_name(const bridge::ModelConfig& config) { return config.family == bridge::ModelConfig::Family::bert ? "BERT" : "GPT-2"; }

std::string formula_of(const bridge::SchemeChoice& choice) {
  switch (choice.scheme) {
    case bridge::Scheme::local: return "no rounds";
    case bridge::Scheme::ring: return "(P - 1) L + 2";
    case bridge::Scheme::ulysses: return "2 L + 2";
    case bridge::Scheme::theorem2: return "2 D L + 2";
  }
  return "?";
}

std::string size_line(std::size_t tokens, const bridge::SchemeSize& size, const bridge::SchemeChoice& choice) {
  auto text = fmt::format("  N = {} tokens: ", grouped(tokens));
  if (size.words != 0) text += fmt::format("s = {} words (least {}), ", grouped(size.words), grouped(size.least_words));
  if (size.trees) {
    text += fmt::format("B = {}, b = {}, D = {}, mH = {}, ", size.trees->block_tokens(), grouped(size.trees->fan_out()),
                        size.trees->depth(), size.trees->shape().head_width);
  }
  text += fmt::format("q = {} machine{}", grouped(size.machines), size.machines == 1 ? "" : "s");
  if (choice.scheme != bridge::Scheme::local) text += fmt::format(", R = {} = {}", size.rounds, formula_of(choice));
  return text + '\n';
}

std::string head(const ForwardResult& result) {
  const auto& config = result.config;
  auto text = fmt::format("{} ({}): {} layers of width {}, {} heads, {} parameters\n", result.model, family_name(config), config.layers,
                          config.width, config.heads, grouped(result.parameters));
  text += fmt::format("  {} sequence{}, {} tokens, {} of them padding; {} on {}; {} rank{}\n", grouped(result.sequences),
                      result.sequences == 1 ? "" : "s", grouped(result.tokens), grouped(result.tokens - result.shown),
                      result.dtype == "f32" ? "float32" : "float64", result.device, result.ranks, result.ranks == 1 ? "" : "s");
  text += fmt::format("  scheme {}{}\n", bridge::name_of(result.choice.scheme),
                      result.choice.scheme == bridge::Scheme::local
                          ? ": each sequence on one rank"
                          : "; programs (weights, row functions, masks) are not charged to s, as in the theorem");
  for (const auto& [tokens, size] : result.sizes) text += size_line(tokens, size, result.choice);
  return text;
}

template <class Field>
std::uint64_t most(const ForwardResult& result, Field field) {
  std::uint64_t value = 0;
  for (const auto& row : result.rows) value = std::max(value, row.*field);
  return value;
}

}  // namespace

template <class Real>
std::vector<std::vector<double>> similarities(const bridge::Matrix<Real>& rows) {
  std::vector<std::vector<double>> result(rows.rows(), std::vector<double>(rows.rows()));
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t j = 0; j < rows.rows(); ++j) {
      for (std::size_t c = 0; c < rows.columns(); ++c) result[i][j] += static_cast<double>(rows(i, c)) * static_cast<double>(rows(j, c));
    }
  }
  return result;
}
template std::vector<std::vector<double>> similarities(const bridge::Matrix<float>&);
template std::vector<std::vector<double>> similarities(const bridge::Matrix<double>&);

std::string prediction(const ForwardResult& result) { return head(result) + "  dry run: nothing was run\n"; }

std::string text_report(const ForwardResult& result, const ForwardOptions& options) {
  auto text = head(result) + '\n';
  if (result.choice.scheme != bridge::Scheme::local) {
    const auto low = std::ranges::min_element(result.rows, {}, &SchemeRow::rounds)->rounds, high = most(result, &SchemeRow::rounds);
    const auto wrong = std::ranges::count_if(result.rows, [](const SchemeRow& row) { return row.rounds != row.rounds_formula; });
    text += fmt::format("rounds     {}{} a sequence, measured | {}{}\n", low, low == high ? "" : fmt::format(" to {}", high),
                        formula_of(result.choice), wrong == 0 ? "" : fmt::format("  NOT MET by {} sequences", wrong));
    const auto s = most(result, &SchemeRow::words);
    text += fmt::format("load       words, of s = {}\n", grouped(s));
    for (const auto& [name, field] :
         {std::pair{"kept + sent", &SchemeRow::max_kept_plus_sent}, std::pair{"kept + received", &SchemeRow::max_kept_plus_received}}) {
      const auto load = most(result, field);
      text += fmt::format("  {:<16}{:>12} {}\n", name, grouped(load), load_bar(load, s));
    }
    std::uint64_t words = 0, messages = 0;
    for (const auto& row : result.rows) {
      words += row.total_words;
      messages += row.messages;
    }
    text += fmt::format("traffic    {} words in {} messages\n", grouped(words), grouped(messages));
  }
  text += fmt::format("time       {:.3f} s, {:.4f} a sequence", result.wall_s, result.wall_s / static_cast<double>(result.sequences));
  if (result.choice.scheme != bridge::Scheme::local) {
    const auto& seconds = result.seconds;
    text += fmt::format(": compute {:.3f}, pack {:.3f}, exchange {:.3f}, order {:.3f}, idle {:.3f}", seconds.compute, seconds.pack,
                        seconds.exchange, seconds.unpack, seconds.idle);
  }
  text += fmt::format("; loading {:.3f} s; memory {} MiB\n", result.load_s, grouped(result.rss_bytes >> 20));
  text += fmt::format("output     [{}, {}], {}{}; digest {:016x}\n", result.out_rows, result.out_columns,
                      options.pool.empty() ? "last hidden states" : "mean-pooled, of length 1",
                      result.written.empty() ? "" : ", in " + result.written, result.digest);
  constexpr std::size_t most_columns = 10;
  if (result.similarity.size() > 1 && result.similarity.size() <= most_columns) {
    text += "similarity of the sequences (cosine)\n";
    for (std::size_t i = 0; i < result.similarity.size(); ++i) {
      text += fmt::format("{:>9}  ", i + 1);
      for (const auto cosine : result.similarity[i]) text += fmt::format(" {:>6.3f}", cosine);
      text += '\n';
    }
  }
  return text;
}

std::string json_report(const ForwardResult& result) {
  nlohmann::ordered_json json;
  json["schema"] = 1;
  json["git"] = revision();
  json["model"] = result.model;
  json["family"] = family_name(result.config);
  json["parameters"] = result.parameters;
  json["device"] = result.device;
  json["dtype"] = result.dtype;
  json["scheme"] = bridge::name_of(result.choice.scheme);
  json["ranks"] = result.ranks;
  json["sequences"] = result.sequences;
  json["tokens"] = result.tokens;
  json["padding"] = result.tokens - result.shown;
  json["output"] = {result.out_rows, result.out_columns};
  json["digest"] = fmt::format("{:016x}", result.digest);
  json["wall_s"] = result.wall_s;
  json["load_s"] = result.load_s;
  json["rss_bytes"] = result.rss_bytes;
  json["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : result.rows) json["rows"].push_back(json_of(row));
  if (!result.similarity.empty()) json["similarity"] = result.similarity;
  return json.dump(2) + "\n";
}

}  // namespace roundtrip
