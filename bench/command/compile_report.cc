#include "bench/command/compile_report.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "transformer_bridge/compile/theorem.h"

#include "bench/command/fact_json.h"
#include "bench/command/revision.h"
#include "bench/command/text.h"

namespace roundtrip {
namespace {

using Json = nlohmann::ordered_json;

std::string problem_lines(const Problem& problem, int ranks) {
  const auto& model = problem.model;
  return problem.input->line() + fmt::format("  N = {} input words, s = {} words of {} bits, q = {} machines; {} rank{}, seed {}\n\n",
                                             grouped(model.input_words), grouped(model.memory.count), model.word_bits,
                                             grouped(model.machines), ranks, ranks == 1 ? "" : "s", model.seed);
}

}  // namespace

std::string certificate_table(const bridge::Certificate& certificate) {
  struct Kind {
    const bridge::LayerCertificate* first;
    std::uint64_t layers = 0, ties = 0;
    double margin = 0;
  };
  std::vector<Kind> kinds;
  for (const auto& layer : certificate.layers) {
    auto it = std::ranges::find_if(kinds, [&](const Kind& kind) {
      return kind.first->label == layer.label && kind.first->shape.task.packet_words == layer.shape.task.packet_words;
    });
    if (it == kinds.end()) it = kinds.insert(kinds.end(), Kind{&layer, 0, 0, layer.measured_margin});
    ++it->layers;
    it->ties = std::max(it->ties, layer.measured_ties);
    it->margin = std::min(it->margin, layer.measured_margin);
  }
  const char* columns = "{:<22} {:>6} {:>6} {:>4} {:>6} {:>12} | {:>6} {:>5} {:>4} {:>5} {:>10} {:>6} {:>6}\n";
  std::string text = fmt::format(fmt::runtime(columns), "layers by round", "layers", "packet", "B", "key", "slots", "margin", "seen", "T",
                                 "T*m", "largest", "tie", "seen");
  for (const auto& [first, layers, ties, margin] : kinds) {
    const auto& shape = first->shape;
    text +=
        fmt::format(fmt::runtime(columns), first->label, layers, shape.task.packet_words,
                    shape.routing == "input" ? shape.slots - 1 : shape.task.packets(), shape.key_width, grouped(shape.slots), shape.margin,
                    std::isfinite(margin) ? fmt::format("{}", margin) : "-", shape.temperature, shape.margin * shape.temperature,
                    grouped(shape.largest_integer), fmt::format("1/{}", shape.most_tied), fmt::format("1/{}", ties));
  }
  text +=
      "packet: words; B: packets a machine; margin: smallest gap to a logit that must vanish, by construction and as seen; T: "
      "temperature;\n"
      "largest: integer read from an average; tie: smallest share of an average, by construction and as seen\n";
  return text;
}

std::string text_report(const CompileResult& result, const Problem& problem, const CompileOptions& options) {
  const auto& certificate = result.certificate;
  const auto number = bridge::facts(certificate.type);
  const auto rounds = result.ledger.rounds.size();
  const auto theorem = bridge::theorem_width(problem.model.memory.count, certificate.tokens);
  std::string text =
      fmt::format("{} ({}) on {}, as a transformer\n", problem.protocol.about.name, problem.variant.name, problem.input->name());
  text += problem_lines(problem, result.ranks);
  text += fmt::format(
      "layers     L = {} = R + 1, R = {} rounds (at most {} declared{}); L/R = {}\n", result.layers(), rounds, result.bounds.rounds,
      result.within_bounds() ? "" : ", EXCEEDED",
      rounds == 0 ? std::string("-") : fmt::format("{:.2f}", static_cast<double>(result.layers()) / static_cast<double>(rounds)));
  text += fmt::format("tokens     {} = max(N, q), and a start token\n", grouped(certificate.tokens));
  text += fmt::format("heads      H = {}, routing {}, keys of {} columns\n", certificate.heads(), options.transformer.routing,
                      grouped(certificate.key_width()));
  text += fmt::format(
      "width      {} columns by the formula, {} in use; 96 s^4 ln N of the theorem: {:.3g}, less than N only for N > {:.3g}\n",
      grouped(certificate.width()), grouped(certificate.measured_width()), theorem, bridge::theorem_threshold(problem.model.memory.count));
  text += "           its row functions are Oracles, the protocol's own steps: it cannot be exported as weights\n";
  text += fmt::format("exact      in {}, by proof: temperature * margin >= {}, integers up to {}\n\n", number.name, number.vanishing,
                      grouped(bridge::largest_readable(certificate.type)));
  text += certificate_table(certificate);
  const auto seconds = result.ledger.seconds();
  const auto& layers = result.layer_seconds;
  text += fmt::format(
      "\ntime       {:.3f} s, kernel {}: steps {:.3f}, writing rows {:.3f}, gathering keys and values {:.3f}, attention {:.3f}, reading "
      "rows {:.3f}\n",
      result.wall_s, options.transformer.kernel_name(), seconds.compute, seconds.pack + layers.encode, layers.gather, layers.attention,
      seconds.unpack + layers.decode);
  text += fmt::format("           loading {:.3f} s; memory {} MiB\n", problem.load_s, grouped(result.rss_bytes >> 20));
  text += fmt::format("answer     {}: {}\n", problem.protocol.about.answer, for_people(problem.input->shown(result.answer.value)));
  switch (result.verdict) {
    case Verdict::verified: text += "verified   yes, by a serial oracle"; break;
    case Verdict::wrong: text += fmt::format("verified   NO: the serial oracle finds {}", for_people(result.expected)); break;
    case Verdict::skipped: text += "verified   not checked (--no-verify)"; break;
  }
  text += fmt::format("; digest {:016x}\n", result.ledger.digest());
  if (!result.compared) return text + "memory     not compared with a run on messages (--no-verify)\n";
  if (result.difference) return text + fmt::format("memory     DIFFERS from the run on messages: {}\n", *result.difference);
  return text + "memory     of every machine after every round: the same words as in the run on messages\n";
}

std::string json_report(const CompileResult& result, const Problem& problem, const CompileOptions& options) {
  const auto& model = problem.model;
  const auto& certificate = result.certificate;
  const auto seconds = result.ledger.seconds();
  Json json;
  json["schema"] = 1;
  json["git"] = revision();
  json["protocol"] = problem.protocol.about.name;
  json["variant"] = problem.variant.name;
  for (const auto& [name, fact] : problem.input->facts()) json[name] = json_of(fact);
  json["input_words"] = model.input_words;
  json["machines"] = model.machines;
  json["words"] = model.memory.count;
  json["word_bits"] = model.word_bits;
  json["ranks"] = result.ranks;
  json["seed"] = model.seed;
  json["routing"] = options.transformer.routing;
  json["kernel"] = options.transformer.kernel_name();
  json["rounds"] = result.ledger.rounds.size();
  json["rounds_declared"] = result.bounds.rounds;
  json["layers"] = result.layers();
  json["tokens"] = certificate.tokens;
  json["heads"] = certificate.heads();
  json["width"] = certificate.measured_width();
  json["width_formula"] = certificate.width();
  json["width_theorem"] = bridge::theorem_width(model.memory.count, certificate.tokens);
  json["tokens_theorem"] = bridge::theorem_threshold(model.memory.count);
  json["key_width"] = certificate.key_width();
  json["oracle"] = true;
  json["answer"] = {{problem.protocol.about.answer, json_of(problem.input->shown(result.answer.value))}};
  json["retries"] = result.answer.retries;
  json["verified"] = result.verdict == Verdict::skipped ? Json(nullptr) : Json(result.verdict == Verdict::verified);
  json["identical"] = result.compared ? Json(!result.difference) : Json(nullptr);
  json["difference"] = result.difference ? Json(*result.difference) : Json(nullptr);
  json["digest"] = fmt::format("{:016x}", result.ledger.digest());
  Json proof;
  proof["exact"] = true;  // what is not exact was refused
  proof["dtype"] = options.transformer.type_name();
  proof["margin"] = finite(certificate.margin());
  proof["measured_margin"] = finite(certificate.measured_margin());
  proof["layers"] = Json::array();
  for (const auto& layer : certificate.layers) {
    const auto& shape = layer.shape;
    Json row;
    row["layer"] = layer.layer;
    row["label"] = layer.label;
    row["routing"] = shape.routing;
    row["packet_words"] = shape.task.packet_words;
    row["packets"] = shape.task.packets();
    row["limbs"] = shape.task.limbs().count();
    row["limb_bits"] = shape.task.limbs().bits();
    row["heads"] = shape.heads;
    row["key_width"] = shape.key_width;
    row["slots"] = shape.slots;
    row["width"] = layer.measured_width;
    row["width_formula"] = layer.width;
    row["temperature"] = shape.temperature;
    row["margin"] = shape.margin;
    row["measured_margin"] = finite(layer.measured_margin);
    row["largest_integer"] = shape.largest_integer;
    row["largest_exact_integer"] = bridge::largest_readable(certificate.type);
    row["smallest_tie"] = 1.0 / static_cast<double>(shape.most_tied);
    row["measured_tie"] = 1.0 / static_cast<double>(std::max<std::uint64_t>(1, layer.measured_ties));
    proof["layers"].push_back(std::move(row));
  }
  json["certificate"] = std::move(proof);
  json["wall_s"] = result.wall_s;
  json["load_s"] = problem.load_s;
  json["compute_s"] = seconds.compute;
  json["write_s"] = seconds.pack + result.layer_seconds.encode;
  json["gather_s"] = result.layer_seconds.gather;
  json["attention_s"] = result.layer_seconds.attention;
  json["read_s"] = seconds.unpack + result.layer_seconds.decode;
  json["rss_bytes"] = result.rss_bytes;
  return text_of(json) + "\n";
}

std::string prediction(const Problem& problem, const CompileOptions& options, int ranks) {
  const auto lockstep = options.transformer.lockstep();
  const auto& model = problem.model;
  std::string text = fmt::format("{} ({}) as a transformer, dry run\n", problem.protocol.about.name, problem.variant.name);
  text += problem_lines(problem, ranks);
  const auto bounds = problem.bounds(0);
  text += fmt::format("layers     L = at most {} = R + 1, R = at most {} rounds\n", bounds.rounds + 1, bounds.rounds);
  text += fmt::format("tokens     {} = max(N, q), and a start token\n", grouped(std::max(model.input_words, model.machines)));
  text +=
      fmt::format("\n{:<14} {:>6} {:>5} {:>8} {:>15} {:>17} {:>11}\n", "packet words", "B", "H", "key", "slots", "width", "GiB at most");
  for (std::uint64_t words = 1; words <= 4; ++words) {
    const auto task = bridge::routing_task(model, lockstep, words);
    const auto shape = lockstep.routing->shape(task);
    const bridge::ResidualColumns columns(model.memory.count, task.limbs());
    text += fmt::format("{:<14} {:>6} {:>5} {:>8} {:>15} {:>17} {:>11.3f}\n", words, task.packets(), shape.heads, shape.key_width,
                        grouped(shape.slots), grouped(columns.width(shape)), memory_bytes(shape, ranks) * 0x1p-30);
  }
  return text + fmt::format("theorem    96 s^4 ln N = {:.3g} columns\n",
                            bridge::theorem_width(model.memory.count, std::max(model.input_words, model.machines)));
}

}  // namespace roundtrip
