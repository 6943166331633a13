#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "transformer_bridge/transformer/matrix.h"

namespace bridge {

/// Which tokens a token sees. The default hides nothing.
class Mask {
 public:
  enum class Kind { none, causal, any };

  Mask() = default;
  /// A token sees itself and those before it.
  static Mask causal() {
    Mask mask;
    mask.kind_ = Kind::causal;
    return mask;
  }
  /// visible [N, N]: row i is what token i sees; 0 hides. A row may be all zeros.
  static Mask any(Matrix<std::uint8_t> visible) {
    Mask mask;
    mask.kind_ = Kind::any;
    mask.visible_ = std::move(visible);
    return mask;
  }

  /// The same, and besides the tokens from `shown` on are hidden from all: what stands there is padding.
  Mask of_first(std::size_t shown) const {
    auto mask = *this;
    mask.shown_ = shown;
    return mask;
  }

  Kind kind() const { return kind_; }
  /// Empty unless the kind is any.
  const Matrix<std::uint8_t>& visible() const { return visible_; }

  /// Tokens from here on are hidden from all.
  std::size_t shown() const { return shown_; }

  bool sees(std::size_t query, std::size_t key) const {
    return key < shown_ && (kind_ == Kind::none || (kind_ == Kind::causal ? key <= query : visible_(query, key) != 0));
  }

  /// The rows of tokens first..first + count - 1, as the attention kernels take them: [count, tokens], or empty if nothing is hidden.
  std::vector<std::uint8_t> rows(std::size_t first, std::size_t count, std::size_t tokens) const {
    std::vector<std::uint8_t> result;
    if (kind_ == Kind::none && shown_ >= tokens) return result;
    result.reserve(count * tokens);
    for (std::size_t i = first; i < first + count; ++i) {
      for (std::size_t j = 0; j < tokens; ++j) result.push_back(sees(i, j) ? 1 : 0);
    }
    return result;
  }

  /// "no mask", "causal" or "masked", and ", padding from token 7" if tokens are hidden from all.
  std::string describe() const {
    const std::string text = kind_ == Kind::none ? "no mask" : kind_ == Kind::causal ? "causal" : "masked";
    return shown_ == everything ? text : text + ", padding from token " + std::to_string(shown_);
  }

 private:
  static constexpr auto everything = std::numeric_limits<std::size_t>::max();

  Kind kind_ = Kind::none;
  std::size_t shown_ = everything;
  Matrix<std::uint8_t> visible_;
};

}  // namespace bridge
