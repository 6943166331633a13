#include "bench/command/layer_dump.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "protocols/graph/text_sink.h"

#include "transformer_bridge/formats/npy.h"

#include "bench/command/text.h"

namespace roundtrip {
namespace {

/// How to read a residual row, for those who have the files alone.
const std::vector<std::string> reading{
    "Row t is token t; token i below the number of machines is machine i. Columns that are 0 in every row are left out.",
    "A word is its limbs put together: the sum of limb i times 2^(i * limb_bits).",
    "memory: what the machine kept when the layer's round ended, before it read the messages of that round; 'memory' says which words "
    "belong "
    "to which variable, and a variable's words are what its serialize() writes.",
    "attention: averages over the senders and the start token. An integer is the value divided by the row's share of the start token, "
    "rounded.",
    "A slot holds a packet if its 'packets' reads 1, and the packet is the machine's if its 'destination' is (routing superimposed); other "
    "slots "
    "hold packets of other machines, or several. A packet stands in many slots: take it once by source and index.",
    "routing input, the first layer: slot 1 + k holds the k-th input word that was dealt to the machine."};

/// Most cells of a matrix that is written whole.
constexpr double most_cells = 0x1p28;

void refuse_large(const std::string& what, std::uint64_t rows, std::uint64_t columns) {
  if (static_cast<double>(rows) * static_cast<double>(columns) <= most_cells) return;
  throw mpc::UsageError(
      fmt::format("{} would have {} x {} cells; expected at most 2^28: dump a smaller run", what, grouped(rows), grouped(columns)));
}

void write_matrix(const std::string& path, const std::vector<double>& cells, std::uint64_t rows, std::uint64_t columns,
                  bridge::NumberType type) {
  const std::vector<std::size_t> shape{rows, columns};
  if (type == bridge::NumberType::f64) return bridge::write_npy<double>(path, cells, shape);
  std::vector<float> singles;
  singles.reserve(cells.size());
  for (const auto cell : cells) singles.push_back(static_cast<float>(cell));
  bridge::write_npy<float>(path, singles, shape);
}

void make_folder(const std::string& path, mpc::Ranks& ranks) {
  if (path.empty()) return;
  mpc::together(ranks, [&] {
    if (ranks.rank() != 0) return;
    std::error_code error;
    if (std::filesystem::is_directory(path, error) && !std::filesystem::is_empty(path, error)) {
      throw mpc::UsageError(fmt::format("{}: this folder is not empty; expected a new one for the dump", path));
    }
    std::filesystem::create_directories(path, error);
    if (error) throw mpc::Fault(fmt::format("{}: cannot make this folder: {}", path, error.message()));
  });
}

}  // namespace

LayerDump::LayerDump(std::string attention, std::string residual, const mpc::Model& model, const bridge::LockstepOptions& options,
                     std::uint64_t input_words, mpc::Ranks& ranks)
    : attention_(std::move(attention)),
      residual_(std::move(residual)),
      tokens_(std::max(model.machines, input_words)),
      type_(options.type),
      columns_(model.memory.count, bridge::routing_task(model, options).limbs()),
      ranks_(ranks) {
  if (!attention_.empty()) refuse_large("an attention matrix", tokens_, tokens_ + 1);
  make_folder(attention_, ranks);
  make_folder(residual_, ranks);
}

void LayerDump::write(const bridge::LayerRecord& record) {
  if (!attention_.empty()) write_attention(record);
  if (!residual_.empty()) write_residual(record);
}

void LayerDump::write_attention(const bridge::LayerRecord& record) {
  std::vector<std::uint64_t> words;
  for (const auto& [head, token, key, weight] : record.weights)
    words.insert(words.end(), {head, token, key, std::bit_cast<std::uint64_t>(weight)});
  const auto weights = ranks_.gather(words);
  words.clear();
  for (const auto& [source, destination, messages] : record.sent) words.insert(words.end(), {source, destination, messages});
  const auto sent = ranks_.gather(words);
  mpc::together(ranks_, [&] {
    if (ranks_.rank() != 0) return;
    for (std::uint64_t head = 0; head < record.shape->heads; ++head) {
      std::vector<double> matrix(tokens_ * (tokens_ + 1), 0);
      for (std::size_t i = 0; i < weights.size(); i += 4) {
        if (weights[i] == head) matrix[weights[i + 1] * (tokens_ + 1) + weights[i + 2]] = std::bit_cast<double>(weights[i + 3]);
      }
      write_matrix(fmt::format("{}/layer_{:02}_head_{:02}.npy", attention_, record.layer, head), matrix, tokens_, tokens_ + 1, type_);
    }
    std::vector<std::uint64_t> messages(tokens_ * tokens_, 0);
    for (std::size_t i = 0; i < sent.size(); i += 3) messages[sent[i] * tokens_ + sent[i + 1]] += sent[i + 2];
    bridge::write_npy<std::uint64_t>(fmt::format("{}/layer_{:02}_messages.npy", attention_, record.layer), messages, {tokens_, tokens_});
  });
}

void LayerDump::write_residual(const bridge::LayerRecord& record) {
  std::vector<std::uint64_t> words;
  for (const auto& [token, column, value] : record.residual)
    words.insert(words.end(), {token, column, std::bit_cast<std::uint64_t>(value)});
  const auto cells = ranks_.gather(words);
  words.clear();
  for (const auto& [machine, variable, first, count] : record.memory) words.insert(words.end(), {machine, variable, first, count});
  const auto memory = ranks_.gather(words);
  mpc::together(ranks_, [&] {
    if (ranks_.rank() != 0) return;
    std::vector<std::uint64_t> used;
    for (std::size_t i = 0; i < cells.size(); i += 3) used.push_back(cells[i + 1]);
    std::ranges::sort(used);
    const auto repeated = std::ranges::unique(used);
    used.erase(repeated.begin(), repeated.end());
    refuse_large(fmt::format("the residual stream after layer {}", record.layer), tokens_, used.size());
    std::vector<double> matrix(tokens_ * used.size(), 0);
    for (std::size_t i = 0; i < cells.size(); i += 3) {
      const auto column = static_cast<std::size_t>(std::ranges::lower_bound(used, cells[i + 1]) - used.begin());
      matrix[cells[i] * used.size() + column] = std::bit_cast<double>(cells[i + 2]);
    }
    const auto name = fmt::format("{}/layer_{:02}", residual_, record.layer);
    write_matrix(name + ".npy", matrix, tokens_, used.size(), type_);

    const auto& shape = *record.shape;
    const auto limbs = shape.task.limbs();
    nlohmann::ordered_json json;
    json["schema"] = 1;
    json["layer"] = record.layer;
    json["label"] = record.label;
    json["tokens"] = tokens_;
    json["width"] = columns_.width(shape);
    json["limbs"] = limbs.count();
    json["limb_bits"] = limbs.bits();
    json["packet_words"] = shape.task.packet_words;
    json["reading"] = reading;
    json["columns"] = nlohmann::ordered_json::array();
    for (const auto column : used) {
      nlohmann::ordered_json entry{{"residual_column", column}};
      if (column == bridge::ResidualColumns::asleep) {
        entry["what"] = "asleep";
      } else if (const auto place = columns_.memory_column(column)) {
        entry["what"] = "memory";
        entry["word"] = place->word;
        entry["limb"] = place->limb;
      } else {
        const auto at = column - columns_.attention();
        const auto slot = at / shape.slot_columns;
        const auto field = at % shape.slot_columns;
        entry["what"] = "attention";
        entry["head"] = slot / shape.slots;
        entry["slot"] = slot % shape.slots;
        if (slot % shape.slots == 0) {
          entry["field"] = "share of the start token";
        } else if (field < shape.fields.size()) {
          entry["field"] = shape.fields[field];
        } else {
          entry["word"] = (field - shape.fields.size()) / limbs.count();
          entry["limb"] = (field - shape.fields.size()) % limbs.count();
        }
      }
      json["columns"].push_back(std::move(entry));
    }
    json["variables"] = record.types;
    // The word k of a variable on a machine stands in memory word first_word + k of that machine's row.
    json["memory"] = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < memory.size(); i += 4) {
      if (memory[i + 3] == 0) continue;
      json["memory"].push_back(
          {{"machine", memory[i]}, {"variable", memory[i + 1]}, {"first_word", memory[i + 2]}, {"words", memory[i + 3]}});
    }
    protocols::TextSink sink(name + ".json");
    sink.write(json.dump() + "\n");
    sink.close();
  });
}

}  // namespace roundtrip
