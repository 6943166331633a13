#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "transformer_bridge/kernels/kernels.h"
#include "transformer_bridge/transformer/device_rows.h"
#include "transformer_bridge/transformer/transformer.h"

namespace bridge {

/// Heads of a layer that follow each other and are alike in widths, scale and mask: one kernel call for all.
template <class Real>
struct HeadGroup {
  std::size_t first = 0, heads = 0;        ///< heads first..first + heads - 1
  std::size_t k = 0, v = 0;                ///< widths of each
  std::size_t query_at = 0, value_at = 0;  ///< columns of its first query, and so key, and of its first value, among those of all heads
  std::size_t part_at = 0;                 ///< of its partials among those of all groups, in numbers a token
  Mask mask{};
  Real scale = 1;
  Array<Real> start_keys{}, start_values{};  ///< [heads k], [heads v]; empty: no start token

  std::size_t part_columns() const { return heads * (2 + v); }
};

/// What heads read and write, in columns. A projected row holds the queries of all heads, then their keys, then their values.
struct HeadColumns {
  std::size_t queries = 0;  ///< of all heads, and as many of keys
  std::size_t values = 0;
  std::size_t parts = 0;  ///< numbers of the softmax partials of a token: 2 + v a head
  std::size_t projected() const { return 2 * queries + values; }
  std::size_t keys_values() const { return queries + values; }
};

/// Heads first..first + count - 1 of a layer.
struct HeadRange {
  std::size_t first = 0, count = std::numeric_limits<std::size_t>::max();
};

/// Some tokens, of a sequence of which only the first `shown` are seen: what comes after is padding.
struct TokenRange {
  std::size_t first = 0, count = 0;
  std::size_t shown = std::numeric_limits<std::size_t>::max();
};

/// A transformer made ready for a device: weights where its kernels read them, the projections of a layer's heads side by side. The parts
/// of a layer are calls of their own, so that whoever distributes the tokens decides what lies between them:
///   begin    rows of the residual stream, from the rows before
///   project  queries, keys and values of all heads
///   attend, or attend_partial, merge and finish
///   end      heads added, and what comes after
/// Spans are of the device's memory, arrays dense. Sequences may be shorter than tokens(), where no mask of kind `any` says what each token
/// sees. A row depends on its own token's and, of attention, on keys and values, and is the same bits whatever rows are computed with it.
template <class Real>
class Program {
 public:
  /// Both outlive this.
  Program(const Transformer<Real>& transformer, const Kernels<Real>& kernels);

  const Transformer<Real>& transformer() const { return *transformer_; }
  const Kernels<Real>& kernels() const { return *kernels_; }
  Memory& memory() const { return kernels_->memory(); }
  std::size_t layers() const { return layers_.size(); }
  const HeadColumns& columns(std::size_t layer) const { return layers_[layer].columns; }
  const std::vector<HeadGroup<Real>>& groups(std::size_t layer) const { return layers_[layer].groups; }
  std::size_t in(std::size_t layer) const;   ///< columns of the rows before a layer
  std::size_t out(std::size_t layer) const;  ///< and after it

  /// Throws mpc::InputError if a sequence of so many tokens is too long, or too short for a mask.
  void expect_tokens(std::size_t tokens) const;

  /// x [n, in(layer)] -> rows [n, width]. Errors as of RowFunction::apply; mpc::Fault, with the token, for a NaN.
  void begin(std::size_t layer, const TokenRange& tokens, std::span<const Real> x, std::span<Real> rows);
  /// rows [n, width] -> projected [n, columns(layer).projected()].
  void project(std::size_t layer, const TokenRange& tokens, std::span<const Real> rows, std::span<Real> projected);
  /// rows [n, width], heads [n, columns(layer).values] -> out [n, out(layer)]. Throws mpc::Fault, with the token, for a NaN.
  void end(std::size_t layer, const TokenRange& tokens, std::span<const Real> rows, std::span<const Real> heads, std::span<Real> out);

  /// The same for some heads only, which arrays then hold nothing but.
  HeadColumns columns(std::size_t layer, const HeadRange& heads) const;

  /// Some heads of `tokens`, who see the keys and values of the tokens `seen`; the columns are those of these heads. Strides are in numbers
  /// from one token's row to the next.
  ///   queries [n, queries], keys_values [t, keys_values()], out [n, values]
  void attend(std::size_t layer, const HeadRange& heads, const TokenRange& tokens, std::span<const Real> queries, std::size_t query_stride,
              const TokenRange& seen, std::span<const Real> keys_values, std::size_t key_value_stride, std::span<Real> out);

  /// The same of all heads, in parts: for each group, one after the other, largest [n, heads], sum [n, heads], value [n, heads v].
  void attend_partial(std::size_t layer, const TokenRange& tokens, std::span<const Real> queries, std::size_t query_stride,
                      const TokenRange& seen, std::span<const Real> keys_values, std::size_t key_value_stride, std::span<Real> parts);
  /// Many pairs of blocks of at most n tokens each; row p * n + i of every array is token i of pair p's block, and parts are of P * n
  /// tokens.
  ///   pairs [P], on the host; queries [P n, queries], keys_values [P n, keys_values()], parts [P n, parts]
  void attend_blocks(std::size_t layer, std::size_t n, std::size_t shown, std::span<const BlockPair> pairs, std::span<const Real> queries,
                     std::span<const Real> keys_values, std::span<Real> parts);
  /// into = into and from, both of n tokens.
  void merge(std::size_t layer, std::size_t n, std::span<Real> into, std::span<const Real> from);
  /// The heads of n tokens, from their parts over all keys; start tokens are added here, last. parts may be changed.
  ///   queries [n, queries], parts [n, parts], out [n, values]
  void finish(std::size_t layer, std::size_t n, std::span<const Real> queries, std::size_t query_stride, std::span<Real> parts,
              std::span<Real> out);

  /// The whole of it on this process. x [N, in(0)], on the host -> [N, out of the last layer].
  Matrix<Real> forward(const Matrix<Real>& x, std::size_t shown = std::numeric_limits<std::size_t>::max());

 private:
  using Scratch = typename Workspace<Real>::Scratch;
  /// The row functions of one head: all three at once, if they are linear.
  struct HeadRows {
    DeviceRows<Real> query, key, value;
  };
  struct LayerProgram {
    HeadColumns columns;
    std::vector<HeadGroup<Real>> groups;
    std::optional<DeviceRows<Real>> before, heads_in, heads_out, after;
    std::unique_ptr<PackedLinear<Real>> projection;  // of all heads, if all their functions are Linear
    std::vector<HeadRows> heads;                     // else
  };
  /// Heads of a group that take part in a call, and where their columns and partials are.
  struct Slice {
    const HeadGroup<Real>* group;
    std::size_t first, heads;  // of the group's
    std::size_t query_at, value_at, part_at;
  };
  struct Part {
    std::span<Real> largest, sum, value;
  };

  std::vector<Slice> slices(std::size_t layer, const HeadRange& heads) const;
  static Part part_of(const Slice& slice, std::size_t n, std::span<Real> parts);
  void partial(const std::vector<Slice>& slices, const HeadColumns& columns, const TokenRange& tokens, std::span<const Real> queries,
               std::size_t query_stride, const TokenRange& seen, std::span<const Real> keys_values, std::size_t key_value_stride,
               std::span<Real> parts);
  void finish(const std::vector<Slice>& slices, const HeadColumns& columns, std::size_t n, std::span<const Real> queries,
              std::size_t query_stride, std::span<Real> parts, std::span<Real> out);
  /// Which keys a group's queries see; a mask's rows are put into `bytes`.
  VisibleKeys visible(const HeadGroup<Real>& group, const TokenRange& tokens, const TokenRange& seen, Array<std::uint8_t>& bytes) const;
  void expect_no_nan(std::size_t n, std::size_t columns, std::span<const Real> x, const TokenRange& tokens, const Place& place) const;
  void fill_groups(const Layer<Real>& layer, LayerProgram& program) const;
  void fill_projection(const Layer<Real>& layer, LayerProgram& program) const;

  const Transformer<Real>* transformer_;
  const Kernels<Real>* kernels_;
  std::vector<LayerProgram> layers_;
  Workspace<Real> workspace_;
};

}  // namespace bridge
