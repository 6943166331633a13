#include "transformer_bridge/formats/hugging_face_model.h"

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "transformer_bridge/transformer/forward.h"

#include "tests/support/temporary_folder.h"
#include "tests/transformer_bridge/random_matrix.h"
#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using tests::refusal;

/// Rows of numbers, as the definitions below compute with them.
using Rows = std::vector<std::vector<double>>;

struct TestTensor {
  std::vector<std::size_t> shape;
  std::vector<double> values;
};

/// Tensors by name, and what the definitions below apply to one row. They go token by token, in double, on the tensors as they are kept.
struct Tensors : std::map<std::string, TestTensor> {
  /// Random ones; gains are near 1.
  void add(const std::string& name, const std::vector<std::size_t>& shape) {
    std::size_t count = 1;
    for (const auto extent : shape) count *= extent;
    auto values = tests::random_vector<double>(count, 1000 + size());
    if (name.ends_with("orm.weight") || name.ends_with("ln_1.weight") || name.ends_with("ln_2.weight") || name.ends_with("ln_f.weight")) {
      for (auto& x : values) x = 1 + x / 4;
    }
    (*this)[name] = {shape, values};
  }
  double operator()(const std::string& name, std::size_t i) const { return at(name).values.at(i); }
  double operator()(const std::string& name, std::size_t i, std::size_t j) const {
    return at(name).values.at(i * at(name).shape.at(1) + j);
  }

  std::vector<double> norm(const std::vector<double>& x, const std::string& name, double epsilon) const {
    double mean = 0, variance = 0;
    for (const auto value : x) mean += value / static_cast<double>(x.size());
    for (const auto value : x) variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
    std::vector<double> y;
    for (std::size_t c = 0; c < x.size(); ++c) {
      y.push_back((x[c] - mean) / std::sqrt(variance + epsilon) * (*this)(name + ".weight", c) + (*this)(name + ".bias", c));
    }
    return y;
  }

  /// Weights [in, out] as GPT-2 keeps them, or [out, in] as BERT does.
  std::vector<double> conv1d(const std::vector<double>& x, const std::string& name) const {
    auto y = at(name + ".bias").values;
    for (std::size_t j = 0; j < y.size(); ++j) {
      for (std::size_t i = 0; i < x.size(); ++i) y[j] += x[i] * (*this)(name + ".weight", i, j);
    }
    return y;
  }
  std::vector<double> linear(const std::vector<double>& x, const std::string& name) const {
    auto y = at(name + ".bias").values;
    for (std::size_t j = 0; j < y.size(); ++j) {
      for (std::size_t i = 0; i < x.size(); ++i) y[j] += (*this)(name + ".weight", j, i) * x[i];
    }
    return y;
  }
};

/// What the token that has `query` gets from the first `seen` tokens, over all heads.
std::vector<double> attend(const std::vector<double>& query, const Rows& keys, const Rows& values, std::size_t seen, std::size_t heads) {
  const auto m = query.size(), k = m / heads;
  std::vector<double> out(m);
  for (std::size_t h = 0; h < heads; ++h) {
    std::vector<double> weight(seen);
    double sum = 0;
    for (std::size_t j = 0; j < seen; ++j) {
      double product = 0;
      for (std::size_t c = h * k; c < (h + 1) * k; ++c) product += query[c] * keys[j][c];
      weight[j] = std::exp(product / std::sqrt(static_cast<double>(k)));
      sum += weight[j];
    }
    for (std::size_t j = 0; j < seen; ++j) {
      for (std::size_t c = h * k; c < (h + 1) * k; ++c) out[c] += weight[j] / sum * values[j][c];
    }
  }
  return out;
}

std::vector<double> sum(std::vector<double> x, const std::vector<double>& y) {
  for (std::size_t c = 0; c < x.size(); ++c) x[c] += y.at(c);
  return x;
}

struct Case {
  std::string config;
  Tensors tensors;
  std::size_t tokens = 0, vocabulary = 0;
  std::function<Rows(const std::vector<std::size_t>&)> expected;
};

// Sizes are all different: one that stands where another should is found.
Case gpt2() {
  constexpr std::size_t V = 11, N = 7, m = 6, H = 2, L = 3, inner = 10;
  Case test{R"({"model_type": "gpt2", "vocab_size": 11, "n_positions": 7, "n_layer": 3, "n_head": 2, "n_embd": 6, "n_inner": 10,
                "layer_norm_epsilon": 0.02})",
            {},
            N,
            V,
            {}};
  auto& t = test.tensors;
  t.add("wte.weight", {V, m});
  t.add("wpe.weight", {N, m});
  const auto affine = [&](const std::string& name, const std::vector<std::size_t>& shape) {
    t.add(name + ".weight", shape);
    t.add(name + ".bias", {shape.back()});
  };
  for (std::size_t l = 0; l < L; ++l) {
    const auto in = fmt::format("h.{}.", l);
    affine(in + "ln_1", {m});
    affine(in + "attn.c_attn", {m, 3 * m});
    affine(in + "attn.c_proj", {m, m});
    affine(in + "ln_2", {m});
    affine(in + "mlp.c_fc", {m, inner});
    affine(in + "mlp.c_proj", {inner, m});
  }
  affine("ln_f", {m});
  test.expected = [t](const std::vector<std::size_t>& ids) {
    Rows x(ids.size(), std::vector<double>(m));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      for (std::size_t c = 0; c < m; ++c) x[i][c] = t("wte.weight", ids[i], c) + t("wpe.weight", i, c);
    }
    for (std::size_t l = 0; l < L; ++l) {
      const auto in = fmt::format("h.{}.", l);
      Rows queries, keys, values;
      for (const auto& row : x) {
        const auto all = t.conv1d(t.norm(row, in + "ln_1", 0.02), in + "attn.c_attn");
        queries.emplace_back(all.begin(), all.begin() + m);
        keys.emplace_back(all.begin() + m, all.begin() + 2 * m);
        values.emplace_back(all.begin() + 2 * m, all.end());
      }
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = sum(x[i], t.conv1d(attend(queries[i], keys, values, i + 1, H), in + "attn.c_proj"));
        auto hidden = t.conv1d(t.norm(x[i], in + "ln_2", 0.02), in + "mlp.c_fc");
        for (auto& z : hidden) z = 0.5 * z * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (z + 0.044715 * z * z * z)));
        x[i] = sum(x[i], t.conv1d(hidden, in + "mlp.c_proj"));
      }
    }
    for (auto& row : x) row = t.norm(row, "ln_f", 0.02);
    return x;
  };
  return test;
}

Case bert() {
  constexpr std::size_t V = 13, N = 5, types = 3, m = 8, H = 4, L = 2, inner = 9;
  Case test{R"({"model_type": "bert", "vocab_size": 13, "max_position_embeddings": 5, "type_vocab_size": 3, "num_hidden_layers": 2,
                "num_attention_heads": 4, "hidden_size": 8, "intermediate_size": 9, "layer_norm_eps": 0.03})",
            {},
            N,
            V,
            {}};
  auto& t = test.tensors;
  t.add("embeddings.word_embeddings.weight", {V, m});
  t.add("embeddings.position_embeddings.weight", {N, m});
  t.add("embeddings.token_type_embeddings.weight", {types, m});
  const auto affine = [&](const std::string& name, const std::vector<std::size_t>& shape) {
    t.add(name + ".weight", shape);
    t.add(name + ".bias", {shape.front()});
  };
  affine("embeddings.LayerNorm", {m});
  for (std::size_t l = 0; l < L; ++l) {
    const auto in = fmt::format("encoder.layer.{}.", l);
    affine(in + "attention.self.query", {m, m});
    affine(in + "attention.self.key", {m, m});
    affine(in + "attention.self.value", {m, m});
    affine(in + "attention.output.dense", {m, m});
    affine(in + "attention.output.LayerNorm", {m});
    affine(in + "intermediate.dense", {inner, m});
    affine(in + "output.dense", {m, inner});
    affine(in + "output.LayerNorm", {m});
  }
  test.expected = [t](const std::vector<std::size_t>& ids) {
    Rows x;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::vector<double> row;
      for (std::size_t c = 0; c < m; ++c) {
        row.push_back(t("embeddings.word_embeddings.weight", ids[i], c) + t("embeddings.position_embeddings.weight", i, c) +
                      t("embeddings.token_type_embeddings.weight", 0, c));
      }
      x.push_back(t.norm(row, "embeddings.LayerNorm", 0.03));
    }
    for (std::size_t l = 0; l < L; ++l) {
      const auto in = fmt::format("encoder.layer.{}.", l);
      Rows keys, values;
      for (const auto& row : x) {
        keys.push_back(t.linear(row, in + "attention.self.key"));
        values.push_back(t.linear(row, in + "attention.self.value"));
      }
      for (auto& row : x) {
        const auto attended = attend(t.linear(row, in + "attention.self.query"), keys, values, keys.size(), H);
        row = t.norm(sum(row, t.linear(attended, in + "attention.output.dense")), in + "attention.output.LayerNorm", 0.03);
        auto hidden = t.linear(row, in + "intermediate.dense");
        for (auto& z : hidden) z = 0.5 * z * (1 + std::erf(z / std::sqrt(2.0)));
        row = t.norm(sum(row, t.linear(hidden, in + "output.dense")), in + "output.LayerNorm", 0.03);
      }
    }
    return x;
  };
  return test;
}

class HuggingFaceModel : public testing::TestWithParam<std::pair<Case (*)(), const char*>> {
 protected:
  /// Writes the tensors as F32 or F64, which holds them exactly either way.
  template <class Stored>
  void write(const Tensors& tensors) const {
    std::map<std::string, std::vector<Stored>> values;
    std::vector<TensorToWrite> list;
    for (const auto& [name, tensor] : tensors) {
      values[name] = std::vector<Stored>(tensor.values.begin(), tensor.values.end());
      list.push_back({name, tensor.shape, std::span<const Stored>(values[name])});
    }
    write_safetensors(path, list);
  }

  template <class Real>
  Transformer<Real> build() const {
    return build_model<Real>(parse_config(test.config, "config.json"), SafetensorsFile(path));
  }

  /// How the model is refused, without the kind and the path.
  std::string refused(const Tensors& tensors) const {
    write<float>(tensors);
    const auto text = refusal([&] { build<float>(); });
    const auto begin = "input: " + path + ": ";
    return text.starts_with(begin) ? text.substr(begin.size()) : text;
  }

  std::vector<std::size_t> ids(std::uint64_t seed) const {
    std::vector<std::size_t> ids;
    for (std::size_t i = 0; i < test.tokens; ++i) ids.push_back(mpc::mix(mpc::mix(seed) + i) % test.vocabulary);
    return ids;
  }

  template <class Real>
  static Matrix<Real> run(const Transformer<Real>& transformer, const std::vector<std::size_t>& ids) {
    Matrix<Real> x(ids.size(), 1);
    for (std::size_t i = 0; i < ids.size(); ++i) x(i, 0) = static_cast<Real>(ids[i]);
    return forward(transformer, x);
  }

  template <class Real>
  void compare(const Transformer<Real>& transformer, double tolerance) const {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const auto expected = test.expected(ids(seed));
      const auto got = run(transformer, ids(seed));
      ASSERT_EQ(got.rows(), expected.size());
      ASSERT_EQ(got.columns(), expected.front().size());
      for (std::size_t i = 0; i < got.rows(); ++i) {
        for (std::size_t c = 0; c < got.columns(); ++c) {
          EXPECT_TRUE(std::abs(static_cast<double>(got(i, c)) - expected[i][c]) <= tolerance) << i << ", " << c << ": " << got(i, c);
        }
      }
    }
  }

  const Case test = GetParam().first();
  const std::string prefix = GetParam().second;
  const tests::TemporaryFolder folder;
  const std::string path = folder.path() / "model.safetensors";
};

TEST_P(HuggingFaceModel, ComputesWhatTheDefinitionSays) {
  write<double>(test.tensors);
  const auto transformer = build<double>();
  EXPECT_EQ(transformer.tokens(), test.tokens);
  EXPECT_EQ(transformer.in(), 1);
  compare(transformer, 1e-13);
  compare(build<float>(), 1e-5);
  write<float>(test.tensors);
  compare(build<double>(), 1e-13);
  compare(build<float>(), 1e-5);
}

/// Every tensor but a token type that is not used changes the rows, so that none is read in another's place.
TEST_P(HuggingFaceModel, EveryTensorCounts) {
  write<double>(test.tensors);
  const auto before = run(build<double>(), ids(0));
  for (const auto& [name, tensor] : test.tensors) {
    auto changed = test.tensors;
    auto& value =
        changed[name].values[name.find("word_emb") != std::string::npos || name == "wte.weight" ? ids(0)[1] * tensor.shape[1] : 0];
    value += 0.5;
    write<double>(changed);
    // Adding to all keys what is the same for all changes no softmax.
    if (name.ends_with("self.key.bias")) continue;
    EXPECT_NE(run(build<double>(), ids(0)), before) << name;
  }
}

TEST_P(HuggingFaceModel, NamesMayHaveThePrefix) {
  Tensors prefixed;
  for (const auto& [name, tensor] : test.tensors) prefixed[prefix + name] = tensor;
  write<double>(prefixed);
  compare(build<double>(), 1e-13);
  // All of them or none.
  for (const auto& [name, tensor] : test.tensors) {
    auto mixed = prefixed;
    mixed.erase(prefix + name);
    mixed[name] = tensor;
    EXPECT_NE(refused(mixed), "not refused") << name;
    auto both = prefixed;
    both[name] = tensor;
    EXPECT_TRUE(refused(both).starts_with(fmt::format("tensor \"{}\": a ", name))) << refused(both);
  }
}

TEST_P(HuggingFaceModel, EveryMissingTensorIsRefused) {
  for (const auto& [name, tensor] : test.tensors) {
    auto without = test.tensors;
    without.erase(name);
    const auto text = refused(without);
    EXPECT_TRUE(text.starts_with(fmt::format("tensor \"{}\": expected one of shape [", name))) << text;
    EXPECT_TRUE(text.ends_with("]; it is not there")) << text;
  }
  EXPECT_TRUE(refused({}).ends_with("; it is not there"));
}

TEST_P(HuggingFaceModel, EveryWrongShapeIsRefused) {
  for (const auto& [name, tensor] : test.tensors) {
    for (std::size_t d = 0; d <= tensor.shape.size(); ++d) {
      auto shape = tensor.shape;
      if (d < shape.size()) {
        ++shape[d];
      } else {
        shape.push_back(1);
      }
      auto other = test.tensors;
      other.erase(name);
      other.add(name, shape);
      const auto text = refused(other);
      EXPECT_TRUE(text.starts_with(fmt::format("tensor \"{}\": expected shape [", name))) << text;
    }
  }
}

TEST_P(HuggingFaceModel, TensorsOfAnotherModelAreRefused) {
  const auto with = [&](const std::string& name) {
    auto more = test.tensors;
    more.add(name, {2, 3});
    return refused(more);
  };
  const auto family = prefix == "bert." ? "BERT" : "GPT-2";
  for (const auto* name :
       {"x", "h.3.ln_1.weight", "h.3.attn.bias", "h.0.attn.c_attn.weight_g", "encoder.layer.2.attention.self.query.weight",
        "h.0.crossattention.c_attn.weight", "encoder.layer.0.attention.self.distance_embedding.weight",
        "embeddings.word_embeddings.weight2", "lm_head", "cls", "classifier.weight", "pooler.dense.weight.x"}) {
    EXPECT_EQ(with(name), fmt::format("tensor \"{}\": a {} model of this config.json has none of this name", name, family));
  }
}

TEST_P(HuggingFaceModel, WhatIsNotComputedWithIsPassedOver) {
  Tensors prefixed;
  for (const auto& [name, tensor] : test.tensors) prefixed[prefix + name] = tensor;
  for (const auto& [more, in] : {std::pair(test.tensors, std::string()), std::pair(prefixed, prefix)}) {
    auto tensors = more;
    if (prefix == "bert.") {
      tensors.add(in + "embeddings.position_ids", {1, 5});
      tensors.add(in + "pooler.dense.weight", {8, 8});
      tensors.add(in + "pooler.dense.bias", {8});
      tensors.add("cls.predictions.bias", {13});
      tensors.add("cls.seq_relationship.weight", {2, 8});
    } else {
      for (std::size_t l = 0; l < 3; ++l) {
        tensors.add(fmt::format("{}h.{}.attn.bias", in, l), {1, 1, 7, 7});
        tensors.add(fmt::format("{}h.{}.attn.masked_bias", in, l), {});
      }
      tensors.add("lm_head.weight", {11, 6});
    }
    write<double>(tensors);
    compare(build<double>(), 1e-13);
  }
}

TEST_P(HuggingFaceModel, ReadsAFolder) {
  write<float>(test.tensors);
  const auto config = (folder.path() / "config.json").string();
  const auto text = [](const std::string& of) { return refusal([&] { read_model<float>(of); }); };
  EXPECT_EQ(text(folder.path()), "input: " + config + ": cannot be read: No such file or directory");
  tests::write_bytes(config, test.config);
  const auto [read, transformer] = read_model<double>(folder.path());
  EXPECT_EQ(read.vocabulary, test.vocabulary);
  compare(transformer, 1e-13);
  compare(read_model<float>(folder.path()).transformer, 1e-5);
  std::filesystem::remove(path);
  EXPECT_EQ(text(folder.path()), "input: " + path + ": cannot be read: No such file or directory");
  EXPECT_EQ(text(config), "input: " + config + ": expected a folder with a config.json and a model.safetensors");
  EXPECT_EQ(text(config + "2"), "input: " + config + "2: expected a folder with a config.json and a model.safetensors");
}

INSTANTIATE_TEST_SUITE_P(Families, HuggingFaceModel, testing::Values(std::pair(&gpt2, "transformer."), std::pair(&bert, "bert.")),
                         [](const auto& family) { return family.index == 0 ? "gpt2" : "bert"; });

/// Position and token type are summed before they are rounded: 1 + 2^-24 + 2^-24 is a float, 1 + 2^-24 is not.
TEST(HuggingFaceModelRounding, PositionsAndTypesRoundOnce) {
  auto test = bert();
  test.tensors["embeddings.position_embeddings.weight"].values[0] = 1 + 0x1p-24;
  test.tensors["embeddings.token_type_embeddings.weight"].values[0] = 0x1p-24;
  const tests::TemporaryFolder folder;
  const auto path = folder.path() / "x";
  std::vector<TensorToWrite> list;
  for (const auto& [name, tensor] : test.tensors) list.push_back({name, tensor.shape, std::span<const double>(tensor.values)});
  write_safetensors(path, list);
  const auto transformer = build_model<float>(parse_config(test.config, "config.json"), SafetensorsFile(path.string()));
  const auto& steps = std::get<Sequence<float>>(*transformer.layers().front().before).steps;
  EXPECT_EQ(std::get<Embedding<float>>(steps.front()).positions(0, 0), 1 + 0x1p-23f);
}

}  // namespace
}  // namespace bridge
