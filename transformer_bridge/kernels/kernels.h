#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// What a transformer computes with. Arrays are one row after the other; the letters of their shapes:
///   n  rows: tokens that ask, or rows of a row function        a  columns in
///   t  tokens that are looked at                               b  columns out
///   k  width of a query and of a key                           u  rows of an embedding's table
///   v  width of a value                                        H  heads
namespace bridge {

enum class Activation { relu, gelu, gelu_tanh };

/// A token that every query sees, whatever the mask; it has a key and a value, and no row of its own.
template <class Real>
struct StartToken {
  std::vector<Real> key;    ///< [k]
  std::vector<Real> value;  ///< [v]
};

/// Attention of H heads that lie side by side: head h of row i begins at i * stride + h * k (or v, or 1). A stride of 0 is that of rows
/// that hold the heads and nothing else.
struct AttentionShape {
  std::size_t n = 0, t = 0, k = 0, v = 0;
  std::size_t heads = 1;
  std::size_t query_stride = 0, key_stride = 0, value_stride = 0;
  std::size_t part_stride = 0;  ///< of largest and sum: heads
  std::size_t out_stride = 0;   ///< of out or value: heads * v

  /// The same with every stride written out.
  AttentionShape strided() const {
    auto shape = *this;
    const auto fill = [](std::size_t& stride, std::size_t dense) { stride = stride == 0 ? dense : stride; };
    fill(shape.query_stride, heads * k);
    fill(shape.key_stride, heads * k);
    fill(shape.value_stride, heads * v);
    fill(shape.part_stride, heads);
    fill(shape.out_stride, heads * v);
    return shape;
  }
};

/// Which keys a query sees. Row i of the queries is token first_query + i, row j of the keys token first_key + j.
struct VisibleKeys {
  std::size_t first_query = 0, first_key = 0;
  std::size_t shown = std::numeric_limits<std::size_t>::max();  ///< tokens from here on are hidden from all
  bool causal = false;                                          ///< a token sees itself and those before it
  std::span<const std::uint8_t> visible{};                      ///< [n, t] besides: 0 hides; empty: hides nothing

  bool sees(std::size_t i, std::size_t j, std::size_t t) const {
    const auto key = first_key + j;
    return key < shown && (!causal || key <= first_query + i) && (visible.empty() || visible[i * t + j] != 0);
  }
};

/// One block of tokens that asks another one, of many blocks of at most n and t tokens.
struct BlockPair {
  std::uint32_t queries = 0, keys = 0;           ///< tokens in use, at most n and t; the rows after them are not read, nor written
  std::uint64_t first_query = 0, first_key = 0;  ///< their tokens
};

/// Where the arrays of a device lie.
class Memory {
 public:
  virtual ~Memory() = default;
  /// At least 64-byte aligned, with any contents. Throws std::bad_alloc.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* place) noexcept = 0;
  virtual void upload(void* device, const void* host, std::size_t bytes) = 0;
  virtual void download(void* host, const void* device, std::size_t bytes) = 0;
  /// Whether a program may read and write it directly.
  virtual bool is_host() const = 0;
};

/// An array in the memory of a device, which must outlive it. Its span may be dereferenced only if memory.is_host().
template <class T>
class Array {
 public:
  Array() = default;
  Array(Memory& memory, std::size_t size)
      : memory_(&memory), data_(size == 0 ? nullptr : static_cast<T*>(memory.allocate(size * sizeof(T)))), size_(size) {}
  Array(Memory& memory, std::span<const T> host) : Array(memory, host.size()) { upload(host); }
  Array(Array&& other) noexcept { swap(other); }
  Array& operator=(Array&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Array() {
    if (data_ != nullptr) memory_->release(data_);
  }

  std::size_t size() const { return size_; }
  std::span<T> span() { return {data_, size_}; }
  std::span<const T> span() const { return {data_, size_}; }

  /// The first host.size() elements.
  void upload(std::span<const T> host) {
    if (!host.empty()) memory_->upload(data_, host.data(), host.size_bytes());
  }
  void download(std::span<T> host) const {
    if (!host.empty()) memory_->download(host.data(), data_, host.size_bytes());
  }
  std::vector<T> to_host() const {
    std::vector<T> host(size_);
    download(host);
    return host;
  }

 private:
  void swap(Array& other) {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  Memory* memory_ = nullptr;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// W [a, b] and bias [b] as a device reads them: prepared once, used often.
template <class Real>
class PackedLinear {
 public:
  PackedLinear(std::size_t a, std::size_t b) : a_(a), b_(b) {}
  virtual ~PackedLinear() = default;
  std::size_t a() const { return a_; }
  std::size_t b() const { return b_; }

 private:
  std::size_t a_, b_;
};

/// The kernels of one device; Real is float or double. Spans are of its memory unless said otherwise, and results overlap no argument
/// unless said otherwise. A call may return before it is done; a download waits.
///
/// Row i of a result depends on row i of the first argument and on no other (of attention: on all keys), and is the same bits whatever rows
/// stand beside it, however many there are and whatever the number of threads. For this matrix products are made on tiles of rows of
/// one height that are cut by token, and each tile by one thread: `first` is the token of row 0. Sums are taken in Real. NaN goes
/// through every kernel: none swallows it.
template <class Real>
class Kernels {
 public:
  virtual ~Kernels() = default;
  /// "cpu, avx512, 2 threads"
  virtual std::string describe() const = 0;
  virtual Memory& memory() const = 0;

  // ---- Rows --------------------------------------------------------------------------------------------------------------------

  /// W [a, b], bias [b] or empty: zero; both on the host. The same for this device.
  virtual std::unique_ptr<PackedLinear<Real>> pack_linear(std::size_t a, std::size_t b, std::span<const Real> W,
                                                          std::span<const Real> bias) const = 0;
  /// out = activation(x W + bias) + residual.
  ///   x [n, a], residual [n, b] or empty, out [n, b], which may be the residual
  virtual void linear(const PackedLinear<Real>& weights, std::size_t first, std::size_t n, std::span<const Real> x,
                      std::optional<Activation> activation, std::span<const Real> residual, std::span<Real> out) const = 0;
  /// In place, x [any]:
  ///   relu       max(x, 0)
  ///   gelu       x/2 (1 + erf(x / sqrt 2))
  ///   gelu_tanh  x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  virtual void activate(Activation activation, std::span<Real> x) const = 0;
  /// into += x, both [any].
  virtual void add(std::span<const Real> x, std::span<Real> into) const = 0;
  /// out = (x - mean) / sqrt(variance + epsilon) * gain + bias, by row; the variance divides by a.
  ///   x [n, a], gain [a], bias [a], out [n, a], which may be x
  virtual void layer_norm(std::size_t n, std::size_t a, std::span<const Real> x, std::span<const Real> gain, std::span<const Real> bias,
                          Real epsilon, std::span<Real> out) const = 0;
  /// out[i] = table[ids[i]] + positions[i].
  ///   ids [n], each below u; table [u, b]; positions [n, b] or empty: zero; out [n, b]
  virtual void embedding(std::size_t n, std::size_t b, std::span<const std::uint32_t> ids, std::span<const Real> table,
                         std::span<const Real> positions, std::span<Real> out) const = 0;
  /// Some columns of n rows: to[i * to_stride + c] = from[i * from_stride + c] for c below `columns`.
  virtual void copy_columns(std::size_t n, std::size_t columns, std::span<const Real> from, std::size_t from_stride, std::span<Real> to,
                            std::size_t to_stride) const = 0;
  /// The first row of x [n, a] that holds a NaN, or n.
  virtual std::size_t first_nan(std::size_t n, std::size_t a, std::span<const Real> x) const = 0;

  // ---- Attention ---------------------------------------------------------------------------------------------------------------

  /// out = softmax(scale * queries keys^T, masked) values, head by head. The largest logit of a row is taken off before exp; what a hidden
  /// key and value hold is not looked at, but where a whole tile is computed at once a NaN or infinity there may reach the row. A row that
  /// sees nothing is zeros. A row whose visible logits are all minus infinity, or include NaN or plus infinity, is NaN.
  ///   queries [n, H k], keys [t, H k], values [t, H v], out [n, H v], each with its stride; visible.visible: in the device's memory
  virtual void attention(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys,
                         std::span<const Real> values, const VisibleKeys& visible, Real scale, std::span<Real> out) const = 0;
  /// Attention in parts, to be merged: over the keys given, for each row and head the largest visible logit, the sum of exp(logit -
  /// largest), and the sum of exp(logit - largest) value, not divided. A row that sees nothing is (minus infinity, 0, 0); so is one whose
  /// visible logits are all minus infinity, as they weigh nothing beside another part's. A logit that is NaN or plus infinity makes sum and
  /// value NaN; largest may drop a NaN, so a row is known to be bad by its sum.
  ///   as for attention; largest [n, H], sum [n, H], value [n, H v]
  virtual void attention_partial(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys,
                                 std::span<const Real> values, const VisibleKeys& visible, Real scale, std::span<Real> largest,
                                 std::span<Real> sum, std::span<Real> value) const = 0;
  /// The same for many blocks at once: pair p has the queries from row p * n on, and the keys and values from row p * t on. Row by row the
  /// same bits as pair by pair. first_query and first_key of `visible` are not used, the pairs have their own.
  ///   pairs [P], on the host; queries [P n, H k], keys [P t, H k], values [P t, H v], visible.visible [P n, t] or empty;
  ///   largest [P n, H], sum [P n, H], value [P n, H v]; strides as for attention
  virtual void attention_blocks(const AttentionShape& shape, std::span<const BlockPair> pairs, std::span<const Real> queries,
                                std::span<const Real> keys, std::span<const Real> values, const VisibleKeys& visible, Real scale,
                                std::span<Real> largest, std::span<Real> sum, std::span<Real> value) const = 0;
  /// into = into and from as one part, by row. Merging is commutative to the bit, but not associative: the caller's order decides the bits.
  /// A row (minus infinity, 0, any) is none at all: merged on either side it leaves the other's bits.
  ///   into, from: largest [n], sum [n], value [n, v]
  virtual void merge(std::size_t n, std::size_t v, std::span<Real> into_largest, std::span<Real> into_sum, std::span<Real> into_value,
                     std::span<const Real> from_largest, std::span<const Real> from_sum, std::span<const Real> from_value) const = 0;
  /// out = value / sum; rows with the sum 0 are zeros, and rows with the sum NaN are NaN.
  ///   sum [n], value [n, v], out [n, v], which may be value
  virtual void finish(std::size_t n, std::size_t v, std::span<const Real> sum, std::span<const Real> value, std::span<Real> out) const = 0;

  // ---- Messages ----------------------------------------------------------------------------------------------------------------

  /// Rows into buckets, one for each destination, in their order: out holds those for destination 0 first, then those for 1, ...
  ///   rows [n, a], destination [n], each below destinations; out [n, a], starts [destinations + 1]: where each bucket begins, in rows
  virtual void pack(std::size_t n, std::size_t a, std::span<const Real> rows, std::span<const std::uint32_t> destination,
                    std::size_t destinations, std::span<Real> out, std::span<std::uint32_t> starts) const = 0;
  /// out[place[i]] = rows[i]; no place twice.
  ///   rows [n, a], place [n], out [any, a]
  virtual void unpack(std::size_t n, std::size_t a, std::span<const Real> rows, std::span<const std::uint32_t> place,
                      std::span<Real> out) const = 0;
};

/// The memory of the program itself.
Memory& host_memory();

}  // namespace bridge
