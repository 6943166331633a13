#include "transformer_bridge/formats/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/core.h>
#include <fmt/format.h>

#include "mpc/error.h"

#include "protocols/graph/text_sink.h"

#include "transformer_bridge/formats/refuse.h"
#include "transformer_bridge/formats/strict_json.h"

namespace bridge {
namespace {

using Json = nlohmann::json;
using Tensor = SafetensorsFile::Tensor;

static_assert(std::endian::native == std::endian::little, "values are read and written as they lie in memory");

constexpr std::size_t length_bytes = 8;
constexpr std::size_t longest_header = 100'000'000;
constexpr std::size_t most_dimensions = 8;
constexpr const char* metadata_key = "__metadata__";

std::optional<std::size_t> bits_of(const std::string& dtype) {
  static constexpr std::pair<std::string_view, std::size_t> known[] = {
      {"BOOL", 8},    {"F4", 4},          {"F6_E2M3", 6},     {"F6_E3M2", 6}, {"U8", 8},   {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8},
      {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16}, {"F16", 16}, {"BF16", 16},   {"I32", 32},
      {"U32", 32},    {"F32", 32},        {"C64", 64},        {"F64", 64},    {"I64", 64}, {"U64", 64},
  };
  for (const auto& [name, bits] : known) {
    if (dtype == name) return bits;
  }
  return {};
}

std::string text_of(const std::vector<std::size_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

/// first times all the others, if that is a number of 64 bits.
std::optional<std::size_t> product(std::size_t first, const std::vector<std::size_t>& others) {
  for (const auto factor : others) {
    if (__builtin_mul_overflow(first, factor, &first)) return {};
  }
  return first;
}

/// The JSON text in front of the values, checked as far as that goes without parsing it.
std::string_view header_of(std::span<const std::byte> bytes, const std::string& path) {
  if (bytes.size() < length_bytes)
    refuse(path, fmt::format("expected the header's length in {} bytes, got {}", length_bytes, bytes.size()));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), length_bytes);
  if (length > longest_header) refuse(path, fmt::format("expected a header of at most {} bytes, got one of {}", longest_header, length));
  const auto there = bytes.size() - length_bytes;
  if (length > there) refuse(path, fmt::format("expected a header of {} bytes, got {}", length, there));
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + length_bytes, length);
  if (!header.starts_with('{')) refuse(path, "expected a header that begins with {");
  if (header[header.find_last_not_of(' ')] != '}') refuse(path, "expected a header that ends with }, and then only spaces");
  return header;
}

/// A list of sizes; `what` is for errors.
std::vector<std::size_t> sizes_of(const Json& list, const std::string& path, const std::string& what) {
  std::vector<std::size_t> sizes;
  if (!list.is_array()) refuse(path, fmt::format("{}: expected a list of sizes, got {}", what, shown(list)));
  for (const auto& size : list) {
    if (!size.is_number_unsigned()) refuse(path, fmt::format("{}: expected sizes, got {}", what, shown(size)));
    sizes.push_back(size.get<std::size_t>());
  }
  return sizes;
}

Tensor tensor_of(const Json& entry, const std::string& path, const std::string& place) {
  if (!entry.is_object()) refuse(path, fmt::format("{}: expected a JSON object, got {}", place, shown(entry)));
  for (const auto* key : {"dtype", "shape", "data_offsets"}) {
    if (!entry.contains(key)) refuse(path, fmt::format("{}: expected \"{}\"; it is not there", place, key));
  }
  for (const auto& [key, value] : entry.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      refuse(path, fmt::format("{}: expected dtype, shape and data_offsets, got {}", place, shown(key)));
    }
  }

  Tensor tensor;
  const auto& dtype = entry["dtype"];
  const auto bits = dtype.is_string() ? bits_of(dtype.get<std::string>()) : std::nullopt;
  if (!bits) refuse(path, fmt::format("{}: unknown dtype {}", place, shown(dtype)));
  tensor.dtype = dtype.get<std::string>();

  tensor.shape = sizes_of(entry["shape"], path, place + ", shape");
  if (tensor.shape.size() > most_dimensions) {
    refuse(path, fmt::format("{}: expected at most {} dimensions, got {}", place, most_dimensions, tensor.shape.size()));
  }
  const auto all_bits = product(*bits, tensor.shape);
  if (!all_bits) refuse(path, fmt::format("{}: {} of shape {} is too large", place, tensor.dtype, text_of(tensor.shape)));
  if (*all_bits % 8 != 0) {
    refuse(path, fmt::format("{}: {} of shape {} does not fill its last byte", place, tensor.dtype, text_of(tensor.shape)));
  }

  const auto offsets = sizes_of(entry["data_offsets"], path, place + ", data_offsets");
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    refuse(path, fmt::format("{}: expected data_offsets of a begin and an end not before it, got {}", place, text_of(offsets)));
  }
  tensor.offset = offsets[0];
  tensor.bytes = offsets[1] - offsets[0];
  if (tensor.bytes != *all_bits / 8) {
    refuse(path, fmt::format("{}: expected {} bytes, as of {} of shape {}, got data_offsets {}", place, *all_bits / 8, tensor.dtype,
                             text_of(tensor.shape), text_of(offsets)));
  }
  return tensor;
}

std::map<std::string, std::string> metadata_of(const Json& entry, const std::string& path) {
  std::map<std::string, std::string> metadata;
  if (!entry.is_object()) refuse(path, fmt::format("{}: expected a JSON object, got {}", metadata_key, shown(entry)));
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) refuse(path, fmt::format("{}, {}: expected a text, got {}", metadata_key, shown(key), shown(value)));
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

/// Exact: subnormal numbers are normal ones in float, and NaN keeps its bits.
float from_f16(std::uint16_t half) {
  const auto sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const auto exponent = static_cast<std::uint32_t>(half >> 10 & 0x1f), fraction = static_cast<std::uint32_t>(half & 0x3ff);
  if (exponent == 0) {
    const auto subnormal = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(subnormal));
  }
  const auto wide = exponent == 0x1f ? 0xff : exponent + 127 - 15;  // infinity and NaN, or a normal number
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

float from_bf16(std::uint16_t half) { return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16); }

/// They need not lie as Stored is aligned.
template <class Stored, class Real, class Convert>
void convert(std::span<const std::byte> bytes, std::span<Real> into, Convert&& convert) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    into[i] = static_cast<Real>(convert(stored));
  }
}

/// The tensors lie behind it in their order.
std::string header_to_write(const std::string& path, const std::vector<TensorToWrite>& tensors,
                            const std::map<std::string, std::string>& metadata) {
  const auto fail = [&](const std::string& why) { throw mpc::Fault(fmt::format("{}: cannot be written: {}", path, why)); };
  auto root = nlohmann::ordered_json::object();
  if (!metadata.empty()) root[metadata_key] = metadata;
  std::size_t offset = 0;
  for (const auto& [name, shape, values] : tensors) {
    if (name == metadata_key) fail(fmt::format("a tensor is named {}", shown(name)));
    if (root.contains(name)) fail(fmt::format("two tensors are named {}", shown(name)));
    if (shape.size() > most_dimensions) fail(fmt::format("tensor {} has more than {} dimensions", shown(name), most_dimensions));
    const auto count = std::visit([](auto span) { return span.size(); }, values);
    if (product(1, shape) != count) {
      fail(fmt::format("tensor {} has the shape {}, and there are {} values", shown(name), text_of(shape), count));
    }
    const auto end = offset + std::visit([](auto span) { return span.size_bytes(); }, values);
    const auto* dtype = std::holds_alternative<std::span<const float>>(values) ? "F32" : "F64";
    root[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = root.dump();
  } catch (const Json::exception&) {
    fail("a name or the metadata is not UTF-8");
  }
  text.resize((text.size() + length_bytes - 1) / length_bytes * length_bytes, ' ');  // the values lie aligned
  if (text.size() > longest_header) fail(fmt::format("its header would have {} bytes, more than {}", text.size(), longest_header));
  return text;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) : path_(path), file_(path) { open(file_.bytes()); }

SafetensorsFile::SafetensorsFile(std::span<const std::byte> bytes, const std::string& path) : path_(path) { open(bytes); }

void SafetensorsFile::open(std::span<const std::byte> bytes) {
  const auto header = header_of(bytes, path_);
  const auto root = parse_json_object(header.substr(0, header.find_last_of('}') + 1), path_);
  for (const auto& [name, entry] : root.items()) {
    if (name == metadata_key) {
      metadata_ = metadata_of(entry, path_);
    } else {
      tensors_[name] = tensor_of(entry, path_, "tensor " + shown(name));
    }
  }
  values_ = bytes.subspan(length_bytes + header.size());
  check_layout(values_.size());
}

/// Every byte of the values belongs to one tensor.
void SafetensorsFile::check_layout(std::size_t value_bytes) const {
  std::vector<const std::pair<const std::string, Tensor>*> in_order;
  for (const auto& named : tensors_) in_order.push_back(&named);
  std::ranges::stable_sort(in_order, {}, [](const auto* named) { return std::pair(named->second.offset, named->second.bytes); });
  std::size_t end = 0;
  for (const auto* named : in_order) {
    const auto& [name, tensor] = *named;
    if (tensor.offset != end) {
      refuse(path_, fmt::format("tensor {}: expected values from byte {} on, where those before it end, got {}: {}", shown(name), end,
                                tensor.offset, tensor.offset < end ? "they overlap" : "there is a hole"));
    }
    end += tensor.bytes;
  }
  if (end != value_bytes) refuse(path_, fmt::format("expected {} bytes of values behind the header, got {}", end, value_bytes));
}

const Tensor& SafetensorsFile::expect(const std::string& name, const std::vector<std::size_t>& shape) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    refuse(path_, fmt::format("tensor {}: expected one of shape {}; it is not there", shown(name), text_of(shape)));
  }
  if (found->second.shape != shape) {
    refuse(path_, fmt::format("tensor {}: expected shape {}, got {}", shown(name), text_of(shape), text_of(found->second.shape)));
  }
  const auto& dtype = found->second.dtype;
  if (dtype != "F64" && dtype != "F32" && dtype != "F16" && dtype != "BF16") {
    refuse(path_, fmt::format("tensor {}: expected dtype F64, F32, F16 or BF16, got {}", shown(name), dtype));
  }
  return found->second;
}

template <class Real>
void SafetensorsFile::read(const Tensor& tensor, std::span<Real> into) const {
  const auto bytes = values_.subspan(tensor.offset, tensor.bytes);
  if (tensor.dtype == "F64") {
    convert<double>(bytes, into, [](double x) { return x; });
  } else if (tensor.dtype == "F32") {
    convert<float>(bytes, into, [](float x) { return x; });
  } else {
    convert<std::uint16_t>(bytes, into, tensor.dtype == "F16" ? from_f16 : from_bf16);
  }
}

template <class Real>
std::vector<Real> SafetensorsFile::values(const std::string& name, const std::vector<std::size_t>& shape) const {
  const auto& tensor = expect(name, shape);
  std::vector<Real> result(*product(1, shape));
  read<Real>(tensor, result);
  return result;
}

template <class Real>
Matrix<Real> SafetensorsFile::matrix(const std::string& name, std::size_t rows, std::size_t columns) const {
  const auto& tensor = expect(name, {rows, columns});
  Matrix<Real> result(rows, columns);
  read<Real>(tensor, result.values());
  return result;
}

template std::vector<float> SafetensorsFile::values(const std::string&, const std::vector<std::size_t>&) const;
template std::vector<double> SafetensorsFile::values(const std::string&, const std::vector<std::size_t>&) const;
template Matrix<float> SafetensorsFile::matrix(const std::string&, std::size_t, std::size_t) const;
template Matrix<double> SafetensorsFile::matrix(const std::string&, std::size_t, std::size_t) const;

void write_safetensors(const std::string& path, std::vector<TensorToWrite> tensors, const std::map<std::string, std::string>& metadata) {
  std::ranges::sort(tensors, {},
                    [](const TensorToWrite& tensor) { return std::tuple(tensor.values.index() == 0, tensor.name); });  // F64 first
  const auto header = header_to_write(path, tensors, metadata);
  const std::uint64_t length = header.size();
  protocols::TextSink file(path);
  file.write({reinterpret_cast<const char*>(&length), length_bytes});
  file.write(header);
  for (const auto& tensor : tensors) {
    std::visit([&](auto values) { file.write({reinterpret_cast<const char*>(values.data()), values.size_bytes()}); }, tensor.values);
  }
  file.close();
}

}  // namespace bridge
