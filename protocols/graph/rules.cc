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

std::optional<Rule> cycle(const RuleArguments& given) {
  const auto n = given.a;
  if (n < 3) return {};
  return Rule{n, n, [n](std::uint64_t k) { return Edge{k, k + 1 == n ? 0 : k + 1}; }};
}

std::optional<Rule> two_cycles(const RuleArguments& given) {
  const auto n = given.a;
  if (n < 6) return {};
  const auto half = n / 2;
  return Rule{n, n, [n, half](std::uint64_t k) {
                if (k + 1 == half) return Edge{k, 0};
                return Edge{k, k + 1 == n ? half : k + 1};
              }};
}

std::optional<Rule> path(const RuleArguments& given) {
  const auto n = given.a;
  if (n < 1) return {};
  return Rule{n, n - 1, [](std::uint64_t k) { return Edge{k, k + 1}; }};
}

std::optional<Rule> grid(const RuleArguments& given) {
  const auto rows = given.a, columns = given.b;
  if (rows < 1 || columns < 1 || !product_in_range(rows, columns)) return {};
  const auto across = rows * (columns - 1);
  return Rule{rows * columns, across + (rows - 1) * columns, [=](std::uint64_t k) {
                if (k >= across) return Edge{k - across, k - across + columns};
                const auto v = k / (columns - 1) * columns + k % (columns - 1);
                return Edge{v, v + 1};
              }};
}

std::optional<Rule> star(const RuleArguments& given) {
  const auto n = given.a;
  if (n < 1) return {};
  return Rule{n, n - 1, [](std::uint64_t k) { return Edge{0, k + 1}; }};
}

std::optional<Rule> tree(const RuleArguments& given) {
  const auto n = given.a;
  if (n < 1) return {};
  return Rule{n, n - 1, [hash = mpc::PublicHash(given.seed)](std::uint64_t k) { return Edge{hash.below(k + 1, k + 1), k + 1}; }};
}

std::optional<Rule> cliques(const RuleArguments& given) {
  const auto count = given.a, size = given.b;
  if (count < 1 || size < 1 || size > most_for_pairs || !product_in_range(count, size)) return {};
  const auto each = pairs_of(size);
  if (!product_in_range(count, each)) return {};
  return Rule{count * size, count * each, [=](std::uint64_t k) {
                const auto [u, v] = pair_number(k % each);
                return Edge{k / each * size + u, k / each * size + v};
              }};
}

std::optional<Rule> shuffled_path(const RuleArguments& given) {
  const auto n = given.a;
  if (n < 1) return {};
  return Rule{n, n - 1, [names = mpc::PublicPermutation(n, given.seed)](std::uint64_t k) { return Edge{names(k), names(k + 1)}; }};
}

std::optional<Rule> pairs(const RuleArguments& given) {
  const auto count = given.a;
  if (count < 1 || count > vertex_limit / 2) return {};
  return Rule{2 * count, count, [](std::uint64_t k) { return Edge{2 * k, 2 * k + 1}; }};
}

std::optional<Rule> lollipop(const RuleArguments& given) {
  const auto clique = given.a, tail = given.b;
  if (clique < 1 || clique > most_for_pairs || pairs_of(clique) + tail > vertex_limit || clique + tail > vertex_limit) return {};
  const auto inside = pairs_of(clique);
  return Rule{clique + tail, inside + tail, [=](std::uint64_t k) {
                if (k < inside) return pair_number(k);
                const auto v = clique + (k - inside);
                return Edge{v - 1, v};
              }};
}

std::optional<Rule> barbell(const RuleArguments& given) {
  const auto clique = given.a, between = given.b;
  if (clique < 1 || clique > most_for_pairs) return {};
  const auto inside = pairs_of(clique);
  if (inside > vertex_limit || 2 * inside + between + 1 > vertex_limit || 2 * clique + between > vertex_limit) return {};
  return Rule{2 * clique + between, 2 * inside + between + 1, [=](std::uint64_t k) {
                if (k < inside) return pair_number(k);
                if (k < 2 * inside) {
                  const auto [u, v] = pair_number(k - inside);
                  return Edge{clique + between + u, clique + between + v};
                }
                const auto v = clique + (k - 2 * inside);
                return Edge{v - 1, v};
              }};
}

std::optional<Rule> hubs(const RuleArguments& given) {
  const auto count = given.a, leaves = given.b;
  if (count < 1 || !product_in_range(count, leaves + 1) || count * (leaves + 1) == vertex_limit) return {};
  // The centre is 0, the hubs are 1..count, the leaves follow, hub by hub: edge k joins k + 1 to its parent.
  return Rule{1 + count * (leaves + 1), count * (leaves + 1), [=](std::uint64_t k) {
                return Edge{k < count ? 0 : 1 + (k - count) / leaves, k + 1};
              }};
}

std::optional<Rule> caterpillar(const RuleArguments& given) {
  const auto spine = given.a, leaves = given.b;
  if (spine < 1 || !product_in_range(spine, leaves + 1)) return {};
  // The spine is 0..spine-1, the leaves follow: edge k joins k + 1 to its parent.
  return Rule{spine * (leaves + 1), spine * (leaves + 1) - 1, [=](std::uint64_t k) {
                return Edge{k + 1 < spine ? k : (k + 1 - spine) / leaves, k + 1};
              }};
}

std::optional<Rule> er(const RuleArguments& given) {
  const auto n = given.a, m = given.b;
  if (n < 1 || n > most_for_pairs || m > pairs_of(n)) return {};
  // A permutation of the pairs: m of them, all distinct.
  return Rule{n, m, [order = mpc::PublicPermutation(std::max<std::uint64_t>(1, pairs_of(n)), given.seed)](std::uint64_t k) {
                return pair_number(order(k));
              }};
}

std::optional<Rule> rmat(const RuleArguments& given) {
  const auto scale = given.a, edge_factor = given.b;
  if (scale < 1 || scale > 40 || !product_in_range(std::uint64_t{1} << scale, edge_factor)) return {};
  const auto n = std::uint64_t{1} << scale;
  const mpc::PublicHash hash(given.seed);
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

/// A number in [0, 1) of 53 bits.
double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

std::optional<Rule> power_law(const RuleArguments& given) {
  const auto n = given.a, m = given.b;
  const auto exponent = given.fraction.value_or(2.5);
  if (n < 1 || !(exponent > 2 && exponent <= 10)) return {};
  const mpc::PublicHash hash(given.seed);
  // Weights (i + 1)^(-1/(exponent - 1)): both ends are drawn by the inverse of their distribution.
  const auto power = (exponent - 1) / (exponent - 2);
  return Rule{n, m, [=, names = mpc::PublicPermutation(n, hash(0, 1))](std::uint64_t k) {
                const auto end = [&](std::uint64_t stream) {
                  const auto place = static_cast<std::uint64_t>(static_cast<double>(n) * std::pow(unit(hash(k, stream)), power));
                  return names(std::min(place, n - 1));
                };
                return Edge{end(2), end(3)};
              }};
}

std::optional<Rule> small_world(const RuleArguments& given) {
  const auto n = given.a, near = given.b;
  const auto probability = given.fraction.value_or(0);
  if (near < 2 || near % 2 != 0 || near >= n || !product_in_range(n, near / 2) || probability > 1) return {};
  return Rule{n, n * (near / 2), [=, side = near / 2, hash = mpc::PublicHash(given.seed)](std::uint64_t k) {
                const auto v = k / side;
                const auto step = unit(hash(k, 1)) < probability ? 1 + hash.below(n - 1, k, 2) : 1 + k % side;
                return Edge{v, v + step < n ? v + step : v + step - n};
              }};
}

constexpr auto none = RuleKind::none;

constexpr std::array kinds{
    RuleKind{"cycle", "N", "one cycle of N vertices", "3 <= N <= 2^48", 1, none, ',', cycle},
    RuleKind{"two-cycles", "N", "two cycles of floor(N/2) and ceil(N/2) vertices", "6 <= N <= 2^48", 1, none, ',', two_cycles},
    RuleKind{"path", "N", "a path of N vertices", "1 <= N <= 2^48", 1, none, ',', path},
    RuleKind{"shuffled-path", "N", "a path whose vertices have their names in random order", "1 <= N <= 2^48", 1, none, ',', shuffled_path},
    RuleKind{"grid", "RxC", "R rows and C columns", "R, C >= 1 and R*C <= 2^48", 2, none, 'x', grid},
    RuleKind{"star", "N", "a centre and N-1 leaves", "1 <= N <= 2^48", 1, none, ',', star},
    RuleKind{"hubs", "H,L", "a centre with H hubs of L leaves each", "H >= 1, L >= 0 and at most 2^48 vertices", 2, none, ',', hubs},
    RuleKind{"caterpillar", "S,L", "a path of S vertices with L leaves each", "S >= 1, L >= 0 and at most 2^48 vertices", 2, none, ',',
             caterpillar},
    RuleKind{"tree", "N", "a random recursive tree: each vertex has a random parent among those before it", "1 <= N <= 2^48", 1, none, ',',
             tree},
    RuleKind{"pairs", "N", "N components of two vertices", "1 <= N <= 2^47", 1, none, ',', pairs},
    RuleKind{"cliques", "COUNT,SIZE", "COUNT complete graphs of SIZE vertices", "COUNT, SIZE >= 1 and at most 2^48 vertices and edges", 2,
             none, ',', cliques},
    RuleKind{"lollipop", "K,P", "a complete graph of K vertices with a tail of P", "K >= 1, P >= 0 and at most 2^48 vertices and edges", 2,
             none, ',', lollipop},
    RuleKind{"barbell", "K,P", "two complete graphs of K vertices and a path of P between them",
             "K >= 1, P >= 0 and at most 2^48 vertices and edges", 2, none, ',', barbell},
    RuleKind{"er", "N,M", "N vertices and M distinct random edges (Erdos-Renyi)", "1 <= N < 2^32 and M <= min(N(N-1)/2, 2^48)", 2, none,
             ',', er},
    RuleKind{"small-world", "N,K,P", "a ring, each vertex joined to its K nearest, an edge rewired with probability P (Watts-Strogatz)",
             "K even, 2 <= K < N, N*K/2 <= 2^48 and 0 <= P <= 1", 2, RuleKind::needed, ',', small_world},
    RuleKind{"power-law", "N,M[,EXPONENT]", "N vertices and M edges drawn, degrees by a power law (Chung-Lu; 2.5)",
             "1 <= N <= 2^48, M <= 2^48 and 2 < EXPONENT <= 10", 2, RuleKind::optional, ',', power_law},
    RuleKind{"rmat", "SCALE,EDGEFACTOR", "2^SCALE vertices and EDGEFACTOR edges drawn for each (R-MAT .57 .19 .19 .05)",
             "1 <= SCALE <= 40 and at most 2^48 edges", 2, none, ',', rmat},
};

}  // namespace

std::span<const RuleKind> rule_kinds() { return kinds; }

}  // namespace protocols
