#include "transformer_bridge/formats/npy.h"

#include <bit>
#include <string_view>
#include <type_traits>

#include <fmt/core.h>

#include "mpc/error.h"

#include "protocols/graph/text_sink.h"

namespace bridge {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they lie in memory");

template <class T>
constexpr std::string_view dtype() {
  if constexpr (std::is_same_v<T, float>) {
    return "<f4";
  } else if constexpr (std::is_same_v<T, double>) {
    return "<f8";
  } else {
    static_assert(std::is_same_v<T, std::uint64_t>);
    return "<u8";
  }
}

/// A Python tuple: (), (3,) or (3, 4).
std::string tuple(const std::vector<std::size_t>& shape) {
  std::string text;
  for (const auto extent : shape) text += fmt::format("{}{}", text.empty() ? "" : ", ", extent);
  return fmt::format("({}{})", text, shape.size() == 1 ? "," : "");
}

/// Magic, version, length, and the description, padded so that the values begin at a multiple of 64 bytes.
std::string header(const std::string& path, std::string_view type, const std::vector<std::size_t>& shape) {
  constexpr std::string_view magic("\x93NUMPY\x01\x00", 8);
  constexpr std::size_t alignment = 64, length_bytes = 2;
  auto text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, tuple(shape));
  const auto before = magic.size() + length_bytes;
  const auto whole = (before + text.size() + 1 + alignment - 1) / alignment * alignment;
  text.append(whole - before - text.size() - 1, ' ').push_back('\n');
  if (text.size() > UINT16_MAX) throw mpc::Fault(fmt::format("{}: cannot be written: too many dimensions for its header", path));
  std::string bytes(magic);
  bytes.push_back(static_cast<char>(text.size() & 0xff));
  bytes.push_back(static_cast<char>(text.size() >> 8));
  return bytes + text;
}

}  // namespace

template <class T>
void write_npy(const std::string& path, std::span<const T> values, const std::vector<std::size_t>& shape) {
  std::size_t count = 1;
  for (const auto extent : shape) count *= extent;
  if (count != values.size()) {
    throw mpc::Fault(
        fmt::format("{}: cannot be written: the shape {} has {} values, and there are {}", path, tuple(shape), count, values.size()));
  }
  protocols::TextSink file(path);
  file.write(header(path, dtype<T>(), shape));
  file.write({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  file.close();
}

template void write_npy(const std::string&, std::span<const float>, const std::vector<std::size_t>&);
template void write_npy(const std::string&, std::span<const double>, const std::vector<std::size_t>&);
template void write_npy(const std::string&, std::span<const std::uint64_t>, const std::vector<std::size_t>&);

}  // namespace bridge
