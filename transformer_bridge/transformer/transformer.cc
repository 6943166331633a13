#include "transformer_bridge/transformer/transformer.h"

#include <type_traits>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"

namespace bridge {
namespace {

/// Calls visit(name, function) for each row function of the layer.
template <class Real, class Visit>
void for_each_row_function(const Layer<Real>& layer, Visit&& visit) {
  if (layer.before) visit(std::string("before"), *layer.before);
  if (layer.heads_in) visit(std::string("heads_in"), *layer.heads_in);
  for (std::size_t h = 0; h < layer.heads.size(); ++h) {
    visit(fmt::format("head {}, query", h), layer.heads[h].query);
    visit(fmt::format("head {}, key", h), layer.heads[h].key);
    visit(fmt::format("head {}, value", h), layer.heads[h].value);
  }
  if (layer.heads_out) visit(std::string("heads_out"), *layer.heads_out);
  if (layer.after) visit(std::string("after"), *layer.after);
}

template <class Real>
std::string describe_head(const Head<Real>& head) {
  return fmt::format("query {}, key {}, value {}, scale {}, {}{}", head.query.describe(), head.key.describe(), head.value.describe(),
                     head.scale, head.mask.describe(), head.start ? ", start token" : "");
}

}  // namespace

template <class Real>
std::size_t check(const Layer<Real>& layer, std::size_t index, std::size_t tokens, std::size_t in, std::size_t width) {
  for_each_row_function(layer, [&](const std::string& name, const auto& f) { f.check(tokens, fmt::format("layer {}, {}", index, name)); });
  const auto here = fmt::format("layer {}", index);
  if (layer.before) {
    expect_equal(here + ", before", "columns in", in, layer.before->in());
    expect_equal(here + ", before", "columns out", width, layer.before->out());
  } else {
    expect_equal(here, "columns in", width, in);
  }
  if (layer.heads_in) expect_equal(here + ", heads_in", "columns in", width, layer.heads_in->in());
  const auto seen = layer.heads_in ? layer.heads_in->out() : width;
  std::size_t side_by_side = 0;
  for (std::size_t h = 0; h < layer.heads.size(); ++h) {
    const auto& head = layer.heads[h];
    side_by_side += head.value.out();
    const auto at = fmt::format("layer {}, head {}", index, h);
    expect_equal(at + ", query", "columns in", seen, head.query.in());
    expect_equal(at + ", key", "columns in", seen, head.key.in());
    expect_equal(at + ", value", "columns in", seen, head.value.in());
    expect_equal(at + ", key", "columns out, as of the query", head.query.out(), head.key.out());
    if (!layer.heads_out) expect_equal(at + ", value", "columns out", width, head.value.out());
    if (head.mask.kind() == Mask::Kind::any) {
      expect_equal(at, "rows of the mask", tokens, head.mask.visible().rows());
      expect_equal(at, "columns of the mask", tokens, head.mask.visible().columns());
    }
    if (head.start) {
      expect_equal(at, "width of the start token's key", head.query.out(), head.start->key.size());
      expect_equal(at, "width of the start token's value", head.value.out(), head.start->value.size());
    }
  }
  if (layer.heads_out) {
    expect_equal(here + ", heads_out", "columns in, as of all heads", side_by_side, layer.heads_out->in());
    expect_equal(here + ", heads_out", "columns out", width, layer.heads_out->out());
  }
  if (!layer.after) return width;
  expect_equal(here + ", after", "columns in", width, layer.after->in());
  return layer.after->out();
}

template <class Real>
Transformer<Real>::Transformer(std::size_t tokens, std::size_t width, std::vector<Layer<Real>> layers)
    : tokens_(tokens), width_(width), in_(width), out_(width), layers_(std::move(layers)) {
  if (!layers_.empty() && layers_.front().before) {
    layers_.front().before->check(tokens_, "layer 0, before");  // an empty one has no columns to ask for
    in_ = layers_.front().before->in();
  }
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    out_ = check(layers_[l], l, tokens_, l == 0 ? in_ : width_, width_);
    if (l + 1 < layers_.size()) expect_equal(fmt::format("layer {}, after", l), "columns out", width_, out_);
  }
}

template <class Real>
bool Transformer<Real>::has_oracle() const {
  bool found = false;
  for (const auto& layer : layers_) {
    for_each_row_function(layer, [&](const std::string&, const auto& f) { found = found || f.has_oracle(); });
  }
  return found;
}

template <class Real>
std::size_t Transformer<Real>::parameters() const {
  std::size_t sum = 0;
  for (const auto& layer : layers_) {
    for_each_row_function(layer, [&](const std::string&, const auto& f) { sum += f.parameters(); });
    for (const auto& head : layer.heads) {
      if (head.start) sum += head.start->key.size() + head.start->value.size();
    }
  }
  return sum;
}

template <class Real>
std::string Transformer<Real>::describe() const {
  std::size_t heads = 0;
  for (const auto& layer : layers_) heads += layer.heads.size();
  auto text = fmt::format("transformer: {} tokens, width {}, {} layers, {} heads, {} parameters, {}\n", tokens_, width_, layers_.size(),
                          heads, parameters(), std::is_same_v<Real, float> ? "float32" : "float64");
  std::string oracles;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const auto& layer = layers_[l];
    text += fmt::format("layer {}\n", l);
    if (layer.before) text += fmt::format("  before {}\n", layer.before->describe());
    if (layer.heads_in) text += fmt::format("  heads in {}\n", layer.heads_in->describe());
    for (std::size_t h = 0; h < layer.heads.size(); ++h) text += fmt::format("  head {}: {}\n", h, describe_head(layer.heads[h]));
    if (layer.heads_out) text += fmt::format("  heads out {}\n", layer.heads_out->describe());
    if (layer.after) text += fmt::format("  after {}\n", layer.after->describe());
    for_each_row_function(layer, [&](const std::string& name, const auto& f) {
      if (f.has_oracle() && oracles.empty()) oracles = fmt::format("layer {}, {}", l, name);
    });
  }
  if (!oracles.empty()) text += fmt::format("has an Oracle (first in {}): it cannot be exported as weights\n", oracles);
  return text;
}

template std::size_t check(const Layer<float>&, std::size_t, std::size_t, std::size_t, std::size_t);
template std::size_t check(const Layer<double>&, std::size_t, std::size_t, std::size_t, std::size_t);
template class Transformer<float>;
template class Transformer<double>;

}  // namespace bridge
