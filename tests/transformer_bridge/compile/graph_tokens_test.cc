#include "transformer_bridge/compile/graph_tokens.h"

#include <vector>

#include <gtest/gtest.h>

namespace tests {
namespace {

// Every word has a place of its own on the machine that GraphInput deals its edge to, and the places of a machine are 0, 1, ..., share - 1.
TEST(GraphDealing, IsTheDealOfTheMachines) {
  for (const std::uint64_t edges : {1, 2, 3, 7, 64, 100, 1000}) {
    for (const std::uint64_t machines : {1, 2, 3, 5, 7, 64, 100, 999, 1500}) {
      SCOPED_TRACE(std::to_string(edges) + " edges, " + std::to_string(machines) + " machines");
      const auto dealing = bridge::graph_dealing(edges, machines);
      ASSERT_EQ(dealing.words, 2 * edges);
      std::uint64_t token = 0, most = 0;
      for (std::uint64_t machine = 0; machine < machines; ++machine) {
        const auto first = protocols::first_item(machine, edges, machines);
        const auto last = protocols::first_item(machine + 1, edges, machines);
        ASSERT_EQ(dealing.share_of(machine), 2 * (last - first));
        most = std::max(most, dealing.share_of(machine));
        for (std::uint64_t place = 0; place < dealing.share_of(machine); ++place, ++token) {
          const auto destination = dealing.destination(token);
          ASSERT_EQ(destination.machine, machine) << "token " << token;
          ASSERT_EQ(destination.place, place) << "token " << token;
        }
      }
      EXPECT_EQ(token, dealing.words);
      EXPECT_EQ(dealing.share, most);
    }
  }
}

TEST(GraphDealing, NoEdgesAreNoWords) {
  const auto dealing = bridge::graph_dealing(0, 4);
  EXPECT_EQ(dealing.words, 0U);
  EXPECT_EQ(dealing.share, 0U);
  EXPECT_EQ(dealing.share_of(3), 0U);
}

}  // namespace
}  // namespace tests
