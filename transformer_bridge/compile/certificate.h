#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transformer_bridge/compile/routing.h"

namespace bridge {

/// Why a layer of this shape is not exact in its number type: which bound fails, wanted and found. Nothing: it is exact, by proof.
///
///   saturation  temperature * margin >= 104 (float32), 745.2 (float64): every weight but those of the largest logit is exactly 0
///   logits      temperature * largest logit and all logits are exact: integers times a power of two, below 2^24 (2^53)
///   ties        1 / share gives back the number of equal shares: 2.001 u (B + 1) < 1/2
///   collisions  a slot with one packet reads 1, one with two or more reads at least 2: (collisions + 2) u < 1/4
///   integers    share * value * ties rounds to the value: value <= 1 / (6.002 u), 2.79 * 10^6 in float32
std::optional<std::string> objection(const RoutingShape& shape);

/// What is proved of a layer, and what was seen when it ran.
struct LayerCertificate {
  std::uint64_t layer = 0;  ///< from 1, the input layer
  std::string label;        ///< of the round
  RoutingShape shape;
  double measured_margin = 0;        ///< infinity where no query has two different logits
  std::uint64_t measured_ties = 0;   ///< most keys that shared a largest logit, the start token included
  std::uint64_t measured_width = 0;  ///< 1 + the last residual column that is not 0
  std::uint64_t width = 0;           ///< residual columns by the formula
};

struct Certificate {
  NumberType type = NumberType::f32;
  std::uint64_t tokens = 0;  ///< max(N, q); the start token is not counted
  std::vector<LayerCertificate> layers;

  std::uint64_t heads() const;           ///< H, the most of a layer
  std::uint64_t width() const;           ///< by the formula, the widest layer
  std::uint64_t measured_width() const;  ///< the widest layer
  std::uint64_t key_width() const;       ///< the widest layer
  double margin() const;                 ///< by construction, the smallest
  double measured_margin() const;        ///< the smallest that was seen
};

/// Throws Garbled, naming the layer, if what was seen contradicts what was proved: a margin below the construction's, or more ties.
void check_measured(const LayerCertificate& layer);

}  // namespace bridge
