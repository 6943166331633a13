// write_exports FOLDER: models in files, with inputs and what forward() makes of them; compare_exports.py runs them elsewhere. cases.json
// is a list of {"name", "files": [model files], "dtype", "exact", "inputs": number of NAME.x0.npy, NAME.y0.npy and so on}.

#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "transformer_bridge/formats/compiled_files.h"
#include "transformer_bridge/formats/npy.h"
#include "transformer_bridge/formats/onnx.h"
#include "transformer_bridge/transformer/forward.h"

#include "tests/support/temporary_folder.h"
#include "tests/transformer_bridge/formats/compiled_samples.h"
#include "tests/transformer_bridge/random_matrix.h"
#include "tests/transformer_bridge/sample_transformer.h"

namespace tests {
namespace {

using Json = nlohmann::json;

template <class Real>
constexpr const char* dtype = sizeof(Real) == 4 ? "float32" : "float64";

/// Row functions, masks and widths that transformer_of() has not.
template <class Real>
Transformer<Real> rare_parts(std::size_t tokens, const Mask& mask) {
  const std::size_t width = 6;
  std::uint64_t seed = 9000;
  const auto linear = [&](std::size_t in, std::size_t out) {
    ++seed;
    return Linear<Real>{random_matrix<Real>(in, out, seed), random_vector<Real>(out, seed + 1000)};
  };
  Layer<Real> first;
  first.before = Sequence<Real>{{linear(3, 4), Mlp<Real>{{linear(4, 7), linear(7, 5), linear(5, width)}, Activation::gelu_tanh}}, false};
  first.heads = {{linear(width, 2), linear(width, 2), linear(width, width), mask, Real(2)},
                 {linear(width, 0), linear(width, 0), linear(width, width), mask, Real(2)},  // equal logits
                 {linear(width, 0), linear(width, 0), linear(width, width), Mask::causal()}};
  first.heads[0].start = StartToken<Real>{random_vector<Real>(2, ++seed), random_vector<Real>(width, ++seed)};
  first.heads[1].start = StartToken<Real>{{}, random_vector<Real>(width, ++seed)};
  Layer<Real> second;
  second.heads = {
      {Sequence<Real>{{LayerNorm<Real>{random_vector<Real>(width, 11), random_vector<Real>(width, 12), Real(0.01)}, linear(width, 3)}},
       linear(width, 3), linear(width, 2), Mask::causal().of_first(4)},
      {linear(width, 1), linear(width, 1), linear(width, 3), Mask().of_first(0)}};  // sees nothing
  second.heads_out = Mlp<Real>{{linear(5, 4), linear(4, width)}, Activation::relu};
  second.after = linear(width, width);
  Layer<Real> third = second;  // the same weights, and a different mask
  third.heads[0].mask = Mask().of_first(2);
  Layer<Real> last;
  last.heads_out = linear(0, width);
  last.after = linear(width, 4);
  return Transformer<Real>(tokens, width, {first, second, second, third, last});
}

/// An activation from -9 to 9.
template <class Real>
Transformer<Real> bent(Activation activation, std::size_t tokens) {
  const std::size_t width = 5;
  Matrix<Real> stretch(width, width), keep(width, width);
  for (std::size_t i = 0; i < width; ++i) {
    stretch(i, i) = 9;
    keep(i, i) = 1;
  }
  Layer<Real> layer;
  layer.after = Mlp<Real>{{Linear<Real>{stretch, {}}, Linear<Real>{keep, {}}}, activation};
  return Transformer<Real>(tokens, width, {layer});
}

class Writer {
 public:
  explicit Writer(std::filesystem::path folder) : folder_(std::move(folder)) {}

  template <class Real>
  void add(const std::string& name, const Transformer<Real>& transformer, bool any_length, const std::vector<std::size_t>& lengths) {
    bridge::OnnxOptions options;
    options.any_length = any_length;
    bridge::write_onnx(path(name + ".onnx"), transformer, options);
    std::vector<Matrix<Real>> inputs;
    for (const auto n : lengths) inputs.push_back(transformer.in() == 1 ? ids<Real>(n) : random_matrix<Real>(n, transformer.in(), 50 + n));
    add_case(name, {name + ".onnx"}, transformer, inputs, false);
  }

  template <class Real>
  void add(const std::string& name, const CompiledModel& model, const std::vector<Matrix<double>>& inputs, bool exact) {
    bridge::write_compiled_onnx(path(name + ".onnx"), model, bridge::number_type_of<Real>);
    bridge::write_compiled_safetensors(path(name + ".safetensors"), model, bridge::number_type_of<Real>);
    std::vector<Matrix<Real>> in_type;
    for (const auto& x : inputs) {
      in_type.emplace_back(x.rows(), x.columns());
      for (std::size_t i = 0; i < x.values().size(); ++i) in_type.back().values()[i] = static_cast<Real>(x.values()[i]);
    }
    add_case(name, {name + ".onnx", name + ".safetensors"}, bridge::converted<Real>(model.transformer), in_type, exact);
  }

  void finish() const { write_bytes(path("cases.json"), cases_.dump()); }

 private:
  std::string path(const std::string& name) const { return folder_ / name; }

  template <class Real>
  void add_case(const std::string& name, const std::vector<std::string>& files, const Transformer<Real>& transformer,
                const std::vector<Matrix<Real>>& inputs, bool exact) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Transformer<Real> of_length(inputs[i].rows(), transformer.width(), transformer.layers());
      bridge::write_npy(path(fmt::format("{}.x{}.npy", name, i)), inputs[i]);
      bridge::write_npy(path(fmt::format("{}.y{}.npy", name, i)), bridge::forward(of_length, inputs[i]));
    }
    cases_.push_back({{"name", name}, {"files", files}, {"dtype", dtype<Real>}, {"exact", exact}, {"inputs", inputs.size()}});
  }

  std::filesystem::path folder_;
  Json cases_ = Json::array();
};

/// A row for each token: its number, and a pointer to any token.
Matrix<double> pointers(std::size_t tokens, unsigned bits) {
  Matrix<double> x(tokens, 3 * bits);
  for (std::size_t i = 0; i < tokens; ++i) {
    const auto next = mpc::mix(i + 77) % tokens;
    for (unsigned b = 0; b < bits; ++b) {
      x(i, b) = static_cast<double>(i >> b & 1U);
      x(i, bits + b) = static_cast<double>(next >> b & 1U);
    }
  }
  return x;
}

/// Rows of seen_before(): the first set bit is that of token `first`.
Matrix<double> bits(std::size_t tokens, std::size_t first) {
  Matrix<double> x(tokens, 13);
  for (std::size_t i = 0; i < tokens; ++i) {
    x(i, 0) = i == first || (i > first && i % 3 == 0) ? 1 : 0;
    for (std::size_t c = 1; c < 7; ++c) x(i, c) = static_cast<double>(mpc::mix(10 * i + c) & 1U);
  }
  return x;
}

template <class Real>
void write_all(Writer& writer, const std::string& type) {
  const std::size_t n = 9;
  for (const auto& [name, mask] : std::vector<std::pair<std::string, Mask>>{{"open", Mask()},
                                                                            {"causal", Mask::causal()},
                                                                            {"padding", Mask().of_first(5)},
                                                                            {"causal_padding", Mask::causal().of_first(3)},
                                                                            {"holes", holes(n)},
                                                                            {"holes_padding", holes(n).of_first(6)}}) {
    const auto sample = transformer_of<Real>(n, 8, 3, 2, mask);
    const auto rare = rare_parts<Real>(n, mask);
    writer.add(fmt::format("sample.{}.fixed.{}", name, type), sample, false, {n});
    writer.add(fmt::format("rare.{}.fixed.{}", name, type), rare, false, {n});
    if (mask.kind() == Mask::Kind::any) continue;
    writer.add(fmt::format("sample.{}.any_length.{}", name, type), sample, true, {n, 4, 1});
    writer.add(fmt::format("rare.{}.any_length.{}", name, type), rare, true, {n, 30, 2});
  }
  writer.add(fmt::format("relu.{}", type), bent<Real>(Activation::relu, 90), false, {90});
  writer.add(fmt::format("gelu.{}", type), bent<Real>(Activation::gelu, 90), false, {90});
  writer.add(fmt::format("gelu_tanh.{}", type), bent<Real>(Activation::gelu_tanh, 90), false, {90});
  writer.add(fmt::format("nothing.{}", type), Transformer<Real>(n, 5, {}), true, {n, 2});
  const auto its = bridge::number_type_of<Real>;
  writer.add<Real>(fmt::format("doubling.{}", type), doubling(its, 4), {pointers(16, 4), pointers(11, 4)}, true);
  writer.add<Real>(fmt::format("seen_before.{}", type), seen_before(its, 40), {bits(40, 21), bits(13, 5), bits(8, 8)}, true);
  writer.add<Real>(fmt::format("random.{}", type), random_model(n, 7), {random_matrix<double>(n, 7, 3)}, false);
}

}  // namespace
}  // namespace tests

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_exports FOLDER\n";
    return 2;
  }
  try {
    tests::Writer writer(argv[1]);
    tests::write_all<float>(writer, "f32");
    tests::write_all<double>(writer, "f64");
    writer.finish();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "write_exports: " << error.what() << '\n';
    return 1;
  }
}
