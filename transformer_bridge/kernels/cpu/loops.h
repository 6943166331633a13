#pragma once

#include <cstddef>
#include <cstdint>

#include "transformer_bridge/kernels/cpu.h"

/// The loops of the kernels, each for one thread, compiled once for every instruction set. Pointers, not spans: what these files inline
/// must not be shared with the rest of the program, which may run on a processor without these instructions.
namespace bridge::cpu {

/// One panel of columns of `out` = activation(x W + bias) + residual, for some rows.
template <class Real>
struct LinearWork {
  std::size_t rows = 0, depth = 0;
  std::size_t columns = 0;                 ///< at most a panel
  const Real* x = nullptr;                 ///< [rows, depth]
  const Real* weights = nullptr;           ///< [depth, panel], zero from `columns` on
  const Real* bias = nullptr;              ///< [panel], the same
  const Activation* activation = nullptr;  ///< or none
  const Real* residual = nullptr;          ///< [rows, columns], a row at each stride; or none
  Real* out = nullptr;                     ///< the same, and may be the residual
  std::size_t stride = 0;
};

/// Some rows of attention, for some heads that lie side by side. Pointers are to the first of these rows and heads.
template <class Real>
struct AttentionWork {
  std::size_t rows = 0, t = 0, k = 0, v = 0, heads = 0;
  const Real* queries = nullptr;
  const Real* keys = nullptr;
  const Real* values = nullptr;
  std::size_t query_stride = 0, key_stride = 0, value_stride = 0;
  std::size_t first_query = 0, first_key = 0, shown = 0;  ///< as in VisibleKeys
  bool causal = false;
  const std::uint8_t* visible = nullptr;  ///< [rows, visible_stride], or none
  std::size_t visible_stride = 0;
  Real scale = 1;
  Real* largest = nullptr;  ///< null: attention as a whole; else a part of it
  Real* sum = nullptr;
  std::size_t part_stride = 0;
  Real* out = nullptr;  ///< or the value of a part
  std::size_t out_stride = 0;
  Real* packed = nullptr;   ///< [heads, packed_size(t, k, v)], from pack_keys
  Real* scratch = nullptr;  ///< [attention_scratch(v)]
};

template <class Real>
struct Loops {
  const char* name;
  std::size_t panel;  ///< columns
  void (*linear)(const LinearWork<Real>& work);

  /// In numbers, of one head. Zero where few_keys are not packed.
  std::size_t (*packed_size)(std::size_t t, std::size_t k, std::size_t v);
  /// The keys and values of one head and one block of key_block keys.
  void (*pack_keys)(const AttentionWork<Real>& work, std::size_t head, std::size_t block);
  std::size_t (*attention_scratch)(std::size_t v);
  void (*attention)(const AttentionWork<Real>& work);  ///< at most query_block rows, unless the keys are few

  void (*activate)(Activation activation, std::size_t size, Real* x);
  void (*add)(std::size_t size, const Real* x, Real* into);
  void (*layer_norm)(std::size_t n, std::size_t a, const Real* x, const Real* gain, const Real* bias, Real epsilon, Real* out);
  std::size_t (*first_nan)(std::size_t n, std::size_t a, const Real* x);
  void (*merge)(std::size_t n, std::size_t v, Real* into_largest, Real* into_sum, Real* into_value, const Real* from_largest,
                const Real* from_sum, const Real* from_value);
  void (*finish)(std::size_t n, std::size_t v, const Real* sum, const Real* value, Real* out);
  /// out = exp(x), x <= 0; for tests and benchmarks.
  void (*exponentials)(std::size_t size, const Real* x, Real* out);
};

/// Keys that are computed with at once, so that they and their values stay in the second-level cache; a multiple of every panel.
constexpr std::size_t key_block = 192;
/// Rows that share a pass over the keys.
constexpr std::size_t query_block = 128;
/// A row with so few keys is computed number by number, nothing packed: machines of Theorem 2 look at one key each.
constexpr std::size_t few_keys = 4;

template <class Real>
const Loops<Real>& portable_loops();
template <class Real>
const Loops<Real>& avx2_loops();
template <class Real>
const Loops<Real>& avx512_loops();

/// Those of an instruction set that this processor has.
template <class Real>
const Loops<Real>& loops_for(InstructionSet instructions);

}  // namespace bridge::cpu
