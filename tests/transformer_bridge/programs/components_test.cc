#include "transformer_bridge/programs/components.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"
#include "mpc/model.h"

#include "protocols/oracle/union_find.h"

#include "tests/transformer_bridge/programs/run_model.h"
#include "tests/transformer_bridge/refusal.h"

namespace tests {
namespace {

using bridge::ComponentsRule;
using bridge::NumberType;
using protocols::Edge;
using Edges = std::vector<Edge>;

constexpr ComponentsRule both_rules[] = {ComponentsRule::contract, ComponentsRule::shortcut};

std::vector<std::uint64_t> labels_by(Ready<float>& ready, std::uint64_t n, const Edges& edges) {
  return bridge::components_labels(n, ready(bridge::components_tokens<float>(n, edges)));
}

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return mpc::mix(++state_) % bound; }
  std::vector<std::uint64_t> order(std::uint64_t n) {
    std::vector<std::uint64_t> order(n);
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    for (auto i = n; i > 1; --i) std::swap(order[i - 1], order[below(i)]);
    return order;
  }

 private:
  std::uint64_t state_;
};

Edges path(const std::vector<std::uint64_t>& order) {
  Edges edges;
  for (std::size_t i = 1; i < order.size(); ++i) edges.push_back({order[i - 1], order[i]});
  return edges;
}

/// visit(edges) for every graph on n vertices.
void for_each_graph(std::uint64_t n, const std::function<void(const Edges&)>& visit) {
  Edges pairs;
  for (std::uint64_t u = 0; u < n; ++u) {
    for (auto v = u + 1; v < n; ++v) pairs.push_back({u, v});
  }
  for (std::uint64_t chosen = 0; chosen < std::uint64_t{1} << pairs.size(); ++chosen) {
    Edges edges;
    for (std::size_t e = 0; e < pairs.size(); ++e) {
      if ((chosen >> e & 1) != 0) edges.push_back(pairs[e]);
    }
    visit(edges);
  }
}

/// visit(order) for every path on n vertices, each once.
void for_each_path(std::uint64_t n, const std::function<void(const std::vector<std::uint64_t>&)>& visit) {
  std::vector<std::uint64_t> order(n);
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  do {
    if (order.front() <= order.back()) visit(order);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Components, OfEveryGraphOfFewVertices) {
  for (std::uint64_t n = 1; n <= 5; ++n) {
    Ready<float> labels(bridge::components(n, 0, NumberType::f32));
    Ready<float> tells(bridge::connected(n, 0, NumberType::f32));
    std::uint64_t graphs = 0, of_one_component = 0;
    for_each_graph(n, [&](const Edges& edges) {
      const auto expected = protocols::oracle::component_labels(n, edges);
      EXPECT_EQ(labels_by(labels, n, edges), expected);
      const bool is_connected = std::ranges::count(expected, 0U) == static_cast<std::ptrdiff_t>(n);
      EXPECT_EQ(bridge::is_connected(n, tells(bridge::components_tokens<float>(n, edges))), is_connected);
      of_one_component += is_connected ? 1 : 0;
      ++graphs;
    });
    EXPECT_EQ(graphs, std::uint64_t{1} << (n * (n - 1) / 2));
    EXPECT_EQ(of_one_component, (std::map<std::uint64_t, std::uint64_t>{{1, 1}, {2, 1}, {3, 4}, {4, 38}, {5, 728}}[n]));  // OEIS A001187
  }
}

TEST(Components, ByTheReferenceAndInDouble) {
  for_each_graph(4, [&](const Edges& edges) {
    if (edges.empty()) return;
    const auto model = bridge::components(4, 0, NumberType::f64, ComponentsRule::contract, edges.size());
    const auto y = bridge::forward(model.transformer, bridge::components_tokens<double>(4, edges));
    EXPECT_EQ(bridge::components_labels(4, y), protocols::oracle::component_labels(4, edges));
  });
}

// The weights are made once for all graphs; n need not be a power of two, and edges may be loops and may be repeated.
TEST(Components, OfRandomGraphsOfManySizes) {
  Draw draw(7);
  for (const auto n : {std::uint64_t{2}, std::uint64_t{7}, std::uint64_t{37}, std::uint64_t{64}, std::uint64_t{100}}) {
    const auto most = 2 * n;
    for (const auto rule : both_rules) {
      Ready<float> ready(bridge::components(n, mpc::ceil_log(2, n) + 2, NumberType::f32, rule, most));
      for (std::uint64_t round = 0; round < 12; ++round) {
        Edges edges;
        for (std::uint64_t e = 0; e < round * most / 11; ++e) edges.push_back({draw.below(n), draw.below(n)});
        EXPECT_EQ(labels_by(ready, n, edges), protocols::oracle::component_labels(n, edges)) << n << ", round " << round;
      }
    }
  }
}

TEST(Components, OfRandomPathsAtTheDefaultDepth) {
  Draw draw(8);
  for (const auto n : {std::uint64_t{16}, std::uint64_t{50}, std::uint64_t{128}}) {
    const auto model = bridge::components(n, 0, NumberType::f32, ComponentsRule::contract, n);
    EXPECT_EQ(model.transformer.layers().size(), 2 * mpc::ceil_log(2, n));
    EXPECT_EQ(model.transformer.width(), 2 + 4 * mpc::ceil_log(2, n));
    Ready<float> ready(model);
    for (int round = 0; round < 10; ++round) {
      EXPECT_EQ(labels_by(ready, n, path(draw.order(n))), std::vector<std::uint64_t>(n, 0));
    }
  }
}

TEST(Components, ManyEqualValuesAreAveragedAndCleaned) {
  constexpr std::uint64_t n = 41;
  Edges star;
  for (std::uint64_t leaf = 0; leaf + 1 < n; ++leaf) {
    for (int copy = 0; copy < 7; ++copy) star.push_back({n - 1, leaf});
  }
  for (const auto rule : both_rules) {
    Ready<float> ready(bridge::components(n, 0, NumberType::f32, rule));
    EXPECT_EQ(labels_by(ready, n, star), std::vector<std::uint64_t>(n, 0));
  }
}

// Other runtimes leave 1e-39 where float has 0: at an eighth of the scale the other weights are exp(-16), and still no bit may change.
TEST(Components, RestsOfOtherWeightsAreCleaned) {
  Draw draw(9);
  constexpr std::uint64_t n = 20;
  for (const auto rule : both_rules) {
    const auto model = bridge::connected(n, 0, NumberType::f32, rule);
    Ready<float> ready(changed(bridge::converted<float>(model.transformer), [](auto& layers) {
      for (auto& layer : layers) {
        for (auto& head : layer.heads) head.scale /= 8;
      }
    }));
    for (int round = 0; round < 5; ++round) {
      Edges edges;
      // Vertex 1 alone has the largest label, 1, beside many zeros; and random graphs.
      for (std::uint64_t v = 2; v < n; ++v) edges.push_back(round == 0 ? Edge{0, v} : Edge{draw.below(n), draw.below(n)});
      const auto x = bridge::components_tokens<float>(n, edges);
      EXPECT_EQ(ready(x), Ready<float>(model)(x));
    }
  }
}

// ---- What a layer does, on integers ------------------------------------------------------------------------------------------------

TEST(ComponentsSteps, AreTheLayersOfTheTransformer) {
  for (const auto rule : both_rules) {
    std::deque<Ready<float>> ready;
    for (std::uint64_t blocks = 1; blocks <= 4; ++blocks) ready.emplace_back(bridge::components(6, blocks, NumberType::f32, rule));
    std::vector<std::uint64_t> first_settled(5, 0);
    for_each_path(6, [&](const std::vector<std::uint64_t>& order) {
      const auto edges = path(order);
      bridge::ComponentsSteps steps(6, edges, rule);
      std::uint64_t needed = 0;
      for (std::uint64_t blocks = 1; blocks <= 4; ++blocks) {
        steps.layer();
        steps.layer();
        EXPECT_EQ(steps.layers(), 2 * blocks);
        const auto labels = labels_by(ready[blocks - 1], 6, edges);
        EXPECT_EQ(labels, steps.labels()) << "after " << blocks << " blocks";
        const bool right = labels == std::vector<std::uint64_t>(6, 0);
        EXPECT_EQ(bridge::labels_settled(labels, edges), right);
        if (right && needed == 0) needed = blocks;
      }
      ASSERT_GT(needed, 0);
      EXPECT_EQ(bridge::blocks_needed(6, edges, rule), needed);
      ++first_settled[needed];
    });
    EXPECT_EQ(first_settled, rule == ComponentsRule::contract ? (std::vector<std::uint64_t>{0, 110, 250, 0, 0})
                                                              : (std::vector<std::uint64_t>{0, 0, 214, 142, 4}));
  }
}

TEST(ComponentsSteps, OddLayersOfContractToo) {
  Draw draw(10);
  constexpr std::uint64_t n = 30;
  const auto edges = path(draw.order(n));
  const auto model = bridge::components(n, 0, NumberType::f32);
  bridge::ComponentsSteps steps(n, edges, ComponentsRule::contract);
  auto rows = bridge::components_tokens<float>(n, edges);
  const auto transformer = bridge::converted<float>(model.transformer);
  for (const auto& layer : transformer.layers()) {
    rows = bridge::apply(layer, rows);
    steps.layer();
    EXPECT_EQ(bridge::components_labels(n, rows), steps.labels());
  }
  EXPECT_EQ(steps.labels(), std::vector<std::uint64_t>(n, 0));
}

TEST(ComponentsSteps, BlocksThatPathsNeed) {
  std::map<std::uint64_t, std::uint64_t> by_shortcut, layers_by_contract;
  std::vector<Edges> slow;
  for_each_path(8, [&](const std::vector<std::uint64_t>& order) {
    const auto edges = path(order);
    const auto blocks = bridge::blocks_needed(8, edges, ComponentsRule::shortcut);
    ++by_shortcut[blocks];
    ++layers_by_contract[bridge::layers_needed(8, edges)];
    if (blocks == 4 && slow.size() < 20) slow.push_back(edges);
  });
  EXPECT_EQ(by_shortcut, (std::map<std::uint64_t, std::uint64_t>{{2, 3948}, {3, 14390}, {4, 1822}}));
  EXPECT_EQ(layers_by_contract, (std::map<std::uint64_t, std::uint64_t>{{2, 840}, {3, 14756}, {4, 4552}, {5, 12}}));

  // The same of the transformer: those that `shortcut` is too slow for.
  Ready<float> three(bridge::components(8, 3, NumberType::f32, ComponentsRule::shortcut));
  Ready<float> four(bridge::components(8, 4, NumberType::f32, ComponentsRule::shortcut));
  Ready<float> contract(bridge::components(8, 0, NumberType::f32));
  for (const auto& edges : slow) {
    EXPECT_FALSE(bridge::labels_settled(labels_by(three, 8, edges), edges));
    EXPECT_EQ(labels_by(four, 8, edges), std::vector<std::uint64_t>(8, 0));
    EXPECT_EQ(labels_by(contract, 8, edges), std::vector<std::uint64_t>(8, 0));
  }
}

TEST(ComponentsSteps, NoGraphOfFewVerticesNeedsMoreThanTheDefault) {
  for (std::uint64_t n = 2; n <= 6; ++n) {
    for_each_graph(n, [&](const Edges& edges) { EXPECT_LE(bridge::blocks_needed(n, edges), mpc::ceil_log(2, n)); });
  }
}

// ---- Connected ------------------------------------------------------------------------------------------------------------------

TEST(Connected, IsNeverSaidTooEarly) {
  Draw draw(11);
  constexpr std::uint64_t n = 64;
  std::vector<bool> said;
  const auto edges = path(draw.order(n));
  for (std::uint64_t blocks = 1; blocks <= 6; ++blocks) {
    const auto y = Ready<float>(bridge::connected(n, blocks, NumberType::f32))(bridge::components_tokens<float>(n, edges));
    said.push_back(bridge::is_connected(n, y));
    EXPECT_EQ(said.back(), bridge::components_labels(n, y) == std::vector<std::uint64_t>(n, 0));
    for (std::size_t token = 1; token < y.rows(); ++token) EXPECT_EQ(y(token, 1), y(0, 1));
  }
  EXPECT_FALSE(said.front());
  EXPECT_TRUE(said.back());
}

// ---- Proof ----------------------------------------------------------------------------------------------------------------------

TEST(ComponentsProof, IsExactAtTheDocumentedSizes) {
  for (const auto rule : both_rules) {
    for (const auto n :
         {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{64}, std::uint64_t{1000}, std::uint64_t{1024}}) {
      for (const auto type : {NumberType::f32, NumberType::f64}) {
        const auto certificate = bridge::certify(bridge::connected(n, 0, type, rule), type);
        EXPECT_TRUE(certificate.exact) << n << ": " << certificate.objection;
      }
    }
    const auto certificate = bridge::certify(bridge::components(1 << 20, 1, NumberType::f32, rule, 1 << 18), NumberType::f32);
    EXPECT_TRUE(certificate.exact) << certificate.objection;
  }
}

TEST(ComponentsProof, BoundsWhatTheWeightsDo) {
  Draw draw(12);
  for (const auto rule : both_rules) {
    for (const auto n : {std::uint64_t{2}, std::uint64_t{13}, std::uint64_t{32}}) {
      const auto model = bridge::connected(n, 0, NumberType::f32, rule, n);
      ASSERT_EQ(model.proofs.size(), model.transformer.layers().size());
      for (int round = 0; round < 4; ++round) {
        Edges edges;
        for (std::uint64_t e = 0; e < n; ++e) edges.push_back({draw.below(n), draw.below(n)});
        const auto measured = measured_heads(model.transformer, bridge::components_tokens<double>(n, edges));
        for (std::size_t l = 0; l < measured.size(); ++l) {
          EXPECT_GE(measured[l].gap, model.proofs[l].gap) << "layer " << l;
          EXPECT_LE(measured[l].largest_logit, model.proofs[l].largest_logit) << "layer " << l;
          EXPECT_LE(measured[l].most_tied, model.proofs[l].most_tied) << "layer " << l;
        }
      }
    }
  }
}

TEST(ComponentsProof, ASmallerScaleIsRefused) {
  auto model = bridge::components(16, 0, NumberType::f32);
  ASSERT_TRUE(bridge::certify(model, NumberType::f32).exact);
  model.transformer = changed(model.transformer, [](auto& layers) {
    for (auto& layer : layers) {
      for (auto& head : layer.heads) head.scale = 64;
    }
  });
  for (auto& proof : model.proofs) proof.gap = 64;
  const auto certificate = bridge::certify(model, NumberType::f32);
  EXPECT_FALSE(certificate.exact);
  EXPECT_EQ(certificate.objection, "layer 0 in float32: scale * margin is 64; expected at least 104 for the other weights to vanish");
  EXPECT_FALSE(bridge::certify(bridge::components(16, 0, NumberType::f32), NumberType::f64).exact);
}

TEST(ComponentsProof, TooManyTokensOrBitsAreRefused) {
  EXPECT_NE(bridge::certify(bridge::components(16, 1, NumberType::f32, ComponentsRule::contract, 1 << 21), NumberType::f32)
                .objection.find("average"),
            std::string::npos);
  EXPECT_NE(bridge::certify(bridge::components(1 << 21, 1, NumberType::f32, ComponentsRule::contract, 1), NumberType::f32)
                .objection.find("numbers"),
            std::string::npos);
}

TEST(ComponentsModel, EverythingHasAName) {
  for (const auto rule : both_rules) {
    const auto model = bridge::connected(10, 3, NumberType::f32, rule);
    const auto layers = model.transformer.layers().size();
    EXPECT_EQ(layers, 7);
    ASSERT_EQ(model.columns.size(), layers + 1);
    for (const auto& columns : model.columns) EXPECT_EQ(columns.size(), model.transformer.width());
    ASSERT_EQ(model.heads.size(), layers);
    for (std::size_t l = 0; l < layers; ++l) EXPECT_EQ(model.heads[l].size(), model.transformer.layers()[l].heads.size());
    EXPECT_EQ(model.columns.front()[0].text(), "token.is_vertex[0]");
    EXPECT_EQ(model.columns.front()[1].text(), "-");
    EXPECT_EQ(model.columns.front()[9].text(), "token.value[3]");
    EXPECT_EQ(model.columns.back()[1].text(), "token.connected[0]");
    EXPECT_EQ(model.transformer.in(), model.transformer.width());
    EXPECT_EQ(model.transformer.out(), model.transformer.width());
    EXPECT_TRUE(model.any_length);
    EXPECT_EQ(model.parameters.at("blocks"), 3);
  }
  EXPECT_NE(bridge::components(10, 0, NumberType::f32).source_hash(),
            bridge::components(10, 0, NumberType::f32, ComponentsRule::shortcut).source_hash());
}

// The columns that have no name hold zeros.
TEST(ComponentsModel, FreeColumnsAreEmpty) {
  Draw draw(13);
  const auto edges = path(draw.order(12));
  for (const auto rule : both_rules) {
    const auto model = bridge::connected(12, 0, NumberType::f32, rule);
    auto rows = bridge::components_tokens<float>(12, edges);
    const auto expect_zeros = [&](std::size_t layer) {
      for (std::size_t c = 0; c < rows.columns(); ++c) {
        if (!model.columns[layer][c].variable.empty()) continue;
        for (std::size_t token = 0; token < rows.rows(); ++token) EXPECT_EQ(rows(token, c), 0) << "layer " << layer << ", column " << c;
      }
    };
    const auto transformer = bridge::converted<float>(model.transformer);
    for (std::size_t l = 0; l < transformer.layers().size(); ++l) {
      expect_zeros(l);
      rows = bridge::apply(transformer.layers()[l], rows, l);
    }
    expect_zeros(transformer.layers().size());
  }
}

TEST(ComponentsModel, WeightsAreTied) {
  for (const auto rule : both_rules) {
    const auto model = bridge::components(9, 0, NumberType::f32, rule);
    const auto& layers = model.transformer.layers();
    const std::size_t period = rule == ComponentsRule::contract ? 1 : 2;
    const auto x = bridge::components_tokens<double>(9, path(Draw(14).order(9)));
    ASSERT_EQ(layers.size(), 8);
    for (std::size_t l = period; l < layers.size(); ++l) EXPECT_EQ(bridge::apply(layers[l], x), bridge::apply(layers[l - period], x));
  }
}

TEST(ComponentsModel, Refusals) {
  EXPECT_EQ(refusal([] { bridge::components(0, 0, NumberType::f32); }), "usage: components: expected one vertex or more, got none");
  const Edges edges{{0, 3}};
  EXPECT_EQ(refusal([&] { bridge::components_tokens<float>(3, edges); }), "usage: components: edge 0 3: expected vertices below 3");
  bridge::Matrix<float> y(3, 10);
  y(1, 4) = 0.5F;
  EXPECT_EQ(refusal([&] { bridge::components_labels(3, y); }), "fault: components: token 1, column 4: expected 0 or 1, got 0.5");
  EXPECT_EQ(refusal([&] { bridge::components_labels(4, y); }), "usage: components: expected 4 rows or more of 10 columns, got 3 of 10");
}

}  // namespace
}  // namespace tests
