#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/command/compiled.h"
#include "tests/command/npy.h"

namespace tests {
namespace {

const Schema residual_schema{{"schema", "u"}, {"limbs", "u"}, {"packet_words", "u"}, {"reading", "a"}, {"layer", "u"},     {"label", "s"},
                             {"tokens", "u"}, {"width", "u"}, {"limb_bits", "u"},    {"columns", "a"}, {"variables", "a"}, {"memory", "a"}};

class Dump : public Compile {
 protected:
  /// Runs a compile with both dumps, on one rank and on three, which must be alike.
  Json dumped(const std::string& arguments) const {
    std::filesystem::remove_all(folder / "a");
    std::filesystem::remove_all(folder / "r");
    const auto json = compiled(arguments + " --dump-attention a --dump-residual r");
    EXPECT_EQ(compiled(arguments + " --dump-attention deep/a --dump-residual deep/r", 3)["digest"], json["digest"]);
    for (const auto* kind : {"a", "r"}) {
      const auto one = files(kind);
      const auto three = files(std::string("deep/") + kind);
      EXPECT_EQ(one.size(), three.size());
      for (const auto& name : one) EXPECT_TRUE(read(kind + ("/" + name)) == read("deep/" + (kind + ("/" + name)))) << name;
    }
    std::filesystem::remove_all(folder / "deep");
    return json;
  }

  std::set<std::string> files(const std::string& name) const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder / name)) names.insert(entry.path().filename());
    return names;
  }

  static std::string name(const char* kind, std::uint64_t layer) {
    return std::string(kind) + "/layer_" + (layer < 10 ? "0" : "") + std::to_string(layer);
  }
  Npy messages(std::uint64_t layer) const { return read_npy(read(name("a", layer) + "_messages.npy")); }
  Npy attention(std::uint64_t layer, std::uint64_t head) const {
    return read_npy(read(name("a", layer) + "_head_" + (head < 10 ? "0" : "") + std::to_string(head) + ".npy"));
  }
  Npy residual(std::uint64_t layer) const { return read_npy(read(name("r", layer) + ".npy")); }
  Json columns(std::uint64_t layer) const { return Json::parse(read(name("r", layer) + ".json"), nullptr, false); }

  /// Messages of every round, by the ledger of a run.
  std::vector<double> ledger(const std::string& arguments) const {
    const auto ended = roundtrip("run " + arguments + " --ledger -");
    EXPECT_EQ(ended.code, 0) << ended.err;
    std::vector<std::vector<std::string>> rows;
    for (const auto& line : lines_of(ended.out)) {
      std::istringstream stream(line);
      auto& row = rows.emplace_back();
      for (std::string field; std::getline(stream, field, ',');) row.push_back(field);
    }
    std::vector<double> counts;
    const auto column = static_cast<std::size_t>(std::ranges::find(rows.at(0), "messages") - rows.at(0).begin());
    for (std::size_t i = 1; i < rows.size(); ++i) counts.push_back(std::stod(rows[i].at(column)));
    return counts;
  }

  /// The words of a machine's variables after a layer.
  static std::map<std::uint64_t, std::vector<std::uint64_t>> memory(const Json& json, const Npy& matrix, std::uint64_t machine) {
    std::map<std::uint64_t, std::uint64_t> words;
    for (std::size_t c = 0; c < json["columns"].size(); ++c) {
      const auto& column = json["columns"][c];
      if (column["what"] != "memory") continue;
      const auto limb = matrix.at(machine, c);
      EXPECT_EQ(limb, std::floor(limb));
      EXPECT_GE(limb, 0);
      EXPECT_LT(limb, std::exp2(json["limb_bits"].get<double>()));
      words[column["word"]] |= static_cast<std::uint64_t>(limb) << (column["limb"].get<unsigned>() * json["limb_bits"].get<unsigned>());
    }
    std::map<std::uint64_t, std::vector<std::uint64_t>> variables;
    for (const auto& place : json["memory"]) {
      if (place["machine"] != machine) continue;
      auto& variable = variables[place["variable"]];
      EXPECT_TRUE(variable.empty());
      for (std::uint64_t k = 0; k < place["words"]; ++k) {
        const auto word = place["first_word"].get<std::uint64_t>() + k;
        variable.push_back(words.contains(word) ? words[word] : 0);  // a column that is 0 for all machines is left out
        words.erase(word);
      }
    }
    for (const auto& [word, value] : words) EXPECT_EQ(value, 0U) << "word " << word << " belongs to no variable";
    return variables;
  }

  void expect_attention(const Json& json, const std::vector<double>& rounds) const;
  void expect_residual(const Json& json) const;
};

/// A token attends to exactly those that sent to it, and to the start token, all alike.
void Dump::expect_attention(const Json& json, const std::vector<double>& rounds) const {
  const auto tokens = json["tokens"].get<std::size_t>();
  const auto machines = json["machines"].get<std::size_t>();
  const auto layers = json["layers"].get<std::uint64_t>();
  const bool slots = json["routing"] == "slots";
  ASSERT_EQ(rounds.size(), json["rounds"].get<std::size_t>());
  std::size_t expected_files = 0;
  for (std::uint64_t layer = 1; layer <= layers; ++layer) {
    SCOPED_TRACE(testing::Message() << "layer " << layer);
    const auto sent = messages(layer);
    EXPECT_EQ(sent.type, "<u8");
    ASSERT_EQ(sent.rows, tokens);
    ASSERT_EQ(sent.columns, tokens);
    double all = 0;
    for (std::size_t i = 0; i < tokens; ++i) {
      for (std::size_t j = 0; j < tokens; ++j) {
        all += sent.at(i, j);
        if (j >= machines || (layer > 1 && i >= machines)) {
          EXPECT_EQ(sent.at(i, j), 0) << i << " " << j;
        }
      }
    }
    EXPECT_EQ(all, layer == 1 ? json["input_words"].get<double>() : rounds[layer - 2]);

    const auto heads = json["certificate"]["layers"][layer - 1]["heads"].get<std::uint64_t>();
    expected_files += 1 + heads;
    std::map<std::pair<std::size_t, std::size_t>, double> seen;  // (sender, receiver): heads in which it is attended to
    for (std::uint64_t head = 0; head < heads; ++head) {
      const auto weights = attention(layer, head);
      EXPECT_EQ(weights.type, json["certificate"]["dtype"] == "f32" ? "<f4" : "<f8");
      ASSERT_EQ(weights.rows, tokens);
      ASSERT_EQ(weights.columns, tokens + 1);
      for (std::size_t j = 0; j < tokens; ++j) {
        std::size_t senders = 0;
        double sum = weights.at(j, tokens);
        for (std::size_t i = 0; i < tokens; ++i) {
          sum += weights.at(j, i);
          if (weights.at(j, i) == 0) continue;
          ++senders;
          ++seen[{i, j}];
        }
        const auto equal = 1 / static_cast<double>(senders + 1);
        const auto share = weights.type == "<f4" ? static_cast<double>(static_cast<float>(equal)) : equal;
        EXPECT_EQ(weights.at(j, tokens), share) << "token " << j;
        for (std::size_t i = 0; i < tokens; ++i) {
          if (weights.at(j, i) != 0) {
            EXPECT_EQ(weights.at(j, i), share) << i << " to " << j;
          }
        }
        EXPECT_NEAR(sum, 1, 1e-6);
        if (slots && layer > 1) {
          EXPECT_LE(senders, 1U) << "token " << j << ", head " << head;
        }
      }
    }
    for (std::size_t i = 0; i < tokens; ++i) {
      for (std::size_t j = 0; j < tokens; ++j) {
        const bool attended = seen.contains({i, j});
        EXPECT_EQ(attended, sent.at(i, j) != 0) << i << " to " << j;
        // With slots every packet, here a message, has a head of its own.
        if (slots && layer > 1 && attended) {
          EXPECT_EQ((seen[{i, j}]), sent.at(i, j)) << i << " to " << j;
        }
      }
    }
  }
  EXPECT_EQ(files("a").size(), expected_files);
}

/// Every column is named and used, memory and messages are read back from the columns.
void Dump::expect_residual(const Json& json) const {
  const auto tokens = json["tokens"].get<std::size_t>();
  const auto machines = json["machines"].get<std::uint64_t>();
  const auto layers = json["layers"].get<std::uint64_t>();
  EXPECT_EQ(files("r").size(), 2 * layers);
  for (std::uint64_t layer = 1; layer <= layers; ++layer) {
    SCOPED_TRACE(testing::Message() << "layer " << layer);
    const auto names = columns(layer);
    expect_schema(names, residual_schema);
    if (testing::Test::HasFatalFailure()) return;
    const auto& proof = json["certificate"]["layers"][layer - 1];
    EXPECT_EQ(names["layer"], layer);
    EXPECT_EQ(names["label"], proof["label"]);
    EXPECT_EQ(names["tokens"], tokens);
    EXPECT_EQ(names["width"], proof["width_formula"]);
    EXPECT_EQ(names["limb_bits"], proof["limb_bits"]);
    const auto matrix = residual(layer);
    ASSERT_EQ(matrix.rows, tokens);
    ASSERT_EQ(matrix.columns, names["columns"].size());
    EXPECT_EQ(matrix.type, json["certificate"]["dtype"] == "f32" ? "<f4" : "<f8");

    std::uint64_t next = 0;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::map<std::string, std::size_t>> slots;  // (head, slot): its columns
    for (std::size_t c = 0; c < matrix.columns; ++c) {
      const auto& column = names["columns"][c];
      const auto at = column["residual_column"].get<std::uint64_t>();
      EXPECT_GE(at, next) << "columns ascend";
      next = at + 1;
      EXPECT_LT(at, proof["width"]);
      bool used = false;
      for (std::size_t token = 0; token < tokens; ++token) {
        const auto value = matrix.at(token, c);
        EXPECT_TRUE(std::isfinite(value));
        used = used || value != 0;
        if (column["what"] != "attention" && token >= machines) {
          EXPECT_EQ(value, 0) << "token " << token << " is no machine";
        }
      }
      EXPECT_TRUE(used) << column;
      if (column["what"] == "attention") {
        const auto field = column.contains("field") ? column["field"].get<std::string>()
                                                    : "word " + column["word"].dump() + " limb " + column["limb"].dump();
        EXPECT_TRUE((slots[{column["head"], column["slot"]}].emplace(field, c).second)) << column;
        EXPECT_LT(column["head"], proof["heads"]);
        EXPECT_LT(column["slot"], proof["slots"]);
      } else if (column["what"] == "memory") {
        EXPECT_EQ(at, 1 + column["word"].get<std::uint64_t>() * proof["limbs"].get<std::uint64_t>() + column["limb"].get<std::uint64_t>());
        EXPECT_LT(column["limb"], proof["limbs"]);
        EXPECT_LT(column["word"], json["words"]);
      } else {
        EXPECT_EQ(column["what"], "asleep");
        EXPECT_EQ(at, 0U);
      }
    }
    ASSERT_TRUE((slots.contains({0, 0})));
    EXPECT_EQ((slots[{0, 0}].size()), 1U);

    // Memory: every word has at most p bits and a variable; the words of a machine stand one after the other.
    for (std::uint64_t machine = 0; machine < machines; ++machine) {
      std::uint64_t first = 0;
      for (const auto& place : names["memory"]) {
        if (place["machine"] != machine) continue;
        EXPECT_EQ(place["first_word"], first);
        EXPECT_LT(place["variable"], names["variables"].size());
        EXPECT_GT(place["words"], 0);
        first += place["words"].get<std::uint64_t>();
      }
      EXPECT_LE(first, json["words"]);
      for (const auto& [variable, words] : memory(names, matrix, machine)) {
        for (const auto word : words) EXPECT_EQ(word >> json["word_bits"].get<unsigned>(), 0U) << variable;
      }
    }

    // What a machine reads is what was sent to it: a packet alone in a slot reads 1.
    if (proof["routing"] != "superimposed") continue;
    const auto sent = messages(layer);
    for (std::uint64_t machine = 0; machine < machines; ++machine) {
      const auto start = slots[{0, 0}].at("share of the start token");
      const auto ties = std::round(1 / matrix.at(machine, start));
      std::map<std::uint64_t, std::set<std::uint64_t>> indices;  // by source
      for (const auto& [slot, fields] : slots) {
        const auto value = [&](const std::string& field) {
          return fields.contains(field) ? std::round(matrix.at(machine, fields.at(field)) * ties) : 0;
        };
        if (slot.second == 0 || value("packets") != 1) continue;
        if (value("destination") != static_cast<double>(machine)) continue;
        const auto index = static_cast<std::uint64_t>(value("2 * index + begins a message"));
        EXPECT_EQ(index % 2, 1U);  // packets of these protocols are messages
        indices[static_cast<std::uint64_t>(value("source"))].insert(index / 2);
      }
      for (std::uint64_t source = 0; source < tokens; ++source) {
        EXPECT_EQ(static_cast<double>(indices[source].size()), sent.at(source, machine)) << source << " to " << machine;
      }
    }
  }
}

TEST_F(Dump, AttentionIsTheMessagesAndColumnsAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases{{two_cycles, ""},
                                                               {"connectivity --graph star:6 --machines 3 --words min", " --dtype f64"},
                                                               {"connectivity --graph path:5 --machines 1 --words min", " --limb-bits 3"},
                                                               {"cycles --graph cycle:5 --machines 12 --words min --variant doubling", ""},
                                                               {"connectivity --graph er:4,0 --machines 3", ""}};
  for (const auto& [problem, options] : cases) {
    SCOPED_TRACE(problem);
    const auto json = dumped(problem + options);
    expect_attention(json, ledger(problem));
    expect_residual(json);
  }
}

TEST_F(Dump, SlotsHaveAHeadForEveryPacket) {
  const std::string arguments = "connectivity --graph path:2 --machines 4 --words min";
  const auto json = dumped(arguments + " --routing slots");
  expect_attention(json, ledger(arguments));
  expect_residual(json);
}

TEST_F(Dump, TheDenseKernelDumpsTheSame) {
  dumped(two_cycles);
  compiled(two_cycles + " --kernel dense --dump-attention dense/a --dump-residual dense/r", 2);
  for (const std::string kind : {"a", "r"}) {
    const auto names = files(kind);
    EXPECT_EQ(names, files("dense/" + kind));
    for (const auto& name : names) EXPECT_TRUE(read(kind + "/" + name) == read("dense/" + kind + "/" + name)) << name;
  }
}

/// Cycles 0-1-2-3 and 4-5-6-7, a vertex a machine. A variable of type CycleVertices: one side pair, no distances, one smallest id.
TEST_F(Dump, TheResidualStreamTellsHowCyclesAreFound) {
  const auto json = compiled(two_cycles + " --dump-attention a --dump-residual r", 2);
  // The first layer brings machine j the j-th edge.
  const std::vector<std::pair<double, double>> edges{{0, 1}, {0, 3}, {1, 2}, {2, 3}, {4, 5}, {4, 7}, {5, 6}, {6, 7}};
  const auto input = residual(1);
  const auto dealt = columns(1);
  EXPECT_TRUE(dealt["memory"].empty());
  std::map<std::uint64_t, std::size_t> column;  // by slot
  for (std::size_t c = 0; c < input.columns; ++c) column[dealt["columns"][c]["slot"]] = c;
  ASSERT_EQ(column.size(), 3U);
  for (std::size_t machine = 0; machine < 8; ++machine) {
    EXPECT_EQ(input.at(machine, column[0]), static_cast<double>(1 / 3.0F));
    EXPECT_EQ(std::round(input.at(machine, column[1]) * 3), edges[machine].first);
    EXPECT_EQ(std::round(input.at(machine, column[2]) * 3), edges[machine].second);
  }
  for (std::size_t token = 8; token < 16; ++token) EXPECT_EQ(input.at(token, column[0]), 1);

  std::map<std::uint64_t, std::uint64_t> vertex;  // of a machine
  for (std::uint64_t machine = 0; machine < 8; ++machine) {
    // Before anything was doubled the smallest id in the window is the vertex.
    const auto kept = memory(columns(3), residual(3), machine).at(0);
    ASSERT_EQ(kept.size(), 5U);
    vertex[machine] = kept[4];
  }
  std::set<std::uint64_t> owned;
  for (const auto& [machine, v] : vertex) owned.insert(v);
  EXPECT_EQ(owned, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7}));
  const auto along = [](std::uint64_t v, std::uint64_t steps) { return v / 4 * 4 + (v + steps) % 4; };
  for (std::uint64_t layer = 3; layer <= json["layers"]; ++layer) {
    SCOPED_TRACE(testing::Message() << "layer " << layer);
    const auto names = columns(layer);
    const auto matrix = residual(layer);
    EXPECT_EQ(names["variables"].at(0), "protocols::CycleVertices");
    const auto distance = std::uint64_t{1} << std::min<std::uint64_t>(layer - 3, 3);
    for (const auto& [machine, v] : vertex) {
      SCOPED_TRACE(testing::Message() << "machine " << machine << ", vertex " << v);
      const auto kept = memory(names, matrix, machine).at(0);
      ASSERT_EQ(kept.size(), 5U);
      EXPECT_EQ(kept[0], 1U);
      const auto sides = std::minmax({kept[1] >> 4, kept[1] & 15});
      const auto expected = std::minmax({along(v, distance), along(v, 4 * distance - distance)});
      EXPECT_EQ(sides.first, expected.first);
      EXPECT_EQ(sides.second, expected.second);
      EXPECT_EQ(kept[2], 0U);
      EXPECT_EQ(kept[3], 1U);
      auto smallest = v;
      for (std::uint64_t step = 1; step < distance; ++step) smallest = std::min({smallest, along(v, step), along(v, 4 * step - step)});
      EXPECT_EQ(kept[4], smallest);
    }
  }
}

TEST_F(Dump, ALargeMatrixIsRefusedBeforeTheRun) {
  expect_refused(roundtrip("compile connectivity --graph path:2 --words min --machines 16384 --dump-attention a", 2), 2,
                 "an attention matrix would have 16,384 x 16,385 cells; expected at most 2^28");
  EXPECT_FALSE(exists("a"));
}

}  // namespace
}  // namespace tests
