#pragma once

#include <cstddef>
#include <string>

#include <fmt/core.h>

namespace bridge {

/// A part of a transformer as the files that are written name it, "layers.0.heads.1.query", and as errors say it, "layer 0, head 1, query".
struct PartName {
  std::string name, text;

  static PartName layer(std::size_t l) { return {fmt::format("layers.{}", l), fmt::format("layer {}", l)}; }
  PartName head(std::size_t h) const { return {fmt::format("{}.heads.{}", name, h), fmt::format("{}, head {}", text, h)}; }
  /// Of an Mlp.
  PartName map(std::size_t d) const { return {fmt::format("{}.maps.{}", name, d), fmt::format("{}, linear map {} of the MLP", text, d)}; }
  /// Of a Sequence.
  PartName step(std::size_t s) const { return {fmt::format("{}.steps.{}", name, s), fmt::format("{}, step {} of the sequence", text, s)}; }
  PartName part(const std::string& its) const { return {name + "." + its, text + ", " + its}; }
};

}  // namespace bridge
