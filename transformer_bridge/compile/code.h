#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace bridge {

/// A Kautz-Singleton code: a Reed-Solomon codeword of `weight` symbols over GF(field), each symbol written one-hot.
///
/// The number x is a polynomial whose `symbols` coefficients are its digits in base `field`; the ones of its codeword stand at the
/// positions a * field + polynomial(a), a = 0..weight-1. Two polynomials agree in at most symbols - 1 points, so two codewords share at
/// most that many ones. Source: Kautz and Singleton 1964.
class Code {
 public:
  static constexpr unsigned most_symbols = 11;

  /// The shortest of the codes with 2 to 11 symbols that have room for `universe` numbers, the weight for k symbols being weight(k) >= 1.
  static Code shortest(std::uint64_t universe, const std::function<std::uint64_t(std::uint64_t)>& weight);

  Code(std::uint64_t weight, std::uint64_t field, unsigned symbols) : weight_(weight), field_(field), symbols_(symbols) {}

  std::uint64_t weight() const { return weight_; }
  std::uint64_t field() const { return field_; }
  unsigned symbols() const { return symbols_; }
  /// Bits of a codeword.
  std::uint64_t length() const { return weight_ * field_; }
  /// Most ones that two codewords share.
  std::uint64_t overlap() const { return symbols_ - 1; }

  /// The codeword of a number: valid as long as the code.
  class Codeword {
   public:
    /// Calls visit(position) for each of its ones, in ascending order.
    template <class Visit>
    void positions(Visit&& visit) const {
      for (std::uint64_t a = 0; a < code_->weight_; ++a) visit(position(a));
    }
    /// Its one among the positions of a point 0..weight-1.
    std::uint64_t position(std::uint64_t point) const { return point * code_->field_ + value(point); }
    /// Whether it has a one there.
    bool covers(std::uint64_t position) const {
      return position < code_->length() && value(position / code_->field_) == position % code_->field_;
    }

   private:
    friend class Code;
    Codeword(const Code& code, std::uint64_t x) : code_(&code) {
      for (unsigned i = 0; i < code.symbols_; ++i) {
        digits_[i] = x % code.field_;
        x /= code.field_;
      }
    }
    std::uint64_t value(std::uint64_t a) const {
      std::uint64_t sum = 0;
      for (unsigned i = code_->symbols_; i-- > 0;) sum = (sum * a + digits_[i]) % code_->field_;
      return sum;
    }

    const Code* code_;
    std::uint64_t digits_[most_symbols];
  };
  Codeword codeword(std::uint64_t x) const { return {*this, x}; }

 private:
  std::uint64_t weight_, field_;
  unsigned symbols_;
};

}  // namespace bridge
