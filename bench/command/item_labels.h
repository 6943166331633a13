#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mpc/ranks.h"

#include "protocols/graph/labels.h"

namespace roundtrip {

/// Whether the labels, in any order, are expected[i] for every item `first` + i, once each.
bool same_item_labels(const std::vector<protocols::VertexLabel>& labels, const std::vector<std::uint64_t>& expected, std::uint64_t first);

/// Writes a line "item label" for each, in rank order and in the order of a rank, with the label's name; gzip if the path ends in ".gz";
/// "-" is standard output. Rank 0 writes, and only there is `name` called. Collective. Throws with Exit::fault on every rank if writing
/// fails.
void write_item_labels(const std::string& path, const std::vector<protocols::VertexLabel>& labels,
                       const std::function<std::string(std::uint64_t)>& name, mpc::Ranks& ranks);

}  // namespace roundtrip
