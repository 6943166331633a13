#include "transformer_bridge/transformer/routed_program.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <variant>

#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/cpu.h"

namespace bridge {
namespace {

constexpr std::size_t tiles_a_unit = 16;

// ---- Equal layers ---------------------------------------------------------------------------------------------------------------

template <class Real>
bool equal(const Linear<Real>& a, const Linear<Real>& b) {
  return a.weights == b.weights && a.bias == b.bias;
}

template <class Real>
bool equal(const RowFunction<Real>& a, const RowFunction<Real>& b) {
  if (a.index() != b.index()) return false;
  if (const auto* linear = std::get_if<Linear<Real>>(&a)) return equal(*linear, std::get<Linear<Real>>(b));
  if (const auto* mlp = std::get_if<Mlp<Real>>(&a)) {
    const auto& other = std::get<Mlp<Real>>(b);
    return mlp->activation == other.activation &&
           std::ranges::equal(mlp->layers, other.layers, [](const auto& x, const auto& y) { return equal(x, y); });
  }
  if (const auto* sequence = std::get_if<Sequence<Real>>(&a)) {
    const auto& other = std::get<Sequence<Real>>(b);
    return sequence->residual == other.residual &&
           std::ranges::equal(sequence->steps, other.steps, [](const auto& x, const auto& y) { return equal(x, y); });
  }
  return false;  // not for this program
}

template <class Real>
bool equal(const std::optional<RowFunction<Real>>& a, const std::optional<RowFunction<Real>>& b) {
  return a.has_value() == b.has_value() && (!a || equal(*a, *b));
}

template <class Real>
bool equal(const Head<Real>& a, const Head<Real>& b) {
  if (a.scale != b.scale || a.mask.kind() != b.mask.kind() || a.mask.shown() != b.mask.shown()) return false;
  if (a.start.has_value() != b.start.has_value()) return false;
  if (a.start && (a.start->key != b.start->key || a.start->value != b.start->value)) return false;
  return equal(a.query, b.query) && equal(a.key, b.key) && equal(a.value, b.value);
}

template <class Real>
bool equal(const Layer<Real>& a, const Layer<Real>& b) {
  return equal(a.before, b.before) && equal(a.heads_in, b.heads_in) && equal(a.heads_out, b.heads_out) && equal(a.after, b.after) &&
         std::ranges::equal(a.heads, b.heads, [](const auto& x, const auto& y) { return equal(x, y); });
}

// ---- Numbers that are none ------------------------------------------------------------------------------------------------------

/// The first tokens of those that threads find.
class NotFinite {
 public:
  /// Looks at a tile [columns][64], of which `count` tokens are there.
  template <class Real>
  void look(const Real* tile, std::size_t columns, std::size_t first, std::size_t count) {
    // x - x is 0, or NaN; what is no token's is finite too.
    Real sums[tile_tokens] = {};
    for (std::size_t c = 0; c < columns; ++c) {
      for (std::size_t i = 0; i < tile_tokens; ++i) sums[i] += tile[c * tile_tokens + i] - tile[c * tile_tokens + i];
    }
    if (std::ranges::all_of(sums, [](Real sum) { return sum == 0; })) return;
    for (std::size_t c = 0; c < columns; ++c) {
      for (std::size_t i = 0; i < count; ++i) {
        const auto x = tile[c * tile_tokens + i];
        if (!std::isfinite(x)) lower(std::isnan(x) ? nan_ : infinity_, first + i);
      }
    }
  }
  void refuse(std::size_t layer, const char* part) const {
    if (nan_ != none) throw mpc::Fault(fmt::format("layer {}, {}, token {}: NaN", layer, part, nan_.load()));
    if (infinity_ != none) throw mpc::Fault(fmt::format("layer {}, {}, token {}: infinity", layer, part, infinity_.load()));
  }

 private:
  static constexpr auto none = std::numeric_limits<std::size_t>::max();
  static void lower(std::atomic<std::size_t>& least, std::size_t token) {
    auto before = least.load();
    while (token < before && !least.compare_exchange_weak(before, token)) {
    }
  }
  std::atomic<std::size_t> nan_{none}, infinity_{none};
};

class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

template <class Real>
RoutedProgram<Real>::RoutedProgram(const Transformer<Real>& transformer, std::size_t threads)
    : transformer_(&transformer), pool_(threads), attention_(pool_, [this]() -> const Kernels<Real>& {
        if (!dense_) dense_ = cpu_kernels<Real>(pool_.threads());
        return *dense_;
      }) {
  for (std::size_t l = 0; l < transformer.layers().size(); ++l) {
    const auto& layer = transformer.layers()[l];
    const auto same = std::ranges::find_if(different_, [&](const LayerRows& rows) { return equal(*rows.layer, layer); });
    layers_.push_back(static_cast<std::size_t>(same - different_.begin()));
    if (same == different_.end()) different_.push_back(prepared(layer, l));
  }
}

template <class Real>
RoutedProgram<Real>::~RoutedProgram() = default;

template <class Real>
typename RoutedProgram<Real>::LayerRows RoutedProgram<Real>::prepared(const Layer<Real>& layer, std::size_t index) const {
  LayerRows rows;
  rows.layer = &layer;
  const auto place = [&](const std::optional<RowFunction<Real>>& function, std::optional<SparseRows<Real>>& there, const char* name) {
    if (!function) return;
    there.emplace(*function, fmt::format("layer {}, {}", index, name));
    rows.nonzeros += there->nonzeros();
  };
  place(layer.before, rows.before, "before");
  place(layer.heads_in, rows.heads_in, "heads_in");
  place(layer.heads_out, rows.heads_out, "heads_out");
  place(layer.after, rows.after, "after");
  for (std::size_t h = 0; h < layer.heads.size(); ++h) {
    const auto& head = layer.heads[h];
    if (head.mask.kind() == Mask::Kind::any) {
      throw mpc::UsageError(
          fmt::format("layer {}, head {}: the routed kernel has no mask or a causal one; expected the dense kernel to be used", index, h));
    }
    const auto rows_of = [&](const RowFunction<Real>& function, const char* name) {
      SparseRows<Real> result(function, fmt::format("layer {}, head {}, {}", index, h, name));
      rows.nonzeros += result.nonzeros();
      return result;
    };
    rows.heads.push_back({rows_of(head.query, "query"), rows_of(head.key, "key"), rows_of(head.value, "value")});
    rows.values += head.value.out();
  }
  return rows;
}

template <class Real>
template <class Function>
void RoutedProgram<Real>::for_tiles(TokenTiles<Real>& x, std::size_t columns, std::size_t scratch_columns, const Function& function) {
  TokenTiles<Real> other;
  const bool in_place = columns == x.columns();
  if (!in_place) other = TokenTiles<Real>(x.tokens(), columns);
  pool_.run((x.tiles() + tiles_a_unit - 1) / tiles_a_unit, [&](std::size_t unit) {
    thread_local AlignedArray<Real> scratch;
    scratch.grow((columns + scratch_columns) * tile_tokens);
    for (auto tile = unit * tiles_a_unit; tile < std::min(x.tiles(), (unit + 1) * tiles_a_unit); ++tile) {
      auto* out = in_place ? scratch.data() : other.tile(tile);
      function(tile, static_cast<const Real*>(x.tile(tile)), out, scratch.data() + columns * tile_tokens);
      if (in_place) std::copy_n(out, columns * tile_tokens, x.tile(tile));
    }
  });
  if (!in_place) x = std::move(other);
}

template <class Real>
void RoutedProgram<Real>::begin(std::size_t layer, TokenTiles<Real>& x) {
  const auto& rows = different_[layers_[layer]];
  if (!rows.before && layer != 0) return;  // the layer before has looked at them
  NotFinite bad;
  const Stopwatch watch(statistics_.row_seconds);
  if (rows.before) {
    for_tiles(x, rows.before->out(), rows.before->scratch_columns(), [&](std::size_t tile, const Real* from, Real* to, Real* scratch) {
      rows.before->apply(from, to, scratch);
      bad.look(to, rows.before->out(), tile * tile_tokens, tokens_in(tile, x.tokens()));
    });
  } else {
    pool_.run(x.tiles(), [&](std::size_t tile) { bad.look(x.tile(tile), x.columns(), tile * tile_tokens, tokens_in(tile, x.tokens())); });
  }
  bad.refuse(layer, rows.before ? "before" : "input");
}

template <class Real>
void RoutedProgram<Real>::attend(std::size_t layer, const TokenTiles<Real>& x, std::size_t shown) {
  const auto& rows = different_[layers_[layer]];
  const Stopwatch watch(statistics_.attention_seconds);
  if (heads_.size() < rows.heads.size()) heads_.resize(rows.heads.size());
  for (std::size_t h = 0; h < rows.heads.size(); ++h) {
    const auto& head = rows.layer->heads[h];
    const auto source = [&](const SparseRows<Real>& function) -> TileSource<Real> {
      return [&rows, &function, &x](std::size_t tile, Real* out) -> const Real* {
        thread_local AlignedArray<Real> scratch;
        const auto read = rows.heads_in ? rows.heads_in->out() : 0;
        const auto columns = std::max(function.scratch_columns(), rows.heads_in ? rows.heads_in->scratch_columns() : 0);
        scratch.grow((read + columns) * tile_tokens);
        const auto* from = x.tile(tile);
        auto* rest = scratch.data() + read * tile_tokens;
        if (rows.heads_in) {
          rows.heads_in->apply(from, scratch.data(), rest);
          from = scratch.data();
        }
        function.apply(from, out, rest);
        return out;
      };
    };
    RoutedHead<Real> routed;
    routed.n = routed.t = x.tokens();
    routed.k = head.query.out();
    routed.v = head.value.out();
    routed.queries = source(rows.heads[h].query);
    routed.keys = source(rows.heads[h].key);
    routed.values = source(rows.heads[h].value);
    routed.scale = head.scale;
    routed.causal = head.mask.kind() == Mask::Kind::causal;
    routed.shown = std::min(head.mask.shown(), shown);
    routed.start = head.start ? &*head.start : nullptr;
    routed.place = fmt::format("layer {}, head {}", layer, h);
    statistics_.attention += attention_.run(routed, heads_[h]);
  }
}

template <class Real>
void RoutedProgram<Real>::end(std::size_t layer, TokenTiles<Real>& x) {
  const auto& rows = different_[layers_[layer]];
  if (rows.heads.empty() && !rows.after) return;
  const Stopwatch watch(statistics_.row_seconds);
  NotFinite in_sum, in_after;
  const auto width = transformer_->width(), columns = rows.after ? rows.after->out() : width;
  const auto scratch_columns =
      std::max(rows.heads_out ? rows.heads_out->scratch_columns() : 0, rows.after ? rows.after->scratch_columns() : 0);
  for_tiles(x, columns, rows.values + width + scratch_columns, [&](std::size_t tile, const Real* from, Real* to, Real* scratch) {
    const auto first = tile * tile_tokens, count = tokens_in(tile, x.tokens());
    auto *values = scratch, *sum = values + rows.values * tile_tokens, *rest = sum + width * tile_tokens;
    if (!rows.heads.empty()) {
      std::size_t at = 0;
      for (std::size_t h = 0; h < rows.heads.size(); ++h) {
        heads_[h].put(tile, count, values + at * tile_tokens);
        at += rows.heads[h].value.out();
      }
      if (rows.heads_out) {
        rows.heads_out->apply(values, sum, rest);
        for (std::size_t i = 0; i < width * tile_tokens; ++i) sum[i] += from[i];
      } else {
        std::copy_n(from, width * tile_tokens, sum);
        for (at = 0; at < rows.values; at += width) {
          for (std::size_t i = 0; i < width * tile_tokens; ++i) sum[i] += values[at * tile_tokens + i];
        }
      }
      in_sum.look(sum, width, first, count);
      from = sum;
    }
    if (rows.after) {
      rows.after->apply(from, to, rest);
      in_after.look(to, columns, first, count);
    } else {
      std::copy_n(from, width * tile_tokens, to);
    }
  });
  in_sum.refuse(layer, "sum of the heads");
  in_after.refuse(layer, "after");
}

template <class Real>
Matrix<Real> RoutedProgram<Real>::forward(const Matrix<Real>& x, std::size_t shown) {
  const auto n = x.rows(), most = transformer_->tokens();
  if (n > most) throw mpc::InputError(fmt::format("expected a sequence of at most {} tokens, got {}", most, n));
  expect_equal("input", "columns", transformer_->in(), x.columns());
  statistics_ = {};
  statistics_.different_layers = different_.size();
  for (const auto layer : layers_) statistics_.nonzeros += different_[layer].nonzeros;
  if (layers_.empty()) return x;
  TokenTiles<Real> rows(n, x.columns());
  pool_.run(rows.tiles(), [&](std::size_t tile) {
    put_rows(x.values().data() + tile * tile_tokens * x.columns(), tokens_in(tile, n), x.columns(), rows.tile(tile));
  });
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    begin(l, rows);
    attend(l, rows, shown);
    end(l, rows);
  }
  Matrix<Real> result(n, transformer_->out());
  pool_.run(rows.tiles(), [&](std::size_t tile) {
    take_rows(static_cast<const Real*>(rows.tile(tile)), tokens_in(tile, n), result.columns(),
              result.values().data() + tile * tile_tokens * result.columns());
  });
  return result;
}

template class RoutedProgram<float>;
template class RoutedProgram<double>;

}  // namespace bridge
