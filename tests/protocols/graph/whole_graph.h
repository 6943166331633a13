#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include "mpc/error.h"

#include "protocols/graph/graph.h"

#include "tests/support/temporary_folder.h"
#include "tests/support/threaded_ranks.h"

namespace tests {

/// A folder that lives as long as a test.
class Folder {
 public:
  std::string path(const std::string& name) const { return folder_.path() / name; }
  std::string write(const std::string& name, const std::string& bytes) const {
    write_bytes(path(name), bytes);
    return path(name);
  }
  std::string write_gzip(const std::string& name, const std::string& text) const {
    auto* const file = gzopen(path(name).c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return path(name);
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_.path()), std::filesystem::directory_iterator()));
  }

 private:
  TemporaryFolder folder_;
};

/// Plain or gzip.
inline std::string text_of(const std::string& path) {
  std::string text;
  auto* const file = gzopen(path.c_str(), "rb");
  char block[4096];
  for (int got = 0; (got = gzread(file, block, sizeof block)) > 0;) text.append(block, static_cast<std::size_t>(got));
  gzclose(file);
  return text;
}

/// Runs the work on these ranks and returns the text of the error that all of them throw, with this exit code.
template <class Work>
std::string error_on(int size, mpc::Exit exit, Work&& work) {
  const auto texts = ThreadedRanks::results(size, [&](mpc::Ranks& ranks) -> std::string {
    try {
      work(ranks);
    } catch (const mpc::Error& error) {
      EXPECT_EQ(error.exit(), exit) << error.what();
      return error.what();
    }
    return "no error";
  });
  for (const auto& text : texts) EXPECT_EQ(text, texts.front());
  return texts.front();
}

/// A whole graph, gathered from its ranks.
struct Whole {
  std::uint64_t vertices = 0, active = 0;
  std::vector<protocols::Edge> edges;    // protocol ids
  std::vector<std::uint64_t> originals;  // by protocol id
  std::vector<std::uint64_t> isolated;   // of known id
  std::uint64_t unnamed = 0;
  friend bool operator==(const Whole&, const Whole&) = default;

  /// The edges by original ids, u < v, ascending.
  std::vector<protocols::Edge> original_edges() const {
    std::vector<protocols::Edge> result;
    for (const auto& [u, v] : edges) result.push_back({std::min(originals[u], originals[v]), std::max(originals[u], originals[v])});
    std::ranges::sort(result);
    return result;
  }
};

/// What build() must promise whatever the input, and the graph it describes.
inline Whole whole(const protocols::Graph& graph, mpc::Ranks& ranks) {
  Whole result{graph.vertices, graph.active, {}, {}, {}, graph.ids.unnamed()};
  std::vector<std::uint64_t> words, isolated, wanted;
  for (const auto& [u, v] : graph.share) words.insert(words.end(), {u, v});
  words = ranks.gather(words);
  for (std::size_t i = 0; i < words.size(); i += 2) result.edges.push_back({words[i], words[i + 1]});
  graph.ids.isolated([&](std::uint64_t id) {
    isolated.push_back(id);
    return true;
  });
  result.isolated = ranks.gather(isolated);
  for (std::uint64_t id = 0; id < graph.active; ++id) wanted.push_back(id);
  result.originals = graph.ids.originals(wanted, ranks);

  EXPECT_EQ(result.edges.size(), graph.edges);
  EXPECT_TRUE(std::ranges::is_sorted(result.edges));
  EXPECT_EQ(std::ranges::adjacent_find(result.edges), result.edges.end());
  for (const auto& [u, v] : result.edges) EXPECT_TRUE(u < v && v < graph.active);
  EXPECT_EQ(graph.first, graph.edges * static_cast<std::uint64_t>(ranks.rank()) / static_cast<std::uint64_t>(ranks.size()));
  EXPECT_LE(graph.share.size(), graph.edges / static_cast<std::uint64_t>(ranks.size()) + 1);
  EXPECT_TRUE(std::ranges::is_sorted(result.isolated));
  return result;
}

/// This rank's part of a list, dealt round robin.
inline std::vector<protocols::Edge> dealt(const std::vector<protocols::Edge>& pairs, const mpc::Ranks& ranks) {
  std::vector<protocols::Edge> mine;
  for (auto i = static_cast<std::size_t>(ranks.rank()); i < pairs.size(); i += static_cast<std::size_t>(ranks.size()))
    mine.push_back(pairs[i]);
  return mine;
}

/// The same graph on 1, 2, 3, 5 and 8 ranks, checked to be the same.
template <class Make>
Whole on_any_ranks(Make&& make) {
  std::optional<Whole> first;
  for (const int size : {1, 2, 3, 5, 8}) {
    const auto graphs = ThreadedRanks::results(size, [&](mpc::Ranks& ranks) { return whole(make(ranks), ranks); });
    if (!first) first = graphs.front();
    for (const auto& graph : graphs) EXPECT_EQ(graph, *first) << size << " ranks";
  }
  return *first;
}

}  // namespace tests
