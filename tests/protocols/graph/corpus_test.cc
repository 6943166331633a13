#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "tests/fuzz/graph_text.h"
#include "tests/protocols/graph/whole_graph.h"

namespace protocols {
namespace {

/// What fuzzing found worth keeping, and what it started from: each file in parts and in one go.
TEST(Corpus, PartsAgreeWithTheWhole) {
  for (const auto& [folder, format] :
       {std::pair("edges", Format::edges), std::pair("mtx", Format::matrix_market), std::pair("metis", Format::metis)}) {
    std::size_t files = 0, accepted = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(TEST_CORPUS) / folder)) {
      const auto text = tests::bytes_of(entry.path());
      EXPECT_EQ(tests::fault_of_parsers(format, text), "") << entry.path();
      ++files;
      accepted += tests::ParsedInParts(format, text, std::size_t{1} << 15, 0).result.error.empty() ? 1 : 0;
    }
    EXPECT_GT(files, 10) << folder;
    EXPECT_GT(accepted, 3) << folder;
    EXPECT_GT(files - accepted, 3) << folder;
  }
}

}  // namespace
}  // namespace protocols
