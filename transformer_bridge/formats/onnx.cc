#include "transformer_bridge/formats/onnx.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <span>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/core.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include "mpc/error.h"

#include "protocols/graph/text_sink.h"

#include "transformer_bridge/formats/part_name.h"

namespace bridge {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian, and is written as it lies in memory");

constexpr int ir_version = 8;
constexpr int opset_version = 17;
constexpr auto everything = std::numeric_limits<std::size_t>::max();

using Shape = std::vector<std::size_t>;
template <class T>
constexpr auto element_type = std::is_same_v<T, float>          ? onnx::TensorProto::FLOAT
                              : std::is_same_v<T, double>       ? onnx::TensorProto::DOUBLE
                              : std::is_same_v<T, std::int64_t> ? onnx::TensorProto::INT64
                                                                : onnx::TensorProto::BOOL;

struct Attribute {
  const char* name;
  std::variant<std::int64_t, float, std::vector<std::int64_t>> value;
};

/// Nodes and initializers, each initializer once.
class Graph {
 public:
  Graph(onnx::GraphProto& graph, std::size_t most_bytes) : graph_(graph), most_bytes_(most_bytes) {}

  /// The name of an initializer of these values: `name`, if there is none yet.
  template <class T>
  std::string initializer(const std::string& name, const Shape& shape, std::span<const T> values) {
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    const auto hash = std::hash<std::string_view>()(bytes);
    for (auto [it, end] = known_.equal_range(hash); it != end; ++it) {
      const auto& other = graph_.initializer(it->second);
      if (other.data_type() == element_type<T> && std::ranges::equal(other.dims(), shape, std::equal_to<std::uint64_t>()) &&
          other.raw_data() == bytes) {
        return other.name();
      }
    }
    bytes_ += bytes.size();
    if (bytes_ > most_bytes_) {
      throw mpc::UsageError(fmt::format("ONNX: the weights take more than the {} bytes that a file may have", most_bytes_));
    }
    auto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(element_type<T>);
    for (const auto size : shape) tensor.add_dims(static_cast<std::int64_t>(size));
    tensor.set_raw_data(bytes.data(), bytes.size());
    known_.emplace(hash, graph_.initializer_size() - 1);
    return name;
  }
  template <class T>
  std::string constant(T value) {
    const auto* kind = std::is_same_v<T, std::int64_t> ? "integers" : "reals";
    return initializer<T>(fmt::format("{}.{}", kind, value), {}, std::span(&value, 1));
  }
  std::string integers(const std::vector<std::int64_t>& values) {
    std::string name = "integers.list";
    for (const auto value : values) name += fmt::format(".{}", value);
    return initializer<std::int64_t>(name, {values.size()}, values);
  }

  /// Adds a node. The tensor that it makes has the node's name.
  std::string node(const std::string& op, const std::vector<std::string>& inputs, const std::string& name,
                   const std::vector<Attribute>& attributes = {}) {
    auto& node = *graph_.add_node();
    node.set_op_type(op);
    node.set_name(name);
    for (const auto& input : inputs) node.add_input(input);
    node.add_output(name);
    for (const auto& [key, value] : attributes) {
      auto& attribute = *node.add_attribute();
      attribute.set_name(key);
      if (const auto* number = std::get_if<std::int64_t>(&value)) {
        attribute.set_type(onnx::AttributeProto::INT);
        attribute.set_i(*number);
      } else if (const auto* real = std::get_if<float>(&value)) {
        attribute.set_type(onnx::AttributeProto::FLOAT);
        attribute.set_f(*real);
      } else {
        attribute.set_type(onnx::AttributeProto::INTS);
        for (const auto one : std::get<std::vector<std::int64_t>>(value)) attribute.add_ints(one);
      }
    }
    return name;
  }

 private:
  onnx::GraphProto& graph_;
  std::size_t most_bytes_, bytes_ = 0;
  std::unordered_multimap<std::size_t, int> known_;  // from the hash of an initializer's bytes to its number
};

/// Adds a transformer's nodes. A tensor is its name; rows without columns have no tensor, and an empty name.
template <class Real>
class Exporter {
 public:
  Exporter(const Transformer<Real>& transformer, bool any_length, Graph& graph)
      : transformer_(transformer), any_length_(any_length), graph_(graph) {}

  void run() {
    std::string x = "x";
    for (std::size_t l = 0; l < transformer_.layers().size(); ++l) {
      x = layer(transformer_.layers()[l], x, PartName::layer(l));
    }
    graph_.node("Identity", {x}, "y");
  }

 private:
  // ---- Tokens -------------------------------------------------------------------------------------------------------------------

  /// How many there are: a list of one number.
  std::string tokens() {
    if (!any_length_) return graph_.integers({static_cast<std::int64_t>(transformer_.tokens())});
    if (tokens_.empty()) tokens_ = graph_.node("Shape", {"x"}, "tokens", {{"start", std::int64_t{0}}, {"end", std::int64_t{1}}});
    return tokens_;
  }
  /// The numbers of the tokens; with_start: from -1 on, which is the start token's.
  std::string token_numbers(bool with_start) {
    auto& numbers = with_start ? numbers_with_start_ : numbers_;
    if (!numbers.empty()) return numbers;
    const std::string name = with_start ? "token_numbers.with_start" : "token_numbers";
    const auto end =
        any_length_ ? graph_.node("Squeeze", {tokens()}, name + ".end") : graph_.constant(static_cast<std::int64_t>(transformer_.tokens()));
    const auto first = graph_.constant(std::int64_t{with_start ? -1 : 0});
    return numbers = graph_.node("Range", {first, end, graph_.constant(std::int64_t{1})}, name);
  }
  /// [N, columns], all of them `value`, which is a number or a row of as many.
  std::string repeated(const std::string& value, const std::string& columns, const PartName& place) {
    const auto shape = graph_.node("Concat", {tokens(), columns}, place.name + ".shape", {{"axis", std::int64_t{0}}});
    return graph_.node("Expand", {value, shape}, place.name);
  }

  // ---- Row functions ------------------------------------------------------------------------------------------------------------

  std::string weights(const Matrix<Real>& matrix, const std::string& name) {
    return graph_.initializer<Real>(name, {matrix.rows(), matrix.columns()}, matrix.values());
  }
  std::string row(const std::vector<Real>& values, const std::string& name) {
    return graph_.initializer<Real>(name, {values.size()}, values);
  }

  std::string linear(const Linear<Real>& f, const std::string& x, const PartName& place) {
    const auto columns = f.weights.columns();
    if (columns == 0) return {};
    const auto bias = f.bias.empty() ? std::string() : row(f.bias, place.name + ".bias");
    if (x.empty()) {
      return repeated(bias.empty() ? graph_.constant(Real{0}) : bias, graph_.integers({static_cast<std::int64_t>(columns)}),
                      place.part("rows"));
    }
    const auto product = graph_.node("MatMul", {x, weights(f.weights, place.name + ".weights")}, place.name + ".matmul");
    return bias.empty() ? product : graph_.node("Add", {product, bias}, place.name + ".add_bias");
  }

  /// The polynomial of these coefficients, the highest power's first.
  std::string polynomial(std::initializer_list<Real> coefficients, const std::string& x, const std::string& name) {
    std::string sum;
    auto power = coefficients.size();
    for (const auto coefficient : coefficients) {
      --power;
      const auto at = [&](const char* op) { return fmt::format("{}.{}.{}", name, op, power); };
      const auto number = graph_.constant(coefficient);
      sum = sum.empty() ? number : graph_.node("Add", {graph_.node("Mul", {sum, x}, at("times")), number}, at("plus"));
    }
    return sum;
  }

  std::string erf(const std::string& x, const PartName& place) {
    if constexpr (std::is_same_v<Real, float>) {
      return graph_.node("Erf", {x}, place.name);
    } else {
      return written_out_erf(x, place.name);
    }
  }
  /// onnxruntime has no Erf of float64. W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969):
  /// x P(x^2) / Q(x^2) below 1/2, 1 - exp(-x^2) R(|x|) / S(|x|) above; what that is off by beyond 4 is below 1e-16.
  std::string written_out_erf(const std::string& x, const std::string& name) {
    const auto square = graph_.node("Mul", {x, x}, name + ".square");
    const auto p =
        polynomial({1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3},
                   square, name + ".p");
    const auto q =
        polynomial({1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3}, square, name + ".q");
    const auto small = graph_.node("Mul", {x, graph_.node("Div", {p, q}, name + ".p_q")}, name + ".small");
    const auto size = graph_.node("Min", {graph_.node("Abs", {x}, name + ".abs"), graph_.constant(Real{10})}, name + ".size");
    const auto r =
        polynomial({2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2,
                    8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3},
                   size, name + ".r");
    const auto s = polynomial({1, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
                               3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3},
                              size, name + ".s");
    const auto falling = graph_.node("Exp", {graph_.node("Neg", {square}, name + ".exponent")}, name + ".exp");
    const auto rest = graph_.node("Mul", {falling, graph_.node("Div", {r, s}, name + ".r_s")}, name + ".rest");
    const auto large = graph_.node(
        "Mul", {graph_.node("Sub", {graph_.constant(Real{1}), rest}, name + ".one_less"), graph_.node("Sign", {x}, name + ".sign")},
        name + ".large");
    const auto is_small = graph_.node("Less", {size, graph_.constant(Real(0.5))}, name + ".is_small");
    return graph_.node("Where", {is_small, small, large}, name);
  }

  std::string activate(Activation activation, const std::string& x, const PartName& place) {
    if (x.empty()) return {};
    const auto name = [&](const char* op) { return fmt::format("{}.{}", place.name, op); };
    if (activation == Activation::relu) return graph_.node("Relu", {x}, name("relu"));
    std::string bent;  // erf(x / sqrt 2), or its approximation tanh(sqrt(2 / pi) (x + 0.044715 x^3))
    if (activation == Activation::gelu) {
      const auto root = graph_.constant(std::numbers::sqrt2_v<Real>);
      bent = erf(graph_.node("Div", {x, root}, name("scaled")), place.part("erf"));
    } else {
      const auto square = graph_.node("Mul", {x, x}, name("square"));
      const auto cube = graph_.node("Mul", {square, x}, name("cube"));
      const auto term = graph_.node("Mul", {cube, graph_.constant(Real(0.044715))}, name("cubic"));
      const auto sum = graph_.node("Add", {x, term}, name("polynomial"));
      const auto slope = graph_.constant(std::numbers::sqrt2_v<Real> * std::numbers::inv_sqrtpi_v<Real>);
      bent = graph_.node("Tanh", {graph_.node("Mul", {sum, slope}, name("scaled"))}, name("tanh"));
    }
    const auto raised = graph_.node("Add", {bent, graph_.constant(Real{1})}, name("raised"));
    const auto product = graph_.node("Mul", {x, raised}, name("gated"));
    return graph_.node("Mul", {product, graph_.constant(Real(0.5))}, name("gelu"));
  }

  std::string layer_norm(const LayerNorm<Real>& f, const std::string& x, const PartName& place) {
    if (x.empty()) return {};
    const auto gain = row(f.gain, place.name + ".gain"), bias = row(f.bias, place.name + ".bias");
    if constexpr (std::is_same_v<Real, float>) {
      return graph_.node("LayerNormalization", {x, gain, bias}, place.name + ".layer_norm",
                         {{"axis", std::int64_t{-1}}, {"epsilon", f.epsilon}});
    }
    // The operator's deviation and epsilon are of float32.
    const auto mean_of = [&](const std::string& of, const char* name) {
      return graph_.node("ReduceMean", {of}, place.name + name, {{"axes", std::vector<std::int64_t>{-1}}});
    };
    const auto centred = graph_.node("Sub", {x, mean_of(x, ".mean")}, place.name + ".centred");
    const auto variance = mean_of(graph_.node("Mul", {centred, centred}, place.name + ".squares"), ".variance");
    const auto raised = graph_.node("Add", {variance, graph_.constant(f.epsilon)}, place.name + ".variance_epsilon");
    const auto deviation = graph_.node("Sqrt", {raised}, place.name + ".deviation");
    const auto normal = graph_.node("Div", {centred, deviation}, place.name + ".normal");
    return graph_.node("Add", {graph_.node("Mul", {normal, gain}, place.name + ".scaled"), bias}, place.name + ".layer_norm");
  }

  std::string embedding(const Embedding<Real>& f, const std::string& x, const PartName& place) {
    if (f.table.columns() == 0) return {};
    const auto numbers = graph_.node("Cast", {x}, place.name + ".cast", {{"to", std::int64_t{onnx::TensorProto::INT64}}});
    const auto ids = graph_.node("Squeeze", {numbers, graph_.integers({1})}, place.name + ".ids");
    const auto found = graph_.node("Gather", {weights(f.table, place.name + ".table"), ids}, place.name + ".gather");
    if (f.positions.rows() == 0) return found;
    // Gathered too: of more tokens than there are positions, the runtime says so.
    const auto positions =
        graph_.node("Gather", {weights(f.positions, place.name + ".positions"), token_numbers(false)}, place.name + ".gather_positions");
    return graph_.node("Add", {found, positions}, place.name + ".add_positions");
  }

  std::string sequence(const Sequence<Real>& f, const std::string& x, const PartName& place) {
    auto out = x;
    for (std::size_t s = 0; s < f.steps.size(); ++s) out = rows(f.steps[s], out, place.step(s));
    return f.residual && !out.empty() ? graph_.node("Add", {out, x}, place.name + ".residual") : out;
  }

  std::string rows(const RowFunction<Real>& function, const std::string& x, const PartName& place) {
    return std::visit(
        [&](const auto& f) -> std::string {
          using Function = std::decay_t<decltype(f)>;
          if constexpr (std::is_same_v<Function, Linear<Real>>) {
            return linear(f, x, place);
          } else if constexpr (std::is_same_v<Function, Mlp<Real>>) {
            auto out = x;
            for (std::size_t d = 0; d < f.layers.size(); ++d) {
              const auto here = place.map(d);
              if (d != 0) out = activate(f.activation, out, here);
              out = linear(f.layers[d], out, here);
            }
            return out;
          } else if constexpr (std::is_same_v<Function, LayerNorm<Real>>) {
            return layer_norm(f, x, place);
          } else if constexpr (std::is_same_v<Function, Embedding<Real>>) {
            return embedding(f, x, place);
          } else if constexpr (std::is_same_v<Function, Sequence<Real>>) {
            return sequence(f, x, place);
          } else {
            throw mpc::UsageError(fmt::format("{}: the Oracle {} has no weights: it cannot be exported", place.text, f.name));
          }
        },
        static_cast<const typename RowFunction<Real>::variant&>(function));
  }

  // ---- Attention ----------------------------------------------------------------------------------------------------------------

  /// Which keys each query sees, as bools that broadcast to [N, keys]; empty: all. The start token is the first key, and everyone sees it.
  std::string visible(const Head<Real>& head, const PartName& place) {
    const auto& mask = head.mask;
    const bool start = head.start.has_value(), causal = mask.kind() == Mask::Kind::causal;
    if (mask.kind() == Mask::Kind::any) {
      if (any_length_) {
        throw mpc::UsageError(fmt::format("{}: its mask says what each of {} tokens sees: it cannot be exported for any number of tokens",
                                          place.text, transformer_.tokens()));
      }
      return listed(mask, start, place);
    }
    const bool padded = any_length_ ? mask.shown() != everything : mask.shown() < transformer_.tokens();
    if (!causal && !padded) return {};
    const auto name = fmt::format("mask{}{}{}", causal ? ".causal" : "", padded ? fmt::format(".of_first.{}", mask.shown()) : "",
                                  start ? ".with_start" : "");
    auto& made = masks_[name];
    if (!made.empty()) return made;
    const auto keys = token_numbers(start);
    if (causal) {
      const auto queries = graph_.node("Unsqueeze", {token_numbers(false), graph_.integers({1})}, name + ".queries");
      made = graph_.node("LessOrEqual", {keys, queries}, name + (padded ? ".before" : ""));
    }
    if (padded) {
      const auto shown =
          graph_.constant(static_cast<std::int64_t>(std::min<std::size_t>(mask.shown(), std::numeric_limits<std::int64_t>::max())));
      const auto first = graph_.node("Less", {keys, shown}, name + (causal ? ".shown" : ""));
      made = causal ? graph_.node("And", {made, first}, name) : first;
    }
    return made;
  }
  /// A mask as it is written out, [N, keys].
  std::string listed(const Mask& mask, bool start, const PartName& place) {
    const auto n = transformer_.tokens(), keys = n + (start ? 1 : 0);
    std::vector<std::uint8_t> bytes;
    bytes.reserve(n * keys);
    for (std::size_t i = 0; i < n; ++i) {
      if (start) bytes.push_back(1);
      for (std::size_t j = 0; j < n; ++j) bytes.push_back(mask.sees(i, j) ? 1 : 0);
    }
    return graph_.initializer<std::uint8_t>(place.name + ".mask", {n, keys}, bytes);
  }
  /// Whether a token sees nothing at all.
  bool some_see_nothing(const Head<Real>& head) const {
    const auto& mask = head.mask;
    if (head.start) return false;
    if (mask.kind() != Mask::Kind::any) return mask.shown() == 0;  // else the first token is seen, by all
    const auto n = transformer_.tokens();
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t j = 0;
      while (j < n && !mask.sees(i, j)) ++j;
      if (j == n) return true;
    }
    return false;
  }

  /// The rows, with the start token's before them.
  std::string started(const std::string& rows, const std::vector<Real>& first, const PartName& place) {
    const auto start = graph_.initializer<Real>(place.name + ".start", {1, first.size()}, first);
    return graph_.node("Concat", {start, rows}, place.name + ".with_start", {{"axis", std::int64_t{0}}});
  }

  std::string head(const Head<Real>& head, const std::string& x, const PartName& place) {
    const auto name = [&](const char* part) { return fmt::format("{}.{}", place.name, part); };
    const auto query = rows(head.query, x, place.part("query"));
    auto key = rows(head.key, x, place.part("key"));
    auto value = rows(head.value, x, place.part("value"));
    if (value.empty()) return {};
    if (head.start) value = started(value, head.start->value, place.part("value"));
    std::string logits;
    if (query.empty()) {
      const auto keys = graph_.node("Shape", {value}, name("keys"), {{"start", std::int64_t{0}}, {"end", std::int64_t{1}}});
      logits = repeated(graph_.constant(Real{0}), keys, place.part("logits"));
    } else {
      if (head.start) key = started(key, head.start->key, place.part("key"));
      const auto columns = graph_.node("Transpose", {key}, name("key.transposed"), {{"perm", std::vector<std::int64_t>{1, 0}}});
      logits = graph_.node("MatMul", {query, columns}, name("logits"));
      // onnxruntime would put the scale into the product as a float32; a Sum of one term keeps them apart.
      if (static_cast<Real>(static_cast<float>(head.scale)) != head.scale) logits = graph_.node("Sum", {logits}, name("logits.sum"));
      if (head.scale != 1) logits = graph_.node("Mul", {logits, graph_.constant(head.scale)}, name("logits.scaled"));
    }
    const auto mask = visible(head, place);
    const auto hidden = -std::numeric_limits<Real>::infinity();
    if (!mask.empty()) logits = graph_.node("Where", {mask, logits, graph_.constant(hidden)}, name("logits.masked"));
    auto weights = graph_.node("Softmax", {logits}, name("softmax"), {{"axis", std::int64_t{-1}}});
    if (some_see_nothing(head)) weights = graph_.node("Where", {mask, weights, graph_.constant(Real{0})}, name("softmax.masked"));
    return graph_.node("MatMul", {weights, value}, name("attention"));
  }

  // ---- Layers -------------------------------------------------------------------------------------------------------------------

  std::string layer(const Layer<Real>& layer, std::string x, const PartName& place) {
    if (layer.before) x = rows(*layer.before, x, place.part("before"));
    const auto seen = layer.heads_in ? rows(*layer.heads_in, x, place.part("heads_in")) : x;
    std::vector<std::string> heads;
    for (std::size_t h = 0; h < layer.heads.size(); ++h) {
      auto out = head(layer.heads[h], seen, place.head(h));
      if (!out.empty()) heads.push_back(std::move(out));
    }
    if (layer.heads_out) {
      const auto side_by_side = heads.size() < 2 ? (heads.empty() ? std::string() : heads.front())
                                                 : graph_.node("Concat", heads, place.name + ".heads", {{"axis", std::int64_t{1}}});
      heads = {rows(*layer.heads_out, side_by_side, place.part("heads_out"))};
    }
    for (std::size_t h = 0; h < heads.size(); ++h) {
      if (!x.empty())
        x = graph_.node("Add", {x, heads[h]}, heads.size() == 1 ? place.name + ".sum" : fmt::format("{}.sum.{}", place.name, h));
    }
    return layer.after ? rows(*layer.after, x, place.part("after")) : x;
  }

  const Transformer<Real>& transformer_;
  bool any_length_;
  Graph& graph_;
  std::string tokens_, numbers_, numbers_with_start_;
  std::map<std::string, std::string> masks_;
};

/// An input or output of the model.
template <class Real>
void describe(onnx::ValueInfoProto& value, const std::string& name, const OnnxOptions& options, std::size_t rows, std::size_t columns) {
  value.set_name(name);
  auto& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(element_type<Real>);
  auto& first = *tensor.mutable_shape()->add_dim();
  if (options.any_length) {
    first.set_dim_param("N");
  } else {
    first.set_dim_value(static_cast<std::int64_t>(rows));
  }
  tensor.mutable_shape()->add_dim()->set_dim_value(static_cast<std::int64_t>(columns));
}

}  // namespace

template <class Real>
std::string onnx_bytes(const Transformer<Real>& transformer, const OnnxOptions& options) {
  if (transformer.in() == 0 || transformer.out() == 0) {
    throw mpc::UsageError(
        fmt::format("ONNX: expected rows of one column or more, got {} in and {} out", transformer.in(), transformer.out()));
  }
  onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("roundtrip");
  auto& opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(opset_version);
  for (const auto& [key, value] : options.metadata) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  auto& its = *model.mutable_graph();
  its.set_name(options.name);
  describe<Real>(*its.add_input(), "x", options, transformer.tokens(), transformer.in());
  describe<Real>(*its.add_output(), "y", options, transformer.tokens(), transformer.out());
  Graph graph(its, options.most_bytes);
  Exporter<Real>(transformer, options.any_length, graph).run();

  const auto bytes = model.ByteSizeLong();
  if (bytes > options.most_bytes) {
    throw mpc::UsageError(
        fmt::format("ONNX: the model takes {} bytes; expected at most {}, which a file may have", bytes, options.most_bytes));
  }
  try {
    onnx::checker::check_model(model);
  } catch (const std::exception& error) {
    throw mpc::Fault(fmt::format("ONNX: the model that was made is not valid: {}", error.what()));
  }
  std::string text;
  if (!model.SerializeToString(&text)) throw mpc::Fault("ONNX: the model could not be put into bytes");
  return text;
}

template <class Real>
void write_onnx(const std::string& path, const Transformer<Real>& transformer, const OnnxOptions& options) {
  const auto bytes = onnx_bytes(transformer, options);
  protocols::TextSink file(path);
  file.write(bytes);
  file.close();
}

template std::string onnx_bytes(const Transformer<float>&, const OnnxOptions&);
template std::string onnx_bytes(const Transformer<double>&, const OnnxOptions&);
template void write_onnx(const std::string&, const Transformer<float>&, const OnnxOptions&);
template void write_onnx(const std::string&, const Transformer<double>&, const OnnxOptions&);

}  // namespace bridge
