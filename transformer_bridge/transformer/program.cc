#include "transformer_bridge/transformer/program.h"

#include <algorithm>

#include <fmt/core.h>

#include "mpc/error.h"

namespace bridge {
namespace {

bool alike(const Mask& a, const Mask& b) { return a.kind() == b.kind() && a.shown() == b.shown() && a.visible() == b.visible(); }

template <class Real>
bool alike(const Head<Real>& a, const Head<Real>& b) {
  return a.query.out() == b.query.out() && a.value.out() == b.value.out() && a.scale == b.scale &&
         a.start.has_value() == b.start.has_value() && alike(a.mask, b.mask);
}

template <class Real>
bool is_linear(const Head<Real>& head) {
  return std::holds_alternative<Linear<Real>>(head.query) && std::holds_alternative<Linear<Real>>(head.key) &&
         std::holds_alternative<Linear<Real>>(head.value);
}

}  // namespace

template <class Real>
Program<Real>::Program(const Transformer<Real>& transformer, const Kernels<Real>& kernels)
    : transformer_(&transformer), kernels_(&kernels), workspace_(kernels.memory()) {
  const auto place = [&](const std::optional<RowFunction<Real>>& function, std::optional<DeviceRows<Real>>& there) {
    if (function) there.emplace(*function, kernels);
  };
  for (const auto& layer : transformer.layers()) {
    auto& program = layers_.emplace_back();
    place(layer.before, program.before);
    place(layer.heads_in, program.heads_in);
    place(layer.heads_out, program.heads_out);
    place(layer.after, program.after);
    fill_groups(layer, program);
    fill_projection(layer, program);
  }
}

template <class Real>
void Program<Real>::fill_groups(const Layer<Real>& layer, LayerProgram& program) const {
  std::vector<std::vector<Real>> start_keys, start_values;
  for (std::size_t h = 0; h < layer.heads.size(); ++h) {
    const auto& head = layer.heads[h];
    if (h == 0 || !alike(layer.heads[h - 1], head)) {
      auto& group = program.groups.emplace_back();
      group.first = h;
      group.k = head.query.out();
      group.v = head.value.out();
      group.query_at = program.columns.queries;
      group.value_at = program.columns.values;
      group.part_at = program.columns.parts;
      group.mask = head.mask;
      group.scale = head.scale;
      start_keys.emplace_back();
      start_values.emplace_back();
    }
    ++program.groups.back().heads;
    program.columns.queries += head.query.out();
    program.columns.values += head.value.out();
    program.columns.parts += 2 + head.value.out();
    if (!head.start) continue;
    start_keys.back().insert(start_keys.back().end(), head.start->key.begin(), head.start->key.end());
    start_values.back().insert(start_values.back().end(), head.start->value.begin(), head.start->value.end());
  }
  for (std::size_t g = 0; g < program.groups.size(); ++g) {
    program.groups[g].start_keys = Array<Real>(memory(), start_keys[g]);
    program.groups[g].start_values = Array<Real>(memory(), start_values[g]);
  }
}

template <class Real>
void Program<Real>::fill_projection(const Layer<Real>& layer, LayerProgram& program) const {
  if (!std::ranges::all_of(layer.heads, is_linear<Real>)) {
    for (const auto& head : layer.heads) {
      program.heads.push_back(
          {DeviceRows<Real>(head.query, *kernels_), DeviceRows<Real>(head.key, *kernels_), DeviceRows<Real>(head.value, *kernels_)});
    }
    return;
  }
  if (layer.heads.empty()) return;
  const auto seen = layer.heads[0].query.in(), columns = program.columns.projected();
  Matrix<Real> weights(seen, columns);
  std::vector<Real> bias(columns);
  std::size_t at = 0;
  const auto append = [&](const RowFunction<Real>& function) {
    const auto& linear = std::get<Linear<Real>>(function);
    for (std::size_t i = 0; i < seen; ++i) std::ranges::copy(linear.weights.row(i), weights.row(i).subspan(at).begin());
    std::ranges::copy(linear.bias, bias.begin() + static_cast<std::ptrdiff_t>(at));
    at += linear.weights.columns();
  };
  for (const auto& head : layer.heads) append(head.query);
  for (const auto& head : layer.heads) append(head.key);
  for (const auto& head : layer.heads) append(head.value);
  program.projection = kernels_->pack_linear(seen, columns, weights.values(), bias);
}

template <class Real>
std::size_t Program<Real>::in(std::size_t layer) const {
  return layers_[layer].before ? layers_[layer].before->in() : transformer_->width();
}

template <class Real>
std::size_t Program<Real>::out(std::size_t layer) const {
  return layers_[layer].after ? layers_[layer].after->out() : transformer_->width();
}

template <class Real>
void Program<Real>::expect_tokens(std::size_t tokens) const {
  const auto most = transformer_->tokens();
  if (tokens > most) throw mpc::InputError(fmt::format("expected a sequence of at most {} tokens, got {}", most, tokens));
  for (const auto& layer : layers_) {
    for (const auto& group : layer.groups) {
      if (group.mask.kind() == Mask::Kind::any && tokens != most) {
        throw mpc::InputError(fmt::format("expected a sequence of {} tokens, which the mask is for, got {}", most, tokens));
      }
    }
  }
}

template <class Real>
void Program<Real>::expect_no_nan(std::size_t n, std::size_t columns, std::span<const Real> x, const TokenRange& tokens,
                                  const Place& place) const {
  const auto row = kernels_->first_nan(n, columns, x);
  if (row < n) throw mpc::Fault(fmt::format("{}, token {}: NaN", place.text(), tokens.first + row));
}

template <class Real>
void Program<Real>::begin(std::size_t layer, const TokenRange& tokens, std::span<const Real> x, std::span<Real> rows) {
  const auto& before = layers_[layer].before;
  if (before) {
    before->apply(tokens.first, tokens.count, x, {}, rows, workspace_, {layer, "before"});
  } else {
    kernels_->copy_columns(1, rows.size(), x, rows.size(), rows, rows.size());
  }
  expect_no_nan(tokens.count, transformer_->width(), rows, tokens, {layer, before ? "before" : "input"});
}

template <class Real>
void Program<Real>::project(std::size_t layer, const TokenRange& tokens, std::span<const Real> rows, std::span<Real> projected) {
  const auto& program = layers_[layer];
  const auto n = tokens.count;
  std::optional<Scratch> read;
  auto seen = rows;
  if (program.heads_in) {
    read.emplace(workspace_, n * program.heads_in->out());
    program.heads_in->apply(tokens.first, n, rows, {}, read->span(), workspace_, {layer, "heads_in"});
    seen = read->span();
  }
  if (program.projection) return kernels_->linear(*program.projection, tokens.first, n, seen, {}, {}, projected);
  const auto stride = program.columns.projected();
  std::size_t at = 0;
  const auto put = [&](const DeviceRows<Real>& function, const char* name) {
    Scratch out(workspace_, n * function.out());
    function.apply(tokens.first, n, seen, {}, out.span(), workspace_, {layer, name});
    if (n != 0) kernels_->copy_columns(n, function.out(), out.span(), function.out(), projected.subspan(at), stride);
    at += function.out();
  };
  for (const auto& head : program.heads) put(head.query, "query");
  for (const auto& head : program.heads) put(head.key, "key");
  for (const auto& head : program.heads) put(head.value, "value");
}

template <class Real>
void Program<Real>::end(std::size_t layer, const TokenRange& tokens, std::span<const Real> rows, std::span<const Real> heads,
                        std::span<Real> out) {
  const auto& program = layers_[layer];
  const auto n = tokens.count, width = transformer_->width();
  std::optional<Scratch> sum;
  auto with_heads = rows;
  if (!transformer_->layers()[layer].heads.empty()) {
    sum.emplace(workspace_, n * width);
    if (program.heads_out) {
      program.heads_out->apply(tokens.first, n, heads, rows, sum->span(), workspace_, {layer, "heads_out"});
    } else {
      kernels_->copy_columns(1, rows.size(), rows, rows.size(), sum->span(), rows.size());
      Scratch one(workspace_, n * width);
      for (std::size_t at = 0; n != 0 && at < program.columns.values; at += width) {
        kernels_->copy_columns(n, width, heads.subspan(at), program.columns.values, one.span(), width);
        kernels_->add(one.span(), sum->span());
      }
    }
    with_heads = sum->span();
    expect_no_nan(n, width, with_heads, tokens, {layer, "sum of the heads"});
  }
  if (program.after) {
    program.after->apply(tokens.first, n, with_heads, {}, out, workspace_, {layer, "after"});
    expect_no_nan(n, program.after->out(), out, tokens, {layer, "after"});
  } else {
    kernels_->copy_columns(1, out.size(), with_heads, out.size(), out, out.size());
  }
}

template <class Real>
VisibleKeys Program<Real>::visible(const HeadGroup<Real>& group, const TokenRange& tokens, const TokenRange& seen,
                                   Array<std::uint8_t>& bytes) const {
  VisibleKeys keys{tokens.first, seen.first, std::min(group.mask.shown(), tokens.shown), group.mask.kind() == Mask::Kind::causal};
  if (group.mask.kind() == Mask::Kind::any) {
    std::vector<std::uint8_t> mask(tokens.count * seen.count);
    for (std::size_t i = 0; i < tokens.count; ++i) {
      for (std::size_t j = 0; j < seen.count; ++j) mask[i * seen.count + j] = group.mask.visible()(tokens.first + i, seen.first + j);
    }
    bytes = Array<std::uint8_t>(memory(), mask);
    keys.visible = bytes.span();
  }
  return keys;
}

template <class Real>
std::vector<typename Program<Real>::Slice> Program<Real>::slices(std::size_t layer, const HeadRange& heads) const {
  std::vector<Slice> result;
  HeadColumns before;
  const auto end = heads.count > std::numeric_limits<std::size_t>::max() - heads.first ? heads.count : heads.first + heads.count;
  for (const auto& group : layers_[layer].groups) {
    const auto first = std::max(heads.first, group.first), last = std::min(end, group.first + group.heads);
    if (first >= last) continue;
    result.push_back({&group, first - group.first, last - first, before.queries, before.values, before.parts});
    before.queries += (last - first) * group.k;
    before.values += (last - first) * group.v;
    before.parts += (last - first) * (2 + group.v);
  }
  return result;
}

template <class Real>
HeadColumns Program<Real>::columns(std::size_t layer, const HeadRange& heads) const {
  HeadColumns result;
  for (const auto& slice : slices(layer, heads)) {
    result.queries += slice.heads * slice.group->k;
    result.values += slice.heads * slice.group->v;
    result.parts += slice.heads * (2 + slice.group->v);
  }
  return result;
}

template <class Real>
void Program<Real>::attend(std::size_t layer, const HeadRange& heads, const TokenRange& tokens, std::span<const Real> queries,
                           std::size_t query_stride, const TokenRange& seen, std::span<const Real> keys_values,
                           std::size_t key_value_stride, std::span<Real> out) {
  const auto n = tokens.count;
  const auto all = slices(layer, heads);
  const auto its = columns(layer, heads);
  if (n == 0) return;
  if (std::ranges::any_of(all, [](const auto& slice) { return slice.group->start_keys.size() != 0; })) {
    Scratch parts(workspace_, n * its.parts);
    partial(all, its, tokens, queries, query_stride, seen, keys_values, key_value_stride, parts.span());
    return finish(all, its, n, queries, query_stride, parts.span(), out);
  }
  for (const auto& slice : all) {
    const auto& group = *slice.group;
    Array<std::uint8_t> bytes;
    const auto keys = visible(group, tokens, seen, bytes);
    const AttentionShape shape{n, seen.count, group.k, group.v, slice.heads, query_stride, key_value_stride, key_value_stride,
                               0, its.values};
    kernels_->attention(shape, queries.subspan(slice.query_at), keys_values.subspan(slice.query_at),
                        keys_values.subspan(its.queries + slice.value_at), keys, group.scale, out.subspan(slice.value_at));
  }
}

template <class Real>
typename Program<Real>::Part Program<Real>::part_of(const Slice& slice, std::size_t n, std::span<Real> parts) {
  const auto each = n * slice.heads;
  const auto all = parts.subspan(n * slice.part_at, each * (2 + slice.group->v));
  return {all.first(each), all.subspan(each, each), all.subspan(2 * each)};
}

template <class Real>
void Program<Real>::partial(const std::vector<Slice>& all, const HeadColumns& its, const TokenRange& tokens, std::span<const Real> queries,
                            std::size_t query_stride, const TokenRange& seen, std::span<const Real> keys_values,
                            std::size_t key_value_stride, std::span<Real> parts) {
  const auto n = tokens.count;
  for (const auto& slice : all) {
    const auto& group = *slice.group;
    Array<std::uint8_t> bytes;
    const auto keys = visible(group, tokens, seen, bytes);
    const AttentionShape shape{n, seen.count, group.k, group.v, slice.heads, query_stride, key_value_stride, key_value_stride};
    const auto part = part_of(slice, n, parts);
    const auto from = [&](std::size_t column) {
      return keys_values.subspan(std::min(column, keys_values.size()));
    };  // there may be no keys
    kernels_->attention_partial(shape, queries.subspan(slice.query_at), from(slice.query_at), from(its.queries + slice.value_at), keys,
                                group.scale, part.largest, part.sum, part.value);
  }
}

template <class Real>
void Program<Real>::attend_partial(std::size_t layer, const TokenRange& tokens, std::span<const Real> queries, std::size_t query_stride,
                                   const TokenRange& seen, std::span<const Real> keys_values, std::size_t key_value_stride,
                                   std::span<Real> parts) {
  if (tokens.count == 0) return;
  partial(slices(layer, {}), columns(layer), tokens, queries, query_stride, seen, keys_values, key_value_stride, parts);
}

template <class Real>
void Program<Real>::attend_blocks(std::size_t layer, std::size_t n, std::size_t shown, std::span<const BlockPair> pairs,
                                  std::span<const Real> queries, std::span<const Real> keys_values, std::span<Real> parts) {
  if (pairs.empty()) return;
  const auto& its = columns(layer);
  const auto stride = its.keys_values();
  for (const auto& slice : slices(layer, {})) {
    const auto& group = *slice.group;
    VisibleKeys keys{0, 0, std::min(group.mask.shown(), shown), group.mask.kind() == Mask::Kind::causal};
    Array<std::uint8_t> bytes;
    if (group.mask.kind() == Mask::Kind::any) {
      std::vector<std::uint8_t> mask(pairs.size() * n * n);
      for (std::size_t p = 0; p < pairs.size(); ++p) {
        for (std::size_t i = 0; i < pairs[p].queries; ++i) {
          for (std::size_t j = 0; j < pairs[p].keys; ++j) {
            mask[(p * n + i) * n + j] = group.mask.visible()(pairs[p].first_query + i, pairs[p].first_key + j);
          }
        }
      }
      bytes = Array<std::uint8_t>(memory(), mask);
      keys.visible = bytes.span();
    }
    const AttentionShape shape{n, n, group.k, group.v, slice.heads, its.queries, stride, stride};
    const auto part = part_of(slice, pairs.size() * n, parts);
    kernels_->attention_blocks(shape, pairs, queries.subspan(slice.query_at), keys_values.subspan(slice.query_at),
                               keys_values.subspan(its.queries + slice.value_at), keys, group.scale, part.largest, part.sum, part.value);
  }
}

template <class Real>
void Program<Real>::merge(std::size_t layer, std::size_t n, std::span<Real> into, std::span<const Real> from) {
  const std::span<Real> read(const_cast<Real*>(from.data()), from.size());  // only to find its parts
  for (const auto& slice : slices(layer, {})) {
    const auto mine = part_of(slice, n, into), other = part_of(slice, n, read);
    kernels_->merge(n * slice.heads, slice.group->v, mine.largest, mine.sum, mine.value, other.largest, other.sum, other.value);
  }
}

template <class Real>
void Program<Real>::finish(std::size_t layer, std::size_t n, std::span<const Real> queries, std::size_t query_stride, std::span<Real> parts,
                           std::span<Real> out) {
  if (n != 0) finish(slices(layer, {}), columns(layer), n, queries, query_stride, parts, out);
}

template <class Real>
void Program<Real>::finish(const std::vector<Slice>& all, const HeadColumns& its, std::size_t n, std::span<const Real> queries,
                           std::size_t query_stride, std::span<Real> parts, std::span<Real> out) {
  for (const auto& slice : all) {
    const auto& group = *slice.group;
    const auto part = part_of(slice, n, parts);
    const auto each = n * slice.heads;
    if (group.start_keys.size() != 0) {
      Scratch own(workspace_, each * (2 + group.v));
      const auto largest = own.span().first(each), sum = own.span().subspan(each, each), value = own.span().subspan(2 * each);
      const AttentionShape shape{n, 1, group.k, group.v, slice.heads, query_stride};
      kernels_->attention_partial(shape, queries.subspan(slice.query_at), group.start_keys.span().subspan(slice.first * group.k),
                                  group.start_values.span().subspan(slice.first * group.v), {}, group.scale, largest, sum, value);
      kernels_->merge(each, group.v, part.largest, part.sum, part.value, largest, sum, value);
    }
    kernels_->finish(each, group.v, part.sum, part.value, part.value);
    kernels_->copy_columns(n, slice.heads * group.v, part.value, slice.heads * group.v, out.subspan(slice.value_at), its.values);
  }
}

template <class Real>
Matrix<Real> Program<Real>::forward(const Matrix<Real>& x, std::size_t shown) {
  const TokenRange tokens{0, x.rows(), shown};
  const auto n = x.rows(), width = transformer_->width();
  expect_tokens(n);
  expect_equal("input", "columns", transformer_->in(), x.columns());
  std::optional<Scratch> x_there(std::in_place, workspace_, x.values().size());
  memory().upload(x_there->span().data(), x.values().data(), x.values().size_bytes());
  if (layers_.empty()) return x;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const auto& columns = layers_[l].columns;
    Scratch rows(workspace_, n * width), projected(workspace_, n * columns.projected()), heads(workspace_, n * columns.values);
    begin(l, tokens, x_there->span(), rows.span());
    project(l, tokens, rows.span(), projected.span());
    if (n != 0) {
      attend(l, {}, tokens, projected.span(), columns.projected(), tokens, projected.span().subspan(columns.queries), columns.projected(),
             heads.span());
    }
    x_there.emplace(workspace_, n * out(l));
    end(l, tokens, rows.span(), heads.span(), x_there->span());
  }
  Matrix<Real> result(n, transformer_->out());
  memory().download(result.values().data(), x_there->span().data(), result.values().size_bytes());
  return result;
}

template class Program<float>;
template class Program<double>;

}  // namespace bridge
