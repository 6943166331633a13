#include "bench/command/weights_report.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/command/fact_json.h"
#include "bench/command/revision.h"
#include "bench/command/text.h"

namespace roundtrip {
namespace {

using Json = nlohmann::ordered_json;

std::size_t heads_of(const bridge::CompiledModel& model) {
  std::size_t heads = 0;
  for (const auto& layer : model.heads) heads += layer.size();
  return heads;
}

double share(std::size_t part, std::size_t whole) { return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole); }

}  // namespace

std::string model_report(const WeightsSubject& subject, const bridge::WeightsCertificate& certificate) {
  const auto& model = subject.model;
  const auto& transformer = model.transformer;
  const auto number = bridge::facts(certificate.type);
  const auto parameters = transformer.parameters();
  auto text = fmt::format("{}, in weights\n{}", subject.title, subject.lines);
  text += fmt::format("\nlayers     {}, {} heads in all, width {}\n", transformer.layers().size(), heads_of(model), transformer.width());
  text += fmt::format("tokens     {}{}\n", grouped(subject.x.rows()),
                      model.any_length ? fmt::format("; the same weights take any number up to {}", grouped(transformer.tokens())) : "");
  text += fmt::format("weights    {}, {:.2f} % of them not 0; no oracle: nothing but matrices and ReLU\n", grouped(parameters),
                      share(model.nonzero(), parameters));
  text += fmt::format("exact      in {}, by proof: margin {} of {} needed, numbers up to {} of {:.0f}\n", number.name, certificate.margin,
                      certificate.vanishing, certificate.largest_number, certificate.largest_exact);
  text += fmt::format("source     {}, a hash of what it was made of\n", model.source_hash());
  return text;
}

std::string text_report(const WeightsSubject& subject, const WeightsResult& result) {
  auto text = model_report(subject, result.certificate);
  text += fmt::format("time       {:.3f} s, kernel {} on {}; compiled in {:.3f} s\n", result.run.wall_s, result.kernel, result.run.device,
                      result.compile_s);
  if (result.run.routed) {
    const auto& counts = result.run.routed->attention;
    text += fmt::format("           {} queries, {} different, {} keys looked at, {} rows without a proof (computed densely)\n",
                        grouped(counts.queries), grouped(counts.distinct), grouped(counts.matches), grouped(counts.fallbacks));
  }
  for (const auto& [name, fact] : result.reading.answer) text += fmt::format("answer     {}: {}\n", name, for_people(fact));
  switch (result.reading.verdict) {
    case Verdict::verified: text += "verified   yes, by a serial oracle\n"; break;
    case Verdict::wrong: text += fmt::format("verified   NO: {}\n", result.reading.wrong); break;
    case Verdict::skipped: text += "verified   not checked (--no-verify)\n"; break;
  }
  if (!result.reading.advice.empty()) text += fmt::format("           {}\n", result.reading.advice);
  if (result.layers_compared) {
    text += result.difference ? fmt::format("memory     DIFFERS from the run on messages: {}\n", *result.difference)
                              : fmt::format("memory     after each of {} layers what the rows hold is what the machines keep on messages\n",
                                            *result.layers_compared);
  }
  if (!result.layers_compared && !result.not_compared.empty()) {
    text += fmt::format("memory     not compared with the run on messages after every layer ({})\n", result.not_compared);
  }
  return text + result.files;
}

std::string json_report(const WeightsSubject& subject, const WeightsResult& result) {
  const auto& model = subject.model;
  const auto& certificate = result.certificate;
  Json json;
  json["schema"] = 1;
  json["git"] = revision();
  for (const auto& [name, fact] : subject.facts) json[name] = json_of(fact);
  json["layers"] = model.transformer.layers().size();
  json["heads"] = heads_of(model);
  json["width"] = model.transformer.width();
  json["tokens"] = subject.x.rows();
  json["parameters"] = model.transformer.parameters();
  json["nonzero"] = model.nonzero();
  json["oracle"] = model.transformer.has_oracle();
  json["source_hash"] = model.source_hash();
  json["certificate"] = {{"exact", certificate.exact},
                         {"dtype", certificate.type == bridge::NumberType::f32 ? "f32" : "f64"},
                         {"margin", finite(certificate.margin)},
                         {"vanishing", certificate.vanishing},
                         {"largest_number", certificate.largest_number},
                         {"largest_exact", certificate.largest_exact}};
  json["kernel"] = result.kernel;
  Json answer = Json::object();
  for (const auto& [name, fact] : result.reading.answer) answer[name] = json_of(fact);
  json["answer"] = std::move(answer);
  json["verified"] = result.reading.verdict == Verdict::skipped ? Json(nullptr) : Json(result.reading.verdict == Verdict::verified);
  json["wrong"] = result.reading.wrong.empty() ? Json(nullptr) : Json(result.reading.wrong);
  json["advice"] = result.reading.advice.empty() ? Json(nullptr) : Json(result.reading.advice);
  json["layers_compared"] = result.layers_compared ? Json(*result.layers_compared) : Json(nullptr);
  json["difference"] = result.difference ? Json(*result.difference) : Json(nullptr);
  if (result.run.routed) {
    const auto& counts = result.run.routed->attention;
    json["routed"] = {{"queries", counts.queries},
                      {"distinct", counts.distinct},
                      {"matches", counts.matches},
                      {"fallbacks", counts.fallbacks},
                      {"row_s", result.run.routed->row_seconds},
                      {"attention_s", result.run.routed->attention_seconds}};
  }
  json["compile_s"] = result.compile_s;
  json["wall_s"] = result.run.wall_s;
  return text_of(json) + "\n";
}

}  // namespace roundtrip
