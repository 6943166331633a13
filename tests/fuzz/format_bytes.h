#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/formats/hugging_face.h"
#include "transformer_bridge/formats/safetensors.h"

/// What the readers of a model's files must promise for any bytes. For fuzzing, and for replaying what fuzzing found.
namespace tests {

/// What is wrong with how a file was refused: it takes one line of plain text that begins with the path.
inline std::string fault_of_refusal(const mpc::InputError& error) {
  const std::string text = error.what();
  const bool one_line = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  return one_line && text.starts_with("file: ") ? "" : "an error that is no line of plain text: " + text;
}

/// The values of a tensor of a file that was taken, read as float and as double.
inline std::string fault_of_values(const bridge::SafetensorsFile& file, const std::string& name) {
  const auto& tensor = file.tensors().at(name);
  const auto width = tensor.dtype == "F64" ? 8u : tensor.dtype == "F32" ? 4u : tensor.dtype == "F16" || tensor.dtype == "BF16" ? 2u : 0u;
  std::vector<float> narrow;
  std::vector<double> wide;
  try {
    narrow = file.values<float>(name, tensor.shape);
    wide = file.values<double>(name, tensor.shape);
    if (width == 0) return "values that are no numbers were read, of " + tensor.dtype;
  } catch (const mpc::InputError& error) {
    return width == 0 ? fault_of_refusal(error) : std::string("values were not read: ") + error.what();
  }
  if (narrow.size() * width != tensor.bytes || wide.size() != narrow.size()) return "a tensor with more or fewer values than its bytes";
  for (std::size_t i = 0; i < wide.size(); ++i) {
    const bool same = std::isnan(wide[i]) ? std::isnan(narrow[i]) : static_cast<float>(wide[i]) == narrow[i];
    if (!same) return fmt::format("value {} is {} as double and {} as float", i, wide[i], narrow[i]);
  }
  return "";
}

/// What is wrong with the answer to these bytes as a safetensors file; nothing: empty. `taken` is told whether they were one.
inline std::string fault_of_safetensors(std::string_view bytes, bool* taken = nullptr) {
  if (taken != nullptr) *taken = false;
  try {
    const bridge::SafetensorsFile file(std::as_bytes(std::span(bytes)), "file");
    if (taken != nullptr) *taken = true;
    std::uint64_t header = 0;
    if (bytes.size() < sizeof header) return "a file without a length was taken";
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header > bytes.size() - sizeof header) return "a file that ends in its header was taken";
    std::vector<std::uint8_t> owners(bytes.size() - sizeof header - header);
    for (const auto& [name, tensor] : file.tensors()) {
      if (tensor.offset > owners.size() || tensor.bytes > owners.size() - tensor.offset) return "a tensor ends behind the file";
      for (std::size_t i = 0; i < tensor.bytes; ++i) ++owners[tensor.offset + i];
      const auto fault = fault_of_values(file, name);
      if (!fault.empty()) return fault;
    }
    if (!std::ranges::all_of(owners, [](auto count) { return count == 1; })) return "a byte that is not of one tensor";
  } catch (const mpc::InputError& error) {
    return fault_of_refusal(error);
  }
  return "";
}

/// The same bytes with a length that ends the header at the last brace: what was changed in a header is then looked at.
inline std::string with_length(std::string_view bytes) {
  std::string result(bytes);
  const auto brace = result.find_last_of('}');
  if (brace == std::string::npos || brace < sizeof(std::uint64_t)) return result;
  const std::uint64_t length = brace + 1 - sizeof length;
  std::memcpy(result.data(), &length, sizeof length);
  return result;
}

/// What is wrong with the answer to this text as a config.json; nothing: empty.
inline std::string fault_of_config(std::string_view text, bool* taken = nullptr) {
  if (taken != nullptr) *taken = false;
  try {
    const auto config = bridge::parse_config(text, "file");
    if (taken != nullptr) *taken = true;
    constexpr auto largest = (std::uint64_t{1} << 31) - 1;
    for (const auto size : {config.vocabulary, config.positions, config.layers, config.heads, config.width}) {
      if (size < 1 || size > largest) return fmt::format("a size of {}", size);
    }
    if (config.inner_width < 1 || config.inner_width > 4 * largest) return fmt::format("an inner width of {}", config.inner_width);
    if ((config.family == bridge::ModelConfig::Family::bert) != (config.token_types != 0)) return "token types of the wrong family";
    if (config.width % config.heads != 0) return "heads that do not divide the width";
    if (!(config.epsilon > 0 && config.epsilon <= 1)) return fmt::format("an epsilon of {}", config.epsilon);
    if (config.padding_id && *config.padding_id >= config.vocabulary) return "padding beyond the vocabulary";
  } catch (const mpc::InputError& error) {
    return fault_of_refusal(error);
  }
  return "";
}

}  // namespace tests
