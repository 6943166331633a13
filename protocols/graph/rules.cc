#include "protocols/graph/rules.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "mpc/hash.h"
#include "mpc/word.h"

namespace protocols {
namespace {

/// Pair number k of the list 01 02 12 03 13 23 ..., k < 2^63.
Edge pair_number(std::uint64_t k) {
  auto v = static_cast<std::uint64_t>((1 + std::sqrt(1 + 8 * static_cast<double>(k))) / 2);
  // The root is off by little: step to the exact row.
  while (v * (v - 1) / 2 > k) --v;
  while (v * (v + 1) / 2 <= k) ++v;
  return {k - v * (v - 1) / 2, v};
}

/// s (s - 1) / 2, for s < 2^32.
constexpr std::uint64_t pairs_of(std::uint64_t s) { return s == 0 ? 0 : s * (s - 1) / 2; }
constexpr std::uint64_t most_for_pairs = UINT32_MAX;

constexpr bool product_in_range(std::uint64_t a, std::uint64_t b) { return static_cast<mpc::DoubleWord>(a) * b <= vertex_limit; }

std::optional<Rule> cycle(std::uint64_t n, std::uint64_t, std::uint64_t) {
  if (n < 3) return {};
  return Rule{n, n, [n](std::uint64_t k) { return Edge{k, k + 1 == n ? 0 : k + 1}; }};
}

std::optional<Rule> two_cycles(std::uint64_t n, std::uint64_t, std::uint64_t) {
  if (n < 6) return {};
  const auto half = n / 2;
  return Rule{n, n, [n, half](std::uint64_t k) {
                if (k + 1 == half) return Edge{k, 0};
                return Edge{k, k + 1 == n ? half : k + 1};
              }};
}

std::optional<Rule> path(std::uint64_t n, std::uint64_t, std::uint64_t) {
  if (n < 1) return {};
  return Rule{n, n - 1, [](std::uint64_t k) { return Edge{k, k + 1}; }};
}

std::optional<Rule> grid(std::uint64_t rows, std::uint64_t columns, std::uint64_t) {
  if (rows < 1 || columns < 1 || !product_in_range(rows, columns)) return {};
  const auto across = rows * (columns - 1);
  return Rule{rows * columns, across + (rows - 1) * columns, [=](std::uint64_t k) {
                if (k >= across) return Edge{k - across, k - across + columns};
                const auto v = k / (columns - 1) * columns + k % (columns - 1);
                return Edge{v, v + 1};
              }};
}

std::optional<Rule> star(std::uint64_t n, std::uint64_t, std::uint64_t) {
  if (n < 1) return {};
  return Rule{n, n - 1, [](std::uint64_t k) { return Edge{0, k + 1}; }};
}

std::optional<Rule> tree(std::uint64_t n, std::uint64_t, std::uint64_t seed) {
  if (n < 1) return {};
  return Rule{n, n - 1, [hash = mpc::PublicHash(seed)](std::uint64_t k) { return Edge{hash.below(k + 1, k + 1), k + 1}; }};
}

std::optional<Rule> cliques(std::uint64_t count, std::uint64_t size, std::uint64_t) {
  if (count < 1 || size < 1 || size > most_for_pairs || !product_in_range(count, size)) return {};
  const auto each = pairs_of(size);
  if (!product_in_range(count, each)) return {};
  return Rule{count * size, count * each, [=](std::uint64_t k) {
                const auto [u, v] = pair_number(k % each);
                return Edge{k / each * size + u, k / each * size + v};
              }};
}

std::optional<Rule> er(std::uint64_t n, std::uint64_t m, std::uint64_t seed) {
  if (n < 1 || n > most_for_pairs || m > pairs_of(n)) return {};
  // A permutation of the pairs: m of them, all distinct.
  return Rule{n, m, [order = mpc::PublicPermutation(std::max<std::uint64_t>(1, pairs_of(n)), seed)](std::uint64_t k) {
                return pair_number(order(k));
              }};
}

std::optional<Rule> rmat(std::uint64_t scale, std::uint64_t edge_factor, std::uint64_t seed) {
  if (scale < 1 || scale > 40 || !product_in_range(std::uint64_t{1} << scale, edge_factor)) return {};
  const auto n = std::uint64_t{1} << scale;
  const mpc::PublicHash hash(seed);
  return Rule{n, n * edge_factor, [=, names = mpc::PublicPermutation(n, hash(0, 1))](std::uint64_t k) {
                // Quadrants a, b, c, d with probabilities .57, .19, .19, .05, a level a bit of the ids.
                constexpr double whole = 18446744073709551616.0;
                constexpr auto a = static_cast<std::uint64_t>(.57 * whole);
                constexpr auto b = static_cast<std::uint64_t>(.76 * whole);
                constexpr auto c = static_cast<std::uint64_t>(.95 * whole);
                Edge edge;
                for (std::uint64_t level = 0; level < scale; ++level) {
                  const auto x = hash(k, 2 + level);
                  edge.u = 2 * edge.u + (x >= b ? 1 : 0);
                  edge.v = 2 * edge.v + ((x >= a && x < b) || x >= c ? 1 : 0);
                }
                return Edge{names(edge.u), names(edge.v)};
              }};
}

constexpr std::array kinds{
    RuleKind{"cycle", "N", "one cycle of N vertices", "3 <= N <= 2^48", '\0', cycle},
    RuleKind{"two-cycles", "N", "two cycles of floor(N/2) and ceil(N/2) vertices", "6 <= N <= 2^48", '\0', two_cycles},
    RuleKind{"path", "N", "a path of N vertices", "1 <= N <= 2^48", '\0', path},
    RuleKind{"grid", "RxC", "R rows and C columns", "R, C >= 1 and R*C <= 2^48", 'x', grid},
    RuleKind{"star", "N", "a centre and N-1 leaves", "1 <= N <= 2^48", '\0', star},
    RuleKind{"tree", "N", "a random recursive tree: each vertex has a random parent among those before it", "1 <= N <= 2^48", '\0', tree},
    RuleKind{"cliques", "COUNT,SIZE", "COUNT complete graphs of SIZE vertices", "COUNT, SIZE >= 1 and at most 2^48 vertices and edges", ',',
             cliques},
    RuleKind{"er", "N,M", "N vertices and M distinct random edges (Erdos-Renyi)", "1 <= N < 2^32 and M <= min(N(N-1)/2, 2^48)", ',', er},
    RuleKind{"rmat", "SCALE,EDGEFACTOR", "2^SCALE vertices and EDGEFACTOR edges drawn for each (R-MAT .57 .19 .19 .05)",
             "1 <= SCALE <= 40 and at most 2^48 edges", ',', rmat},
};

}  // namespace

std::span<const RuleKind> rule_kinds() { return kinds; }

}  // namespace protocols
