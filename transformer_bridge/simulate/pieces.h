#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace bridge {

/// Rows travel in pieces of so many words: no word says how long a row is, since every machine knows.
template <std::size_t words>
struct Piece {
  std::array<double, words> values;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& values;
  }
};

/// Sends numbers, a multiple of `words` of them, as messages.
template <std::size_t words, class Real, class Outbox>
void send_numbers(Outbox& out, std::uint64_t to, std::span<const Real> numbers) {
  for (std::size_t at = 0; at < numbers.size(); at += words) {
    Piece<words> piece;
    for (std::size_t i = 0; i < words; ++i) piece.values[i] = static_cast<double>(numbers[at + i]);
    out.send(to, piece);
  }
}

/// Writes the numbers of a message; returns the place after them.
template <std::size_t words, class Real>
Real* take_numbers(const Piece<words>& piece, Real* to) {
  return std::ranges::transform(piece.values, to, [](double number) { return static_cast<Real>(number); }).out;
}

/// All numbers of an inbox, in its order.
template <class Real, class Inbox>
std::vector<Real> numbers_of(const Inbox& inbox) {
  std::vector<Real> numbers;
  for (const auto& [source, message] : inbox) {
    for (const auto number : message.values) numbers.push_back(static_cast<Real>(number));
  }
  return numbers;
}

/// Calls call(a constant) with the widest pieces, of these widths, in which rows travel whose lengths are all multiples of one.
template <std::size_t width, std::size_t... narrower, class Call>
auto with_pieces(std::span<const std::size_t> lengths, Call&& call) {
  if constexpr (sizeof...(narrower) == 0) {
    return call(std::integral_constant<std::size_t, width>());
  } else {
    if (std::ranges::all_of(lengths, [](std::size_t length) { return length % width == 0; })) {
      return call(std::integral_constant<std::size_t, width>());
    }
    return with_pieces<narrower...>(lengths, call);
  }
}

}  // namespace bridge
