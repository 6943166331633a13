#include "transformer_bridge/programs/hops.h"

#include <bit>
#include <cmath>
#include <string>

#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/programs/program_maker.h"

namespace bridge {
namespace {

/// Where things stand in a row: symbol | position | near | far | answer | near, far and answer brought.
struct Places {
  Places(std::uint64_t positions, std::uint64_t symbols)
      : b(static_cast<unsigned>(std::bit_width(symbols))), p(static_cast<unsigned>(std::bit_width(positions))) {}
  unsigned b, p;
  std::size_t symbol(unsigned bit) const { return bit; }
  std::size_t position(unsigned bit) const { return b + bit; }
  std::size_t far(unsigned bit) const { return b + 2 * std::size_t{p} + bit; }
  std::size_t answer(unsigned bit) const { return b + 3 * std::size_t{p} + bit; }
  std::size_t width() const { return 3 * std::size_t{b} + 5 * std::size_t{p}; }
};

class Maker {
 public:
  Maker(std::uint64_t positions, std::uint64_t symbols, NumberType type)
      : at_(positions, symbols),
        type_(type),
        symbol_(maker_.word(at_.b)),
        position_(maker_.word(at_.p)),
        near_(maker_.word(at_.p)),
        far_(maker_.word(at_.p)),
        answer_(maker_.word(at_.b)),
        near_brought_(maker_.word(at_.p)),
        far_brought_(maker_.word(at_.p)),
        answer_brought_(maker_.word(at_.b)) {
    maker_.holds(symbol_, "symbol", "token");
    maker_.holds(position_, "position", "token");
    maker_.holds(far_, "position_before", "token");
  }

  void previous_symbol() {
    auto head = look_up("symbol before", far_);
    maker_.bring(head, answer_brought_, symbol_);
    take(answer_, answer_brought_);
    maker_.layer({head}, {2, 1}, type_);
    maker_.holds(answer_, "symbol_before", "token");
  }

  void last_occurrence() {
    HeadPlan head;
    head.name = "last occurrence";
    head.mask = Mask::causal();
    // A symbol with a wrong bit loses 2^P, more than positions differ by. The first position has no symbol before it, 0, which is nobody's;
    // so a right one is at position 2 or later, and the start token comes after it, as if it stood at position 1.
    const auto factor = std::ldexp(1, static_cast<int>(at_.p) - 1);
    add_match(head, symbol_, answer_, factor);
    head.logit.emplace_back(1, number(position_));
    head.start = std::vector<double>(at_.b, 0);
    head.start->push_back(at_.b * factor + 1);
    maker_.bring(head, far_brought_, position_);
    maker_.bring(head, answer_brought_, symbol_);
    maker_.write(near_, position_);
    take(far_, far_brought_);
    take(answer_, answer_brought_);
    maker_.layer({head}, {1, 1}, type_);
    holds_hops(1);
  }

  /// From `n` hops to 2 n, or to 2 n - 1 if `odd`.
  void compose(std::uint64_t n, bool odd) {
    auto head = look_up(fmt::format("{} hops", odd ? n - 1 : n), odd ? near_ : far_);
    maker_.bring(head, near_brought_, near_);
    maker_.bring(head, far_brought_, far_);
    maker_.bring(head, answer_brought_, answer_);
    take(near_, near_brought_);
    take(far_, far_brought_);
    take(answer_, answer_brought_);
    maker_.layer({head}, {2, 1}, type_);
    holds_hops(odd ? 2 * n - 1 : 2 * n);
  }

  const ProgramMaker& maker() const { return maker_; }

 private:
  /// The head that reads at a position; at position 0 stands the start token, with zeros.
  HeadPlan look_up(const std::string& name, const BitWord& position) const {
    HeadPlan head;
    head.name = name;
    head.mask = Mask::causal();
    add_match(head, position, position_);
    head.start = std::vector<double>(at_.p, -1);
    return head;
  }

  void take(const BitWord& word, const BitWord& brought) {
    BitWord clean;
    for (const auto& bit : brought) clean.push_back(threshold(maker_.circuit(), bit));
    maker_.write(word, clean);
    maker_.clear(brought);
  }

  void holds_hops(std::uint64_t n) {
    maker_.holds(near_, fmt::format("position_after_{}_hops", n - 1), "token");
    maker_.holds(far_, fmt::format("position_after_{}_hops", n), "token");
    maker_.holds(answer_, fmt::format("symbol_after_{}_hops", n), "token");
  }

  Places at_;
  ProgramMaker maker_;
  NumberType type_;
  BitWord symbol_, position_, near_, far_, answer_, near_brought_, far_brought_, answer_brought_;
};

}  // namespace

CompiledModel hops(std::uint64_t k, std::uint64_t positions, std::uint64_t symbols, NumberType type) {
  if (k == 0 || positions == 0 || symbols == 0) {
    throw mpc::UsageError(fmt::format("hops: expected one hop, position and symbol or more, got {}, {} and {}", k, positions, symbols));
  }
  std::vector<std::uint64_t> counts{k};  // n_T, ..., n_0
  while (counts.back() != 1) counts.push_back(counts.back() / 2 + counts.back() % 2);
  Maker one(positions, symbols, type);
  one.previous_symbol();
  one.last_occurrence();
  for (auto t = counts.size() - 1; t > 0; --t) one.compose(counts[t], counts[t - 1] % 2 != 0);

  auto model = one.maker().finish(positions);
  model.name = "hops";
  model.parameters = {{"k", k}, {"positions", positions}, {"symbols", symbols}};
  model.source =
      "before = symbol at i - 1; far = largest j with before(j) = symbol(i), near = i, answer = symbol(far); "
      "until far is k hops: (near, far, answer) = those at far, or at near where the number of hops is odd";
  model.type = type;
  model.any_length = true;
  return model;
}

template <class Real>
Matrix<Real> hops_tokens(std::uint64_t positions, std::uint64_t symbols, std::span<const std::uint64_t> sequence) {
  const Places at(positions, symbols);
  if (sequence.size() > positions) {
    throw mpc::UsageError(fmt::format("hops: expected at most {} symbols, got {}", positions, sequence.size()));
  }
  Matrix<Real> x(sequence.size(), at.width());
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    if (sequence[i] >= symbols) {
      throw mpc::UsageError(fmt::format("hops: position {}: expected a symbol below {}, got {}", i + 1, symbols, sequence[i]));
    }
    for (unsigned bit = 0; bit < at.b; ++bit) x(i, at.symbol(bit)) = static_cast<Real>((sequence[i] + 1) >> bit & 1);
    for (unsigned bit = 0; bit < at.p; ++bit) {
      x(i, at.position(bit)) = static_cast<Real>((i + 1) >> bit & 1);
      x(i, at.far(bit)) = static_cast<Real>(i >> bit & 1);
    }
  }
  return x;
}

template <class Real>
std::vector<std::uint64_t> hops_answers(std::uint64_t positions, std::uint64_t symbols, const Matrix<Real>& y, std::uint64_t none) {
  const Places at(positions, symbols);
  if (y.columns() != at.width()) throw mpc::UsageError(fmt::format("hops: expected rows of {} columns, got {}", at.width(), y.columns()));
  std::vector<std::uint64_t> answers;
  for (std::size_t i = 0; i < y.rows(); ++i) {
    std::uint64_t code = 0;
    for (unsigned bit = 0; bit < at.b; ++bit) {
      const auto x = y(i, at.answer(bit));
      if (x != 0 && x != 1) {
        throw mpc::Fault(fmt::format("hops: token {}, column {}: expected 0 or 1, got {}", i, at.answer(bit), static_cast<double>(x)));
      }
      code |= std::uint64_t{x == 1} << bit;
    }
    answers.push_back(code == 0 ? none : code - 1);
  }
  return answers;
}

template Matrix<float> hops_tokens(std::uint64_t, std::uint64_t, std::span<const std::uint64_t>);
template Matrix<double> hops_tokens(std::uint64_t, std::uint64_t, std::span<const std::uint64_t>);
template std::vector<std::uint64_t> hops_answers(std::uint64_t, std::uint64_t, const Matrix<float>&, std::uint64_t);
template std::vector<std::uint64_t> hops_answers(std::uint64_t, std::uint64_t, const Matrix<double>&, std::uint64_t);

}  // namespace bridge
