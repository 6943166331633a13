#include "transformer_bridge/formats/safetensors.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/support/temporary_folder.h"
#include "tests/transformer_bridge/random_matrix.h"
#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using tests::refusal;
using namespace std::string_literals;

std::string u64(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> 8 * i & 0xff));
  return bytes;
}
std::string file_of(const std::string& header, const std::string& values = "") { return u64(header.size()) + header + values; }
std::span<const std::byte> bytes_in(const std::string& text) { return std::as_bytes(std::span(text)); }
/// An entry of the header.
std::string entry(const std::string& name, const std::string& dtype, const std::string& shape, std::size_t begin, std::size_t end) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", name, dtype, shape, begin, end);
}

/// How a file of these bytes is refused, without the kind and the path, which are always the same.
std::string refused(const std::string& bytes) {
  const auto text = refusal([&] { SafetensorsFile(bytes_in(bytes), "x"); });
  const auto begin = "input: x: "s;
  return text.starts_with(begin) ? text.substr(begin.size()) : text;
}
std::string header_refused(const std::string& header, const std::string& values = "") { return refused(file_of(header, values)); }

// Two tensors, 20 bytes of values: x is F32 [2, 2], n is I32 [].
const std::string small_header = "{" + entry("x", "F32", "[2,2]", 4, 20) + "," + entry("n", "I32", "[]", 0, 4) + "}";
const std::string small_values = "\x07\0\0\0"s + "\0\0\x80\x3f\0\0\0\x40\0\0\0\xbf\0\0\0\0"s;

TEST(Safetensors, ReadsWhatAFileHolds) {
  const auto bytes = file_of(small_header + "   ", small_values);
  const SafetensorsFile file(bytes_in(bytes), "x");
  EXPECT_EQ(file.path(), "x");
  ASSERT_EQ(file.tensors().size(), 2);
  const auto& [n, x] = std::pair(file.tensors().at("n"), file.tensors().at("x"));
  EXPECT_EQ(n.dtype, "I32");
  EXPECT_EQ(n.shape, std::vector<std::size_t>());
  EXPECT_EQ(n.offset, 0);
  EXPECT_EQ(n.bytes, 4);
  EXPECT_EQ(x.dtype, "F32");
  EXPECT_EQ(x.shape, (std::vector<std::size_t>{2, 2}));
  EXPECT_EQ(x.offset, 4);
  EXPECT_EQ(x.bytes, 16);
  EXPECT_TRUE(file.metadata().empty());
  EXPECT_EQ(file.matrix<float>("x", 2, 2), (Matrix<float>{{1, 2}, {-0.5, 0}}));
  EXPECT_EQ(file.values<double>("x", {2, 2}), (std::vector<double>{1, 2, -0.5, 0}));
}

TEST(Safetensors, AnEmptyFileOfTensorsIsOne) {
  for (const auto* header : {"{}", "{}      ", "{ }", R"({"__metadata__":{}})"}) EXPECT_EQ(header_refused(header), "not refused") << header;
  const auto bytes = file_of(R"({"__metadata__":{"a":"b","":"\u00e9"}})");
  EXPECT_EQ(SafetensorsFile(bytes_in(bytes), "x").metadata(), (std::map<std::string, std::string>{{"a", "b"}, {"", "\u00e9"}}));
}

TEST(Safetensors, TensorsMayHaveNoValuesOrNoDimensions) {
  // Those without values lie between others, at the begin and at the end.
  const auto header = "{" + entry("a", "F32", "[0]", 0, 0) + "," + entry("b", "F64", "[]", 0, 8) + "," +
                      entry("c", "F32", "[3,0,2]", 8, 8) + "," + entry("d", "F32", "[1,1,1,1,1,1,1,1]", 8, 12) + "," +
                      entry("e", "F4", "[0]", 12, 12) + "}";
  const auto bytes = file_of(header, "\0\0\0\0\0\0\xf0\x3f\0\0\0\x40"s);
  const SafetensorsFile file(bytes_in(bytes), "x");
  EXPECT_EQ(file.values<float>("a", {0}), std::vector<float>());
  EXPECT_EQ(file.values<float>("b", {}), std::vector<float>{1});
  EXPECT_EQ(file.values<float>("c", {3, 0, 2}), std::vector<float>());
  EXPECT_EQ(file.values<float>("d", {1, 1, 1, 1, 1, 1, 1, 1}), std::vector<float>{2});
}

TEST(Safetensors, KnowsTheSizesOfAllTypes) {
  const std::vector<std::pair<std::vector<std::string>, std::size_t>> bytes_of_eight = {
      {{"F4"}, 4},
      {{"F6_E2M3", "F6_E3M2"}, 6},
      {{"BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}, 8},
      {{"I16", "U16", "F16", "BF16"}, 16},
      {{"I32", "U32", "F32"}, 32},
      {{"C64", "F64", "I64", "U64"}, 64},
  };
  std::size_t types = 0;
  for (const auto& [names, bytes] : bytes_of_eight) {
    for (const auto& name : names) {
      EXPECT_EQ(header_refused("{" + entry("a", name, "[2,4]", 0, bytes) + "}", std::string(bytes, 'x')), "not refused") << name;
      EXPECT_EQ(header_refused("{" + entry("a", name, "[2,4]", 0, bytes + 1) + "}", std::string(bytes + 1, 'x')),
                fmt::format("tensor \"a\": expected {} bytes, as of {} of shape [2, 4], got data_offsets [0, {}]", bytes, name, bytes + 1));
      ++types;
    }
  }
  EXPECT_EQ(types, 22);
  EXPECT_EQ(header_refused("{" + entry("a", "F4", "[3]", 0, 2) + "}", "xx"), "tensor \"a\": F4 of shape [3] does not fill its last byte");
  EXPECT_EQ(header_refused("{" + entry("a", "F128", "[1]", 0, 16) + "}"), "tensor \"a\": unknown dtype \"F128\"");
  EXPECT_EQ(header_refused("{" + entry("a", "f32", "[1]", 0, 4) + "}"), "tensor \"a\": unknown dtype \"f32\"");
  EXPECT_EQ(header_refused(R"({"a":{"dtype":32,"shape":[],"data_offsets":[0,4]}})"), "tensor \"a\": unknown dtype 32");
}

TEST(Safetensors, RefusesAHeaderThatDoesNotFit) {
  EXPECT_EQ(refused(""), "expected the header's length in 8 bytes, got 0");
  EXPECT_EQ(refused("\2\0\0\0\0\0\0"s), "expected the header's length in 8 bytes, got 7");
  EXPECT_EQ(refused(u64(100'000'001)), "expected a header of at most 100000000 bytes, got one of 100000001");
  EXPECT_EQ(refused(u64(~std::uint64_t{0}) + "{}"), "expected a header of at most 100000000 bytes, got one of 18446744073709551615");
  EXPECT_EQ(refused(u64(100'000'000) + "{}"), "expected a header of 100000000 bytes, got 2");
  EXPECT_EQ(refused(u64(3) + "{}"), "expected a header of 3 bytes, got 2");
  EXPECT_EQ(refused(u64(1) + "{}"), "expected a header that ends with }, and then only spaces");
  EXPECT_EQ(header_refused(""), "expected a header that begins with {");
  EXPECT_EQ(header_refused(" {}"), "expected a header that begins with {");
  EXPECT_EQ(header_refused("\xef\xbb\xbf{}"), "expected a header that begins with {");
  EXPECT_EQ(header_refused("[]"), "expected a header that begins with {");
  for (const auto& end : {"\n"s, "\t"s, " \n "s, "\0"s, "x"s, "]"s}) {
    EXPECT_EQ(header_refused("{}" + end), "expected a header that ends with }, and then only spaces");
  }
}

TEST(Safetensors, TheLongestHeaderIsTaken) {
  auto header = small_header;
  header.resize(100'000'000, ' ');
  EXPECT_EQ(header_refused(header, small_values), "not refused");
  header.push_back(' ');
  EXPECT_EQ(header_refused(header, small_values), "expected a header of at most 100000000 bytes, got one of 100000001");
}

TEST(Safetensors, RefusesAHeaderThatIsNoStrictJson) {
  EXPECT_TRUE(header_refused("{}}").starts_with("expected JSON: ")) << header_refused("{}}");
  EXPECT_TRUE(header_refused("{\"a\":}").starts_with("expected JSON: "));
  EXPECT_TRUE(header_refused("{\"\xff\":{}}").starts_with("expected JSON: "));
  EXPECT_TRUE(header_refused("{\"\xc0\x80\":{}}").starts_with("expected JSON: "));  // longer than it need be
  EXPECT_EQ(header_refused("{}\0}"s), "expected JSON: byte 2 is zero");
  EXPECT_TRUE(header_refused("{/**/}").starts_with("expected JSON: "));
  const auto e = entry("a", "F32", "[1]", 0, 4);
  EXPECT_EQ(header_refused("{" + e + "," + e + "}", "1234"), "\"a\" is there twice");
  EXPECT_EQ(header_refused("{" + e + R"(,"\u0061":{}})", "1234"), "\"a\" is there twice");
  EXPECT_EQ(header_refused(R"({"a":{"dtype":"F32","dtype":"F64","shape":[1],"data_offsets":[0,8]}})", "12345678"),
            "\"dtype\" is there twice");
  EXPECT_EQ(header_refused(R"({"__metadata__":{"k":"1","k":"2"}})"), "\"k\" is there twice");
  EXPECT_EQ(header_refused(R"({"__metadata__":{},"__metadata__":{}})"), "\"__metadata__\" is there twice");
  EXPECT_EQ(header_refused("{\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}"), "expected values nested at most 64 deep");
  // What a file says is shown as plain text, and not all of it.
  EXPECT_EQ(header_refused("{\"a\\n\xc3\xa9\":1}"), "tensor \"a\\n\\u00e9\": expected a JSON object, got 1");
  const auto text = header_refused("{\"" + std::string(1000, 'a') + "\xff");
  for (const char c : header_refused("{\"" + std::string(1000, 'a') + "\xff\"}")) EXPECT_TRUE(c >= ' ' && c <= '~');
  EXPECT_LT(text.size(), 250) << text;
}

TEST(Safetensors, RefusesMetadataThatIsNoText) {
  EXPECT_EQ(header_refused(R"({"__metadata__":[]})"), "__metadata__: expected a JSON object, got []");
  EXPECT_EQ(header_refused(R"({"__metadata__":null})"), "__metadata__: expected a JSON object, got null");
  EXPECT_EQ(header_refused(R"({"__metadata__":{"a":1}})"), "__metadata__, \"a\": expected a text, got 1");
  EXPECT_EQ(header_refused(R"({"__metadata__":{"a":{"b":"c"}}})"), "__metadata__, \"a\": expected a text, got {\"b\":\"c\"}");
}

TEST(Safetensors, RefusesAnEntryThatIsNone) {
  const auto e = [](const std::string& text) { return header_refused("{\"a\":" + text + "}", "12345678"); };
  EXPECT_EQ(e("3"), "tensor \"a\": expected a JSON object, got 3");
  EXPECT_EQ(e(R"({"shape":[2],"data_offsets":[0,8]})"), "tensor \"a\": expected \"dtype\"; it is not there");
  EXPECT_EQ(e(R"({"dtype":"F32","data_offsets":[0,8]})"), "tensor \"a\": expected \"shape\"; it is not there");
  EXPECT_EQ(e(R"({"dtype":"F32","shape":[2]})"), "tensor \"a\": expected \"data_offsets\"; it is not there");
  EXPECT_EQ(e(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"stride":1})"),
            "tensor \"a\": expected dtype, shape and data_offsets, got \"stride\"");
  EXPECT_EQ(e(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})"), "tensor \"a\", shape: expected a list of sizes, got 2");
  EXPECT_EQ(e(R"({"dtype":"F32","shape":{"0":2},"data_offsets":[0,8]})"), "tensor \"a\", shape: expected a list of sizes, got {\"0\":2}");
  for (const auto* size : {"-2", "2.0", "2e0", "\"2\"", "null", "true", "[2]", "-0"}) {
    const auto text = e(fmt::format(R"({{"dtype":"F32","shape":[{}],"data_offsets":[0,8]}})", size));
    EXPECT_TRUE(text.starts_with("tensor \"a\", shape: expected sizes, got ")) << text;
  }
  EXPECT_EQ(e(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]})"), "tensor \"a\": expected at most 8 dimensions, got 9");
  EXPECT_EQ(e(R"({"dtype":"F32","shape":[2],"data_offsets":8})"), "tensor \"a\", data_offsets: expected a list of sizes, got 8");
  EXPECT_EQ(e(R"({"dtype":"F32","shape":[2],"data_offsets":[0,-8]})"), "tensor \"a\", data_offsets: expected sizes, got -8");
  const auto pair = "tensor \"a\": expected data_offsets of a begin and an end not before it, got "s;
  EXPECT_EQ(e(R"({"dtype":"F32","shape":[2],"data_offsets":[]})"), pair + "[]");
  EXPECT_EQ(e(R"({"dtype":"F32","shape":[2],"data_offsets":[8]})"), pair + "[8]");
  EXPECT_EQ(e(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,8]})"), pair + "[0, 8, 8]");
  EXPECT_EQ(e(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), pair + "[8, 0]");
}

TEST(Safetensors, RefusesSizesThatDoNotFit) {
  const auto e = [](const std::string& dtype, const std::string& shape, std::size_t begin, std::size_t end) {
    return header_refused("{" + entry("a", dtype, shape, begin, end) + "}", "12345678");
  };
  EXPECT_EQ(e("F32", "[2]", 0, 8), "not refused");
  EXPECT_EQ(e("F32", "[3]", 0, 8), "tensor \"a\": expected 12 bytes, as of F32 of shape [3], got data_offsets [0, 8]");
  EXPECT_EQ(e("F64", "[0]", 0, 8), "tensor \"a\": expected 0 bytes, as of F64 of shape [0], got data_offsets [0, 8]");
  EXPECT_EQ(e("F64", "[]", 0, 0), "tensor \"a\": expected 8 bytes, as of F64 of shape [], got data_offsets [0, 0]");
  // Products that would come out right if they went around.
  EXPECT_EQ(e("U8", "[4294967296,4294967296]", 0, 0), "tensor \"a\": U8 of shape [4294967296, 4294967296] is too large");
  EXPECT_EQ(e("F32", "[4611686018427387906]", 0, 8), "tensor \"a\": F32 of shape [4611686018427387906] is too large");
  EXPECT_EQ(e("U8", "[2305843009213693960]", 0, 8), "tensor \"a\": U8 of shape [2305843009213693960] is too large");
  EXPECT_EQ(e("U8", "[18446744073709551615,18446744073709551615,0]", 0, 0),
            "tensor \"a\": U8 of shape [18446744073709551615, 18446744073709551615, 0] is too large");
  EXPECT_EQ(header_refused("{" + entry("a", "U8", "[0,18446744073709551615,18446744073709551615]", 0, 0) + "}"), "not refused");
  EXPECT_EQ(e("U8", "[18446744073709551616]", 0, 8), "tensor \"a\", shape: expected sizes, got 1.8446744073709552e+19");
  // Offsets at the end of what 64 bits hold.
  EXPECT_EQ(e("F32", "[1]", 18446744073709551608u, 18446744073709551612u),
            "tensor \"a\": expected values from byte 0 on, where those before it end, got 18446744073709551608: there is a hole");
  EXPECT_EQ(e("U8", "[2305843009213693951]", 0, 2305843009213693951u),
            "expected 2305843009213693951 bytes of values behind the header, got 8");
  EXPECT_EQ(header_refused("{" + entry("a", "U8", "[2305843009213693951]", 0, 2305843009213693951u) + "," +
                           entry("b", "U8", "[2305843009213693951]", 2305843009213693951u, 4611686018427387902u) + "," +
                           entry("c", "U8", "[8]", 6, 14) + "}"),
            "tensor \"c\": expected values from byte 2305843009213693951 on, where those before it end, got 6: they overlap");
}

TEST(Safetensors, RefusesHolesAndOverlaps) {
  const auto two = [](std::size_t begin_a, std::size_t begin_b, std::size_t values) {
    return header_refused("{" + entry("a", "F32", "[2]", begin_a, begin_a + 8) + "," + entry("b", "F32", "[1]", begin_b, begin_b + 4) + "}",
                          std::string(values, 'x'));
  };
  EXPECT_EQ(two(0, 8, 12), "not refused");
  EXPECT_EQ(two(4, 0, 12), "not refused");
  EXPECT_EQ(two(0, 7, 11), "tensor \"b\": expected values from byte 8 on, where those before it end, got 7: they overlap");
  EXPECT_EQ(two(0, 9, 13), "tensor \"b\": expected values from byte 8 on, where those before it end, got 9: there is a hole");
  EXPECT_EQ(two(1, 9, 13), "tensor \"a\": expected values from byte 0 on, where those before it end, got 1: there is a hole");
  EXPECT_EQ(two(0, 0, 8), "tensor \"a\": expected values from byte 4 on, where those before it end, got 0: they overlap");
  EXPECT_EQ(two(0, 8, 11), "expected 12 bytes of values behind the header, got 11");
  EXPECT_EQ(two(0, 8, 13), "expected 12 bytes of values behind the header, got 13");
  EXPECT_EQ(header_refused("{}", "x"), "expected 0 bytes of values behind the header, got 1");
  // One without values must not lie inside another, or behind them all.
  const auto empty = [](std::size_t at) {
    return header_refused("{" + entry("a", "F32", "[2]", 0, 8) + "," + entry("b", "F32", "[0]", at, at) + "}", "12345678");
  };
  EXPECT_EQ(empty(0), "not refused");
  EXPECT_EQ(empty(8), "not refused");
  EXPECT_EQ(empty(4), "tensor \"b\": expected values from byte 8 on, where those before it end, got 4: they overlap");
  EXPECT_EQ(empty(9), "tensor \"b\": expected values from byte 8 on, where those before it end, got 9: there is a hole");
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const auto whole = file_of(small_header + "  ", small_values);
  ASSERT_EQ(refused(whole), "not refused");
  const auto header = 8 + small_header.size() + 2;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto expected = size < 8        ? fmt::format("expected the header's length in 8 bytes, got {}", size)
                          : size < header ? fmt::format("expected a header of {} bytes, got {}", header - 8, size - 8)
                                          : fmt::format("expected 20 bytes of values behind the header, got {}", size - header);
    EXPECT_EQ(refused(whole.substr(0, size)), expected);
  }
  // And of the header alone, with its length put right.
  for (std::size_t size = 0; size < small_header.size(); ++size) {
    const auto text = header_refused(small_header.substr(0, size), small_values);
    EXPECT_TRUE(text.starts_with("expected a header that ") || text.starts_with("expected JSON: ")) << size << ": " << text;
  }
}

TEST(Safetensors, AskingForWhatIsNotThereIsRefused) {
  const auto bytes = file_of(small_header, small_values);
  const SafetensorsFile file(bytes_in(bytes), "x");
  EXPECT_EQ(refusal([&] { file.values<float>("y", {2, 2}); }), "input: x: tensor \"y\": expected one of shape [2, 2]; it is not there");
  EXPECT_EQ(refusal([&] { file.matrix<float>("x", 4, 1); }), "input: x: tensor \"x\": expected shape [4, 1], got [2, 2]");
  EXPECT_EQ(refusal([&] { file.values<double>("x", {4}); }), "input: x: tensor \"x\": expected shape [4], got [2, 2]");
  EXPECT_EQ(refusal([&] { file.values<double>("x", {2, 2, 1}); }), "input: x: tensor \"x\": expected shape [2, 2, 1], got [2, 2]");
  EXPECT_EQ(refusal([&] { file.values<double>("n", {}); }), "input: x: tensor \"n\": expected dtype F64, F32, F16 or BF16, got I32");
  EXPECT_EQ(refusal([&] { file.values<double>("n", {1}); }), "input: x: tensor \"n\": expected shape [1], got []");
}

/// All 65,536 values of 16 bits, as a tensor of that type.
template <class Real>
std::vector<Real> all_of(const std::string& dtype) {
  std::string values;
  for (unsigned i = 0; i < 0x10000; ++i) {
    values.push_back(static_cast<char>(i & 0xff));
    values.push_back(static_cast<char>(i >> 8));
  }
  const auto bytes = file_of("{" + entry("a", dtype, "[65536]", 0, 131072) + "}", values);
  return SafetensorsFile(bytes_in(bytes), "x").values<Real>("a", {65536});
}

/// From the definition: sign, exponent and fraction of so many bits.
double value_of(unsigned bits, int exponent_bits, int fraction_bits) {
  const auto sign = bits >> 15 == 0 ? 1.0 : -1.0;
  const auto exponent = static_cast<int>(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const auto fraction = std::ldexp(static_cast<double>(bits & ((1u << fraction_bits) - 1)), -fraction_bits);
  const auto bias = (1 << (exponent_bits - 1)) - 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias));
}

template <class Real>
void check_all(const std::string& dtype, int exponent_bits, int fraction_bits) {
  const auto got = all_of<Real>(dtype);
  ASSERT_EQ(got.size(), 0x10000);
  unsigned nans = 0, infinities = 0;
  for (unsigned i = 0; i < 0x10000; ++i) {
    const auto expected = value_of(i, exponent_bits, fraction_bits);
    const auto value = static_cast<double>(got[i]);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << i;
    } else {
      ASSERT_EQ(value, expected) << i;
    }
    ASSERT_EQ(std::signbit(value), i >= 0x8000) << i;
    nans += std::isnan(value);
    infinities += std::isinf(value);
  }
  EXPECT_EQ(nans, 2 * ((1u << fraction_bits) - 1));
  EXPECT_EQ(infinities, 2);
}

TEST(Safetensors, EveryF16IsExact) {
  check_all<float>("F16", 5, 10);
  check_all<double>("F16", 5, 10);
  EXPECT_EQ(all_of<double>("F16")[1], std::ldexp(1, -24));
  EXPECT_EQ(all_of<double>("F16")[0x7bff], 65504);
}

TEST(Safetensors, EveryBF16IsExact) {
  check_all<float>("BF16", 8, 7);
  check_all<double>("BF16", 8, 7);
  EXPECT_EQ(all_of<double>("BF16")[0x3f80], 1);
}

class SafetensorsFiles : public testing::Test {
 protected:
  const tests::TemporaryFolder temporary;
  const std::filesystem::path& folder = temporary.path();
  const std::string path = folder / "x.safetensors";
};

TEST_F(SafetensorsFiles, WritesTheFormat) {
  const std::vector<float> b{1, 2, -0.5f, 0}, none;
  const std::vector<double> z{1}, a{-2};
  write_safetensors(path, {{"b", {2, 2}, b}, {"z", {}, z}, {"c", {3, 0}, none}, {"a", {1, 1, 1}, a}}, {{"k", "v"}, {"format", "pt"}});
  // F64 before F32, then by name; spaces up to a multiple of 8.
  const auto header = R"({"__metadata__":{"format":"pt","k":"v"},"a":{"dtype":"F64","shape":[1,1,1],"data_offsets":[0,8]},)"
                      R"("z":{"dtype":"F64","shape":[],"data_offsets":[8,16]},"b":{"dtype":"F32","shape":[2,2],"data_offsets":[16,32]},)"
                      R"("c":{"dtype":"F32","shape":[3,0],"data_offsets":[32,32]}})"s;
  const auto values = "\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\xf0\x3f"s + "\0\0\x80\x3f\0\0\0\x40\0\0\0\xbf\0\0\0\0"s;
  EXPECT_EQ(tests::bytes_of(path), file_of(header + std::string((8 - header.size() % 8) % 8, ' '), values));
  const auto first = tests::bytes_of(path);
  write_safetensors(path, {{"a", {1, 1, 1}, a}, {"c", {3, 0}, none}, {"z", {}, z}, {"b", {2, 2}, b}}, {{"format", "pt"}, {"k", "v"}});
  EXPECT_EQ(tests::bytes_of(path), first);
  write_safetensors(path, {});
  EXPECT_EQ(tests::bytes_of(path), file_of("{}      "));
  std::set<std::string> left;
  for (const auto& file : std::filesystem::directory_iterator(folder)) left.insert(file.path().filename());
  EXPECT_EQ(left, std::set<std::string>{"x.safetensors"});
}

TEST_F(SafetensorsFiles, RoundTripsAreExact) {
  for (std::size_t name = 0; name < 20; ++name) {  // headers of every length modulo 8
    auto x = tests::random_matrix<double>(7, 5, 1 + name);
    x(0, 0) = std::numeric_limits<double>::denorm_min();
    x(0, 1) = -std::numeric_limits<double>::infinity();
    x(0, 2) = -0.0;
    auto y = tests::random_matrix<float>(3, 4, 100 + name);
    y(0, 0) = std::bit_cast<float>(0x7fa12345u);  // a signalling NaN with a payload
    y(1, 0) = std::numeric_limits<float>::denorm_min();
    const std::string x_name(name, 'x'), y_name = "\u00e9\"\n" + std::string(name, 'y');
    write_safetensors(path, {{y_name, {3, 4}, y.values()}, {x_name, {7, 5}, x.values()}}, {{"a", std::string(name, 'b')}});
    std::optional<SafetensorsFile> opened(path);
    const auto file = std::move(*opened);
    opened.reset();  // what is mapped has moved
    EXPECT_EQ(file.metadata().at("a"), std::string(name, 'b'));
    EXPECT_EQ(file.matrix<double>(x_name, 7, 5), x);
    EXPECT_TRUE(std::signbit(file.matrix<double>(x_name, 7, 5)(0, 2)));
    const auto same = file.matrix<float>(y_name, 3, 4);
    EXPECT_EQ(std::memcmp(same.values().data(), y.values().data(), y.values().size_bytes()), 0);
    EXPECT_EQ(file.matrix<double>(y_name, 3, 4)(2, 3), static_cast<double>(y(2, 3)));
    EXPECT_EQ(file.tensors().at(x_name).offset, 0);
    EXPECT_EQ(std::filesystem::file_size(path) % 8, 0);
  }
}

TEST_F(SafetensorsFiles, F64IsRoundedToFloat) {
  const std::vector<double> x{0.1, 1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-40, 1e300, -1e300, 0x1p-149, 0x1p-151};
  write_safetensors(path, {{"x", {7}, x}});
  const auto infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(SafetensorsFile(path).values<float>("x", {7}), (std::vector<float>{0.1f, 1, 1 + 0x1p-23f, infinity, -infinity, 0x1p-149f, 0}));
}

TEST_F(SafetensorsFiles, ValuesBehindFourGiBAreRead) {
  constexpr std::size_t large = (std::size_t{5} << 30) + 1;  // and the next tensor is not aligned
  const auto header =
      "{" + entry("large", "U8", fmt::format("[{}]", large), 0, large) + "," + entry("x", "F64", "[2]", large, large + 16) + "}";
  tests::write_bytes(path, file_of(header));
  std::filesystem::resize_file(path, 8 + header.size() + large + 16);  // a hole, of zeros
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(8 + header.size() + large));
    file << "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0"s;
    ASSERT_TRUE(file.flush());
  }
  const SafetensorsFile file(path);
  EXPECT_EQ(file.tensors().at("x").offset, large);
  EXPECT_EQ(file.values<double>("x", {2}), (std::vector<double>{1, -2}));

  // Too large for what this process may map: as much as it has, and a GiB.
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  ASSERT_GT(pages, 0);
  rlimit before{};
  getrlimit(RLIMIT_AS, &before);
  const rlimit small{pages * 4096 + (std::size_t{1} << 30), before.rlim_max};
  setrlimit(RLIMIT_AS, &small);
  const auto text = refusal([&] { SafetensorsFile again(path); });
  setrlimit(RLIMIT_AS, &before);
  EXPECT_EQ(text, "input: " + path + ": cannot be read: Cannot allocate memory");
}

TEST_F(SafetensorsFiles, AFileThatCannotBeReadIsRefused) {
  EXPECT_EQ(refusal([&] { SafetensorsFile file(path); }), "input: " + path + ": cannot be read: No such file or directory");
  EXPECT_EQ(refusal([&] { SafetensorsFile file(folder.string()); }), "input: " + folder.string() + ": cannot be read: Is a directory");
  EXPECT_EQ(refusal([&] { SafetensorsFile file("/dev/zero"); }), "input: /dev/zero: cannot be read: expected a regular file");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(refusal([&] { SafetensorsFile file(path); }), "input: " + path + ": cannot be read: expected a regular file");
  std::filesystem::remove(path);
  tests::write_bytes(path, "");
  EXPECT_EQ(refusal([&] { SafetensorsFile file(path); }), "input: " + path + ": expected the header's length in 8 bytes, got 0");
}

TEST_F(SafetensorsFiles, WhatIsNoFileIsNotWritten) {
  const std::vector<float> x(4);
  const auto fault = [&](std::vector<TensorToWrite> tensors, const std::map<std::string, std::string>& metadata = {}) {
    const auto text = refusal([&] { write_safetensors(path, std::move(tensors), metadata); });
    const auto begin = "fault: " + path + ": cannot be written: ";
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    return text.starts_with(begin) ? text.substr(begin.size()) : text;
  };
  EXPECT_EQ(fault({{"x", {5}, x}}), "tensor \"x\" has the shape [5], and there are 4 values");
  EXPECT_EQ(fault({{"x", {2, 1}, x}}), "tensor \"x\" has the shape [2, 1], and there are 4 values");
  EXPECT_EQ(fault({{"x", {std::size_t{1} << 63, 2}, std::span<const float>()}}),
            "tensor \"x\" has the shape [9223372036854775808, 2], and there are 0 values");
  EXPECT_EQ(fault({{"x", {1, 1, 1, 1, 1, 1, 1, 2, 2}, x}}), "tensor \"x\" has more than 8 dimensions");
  EXPECT_EQ(fault({{"x", {4}, x}, {"x", {2, 2}, x}}), "two tensors are named \"x\"");
  EXPECT_EQ(fault({{"x", {4}, x}, {"x", {2}, std::span<const double>(std::vector<double>(2))}}), "two tensors are named \"x\"");
  EXPECT_EQ(fault({{"__metadata__", {4}, x}}), "a tensor is named \"__metadata__\"");
  EXPECT_EQ(fault({{"\xff", {4}, x}}), "a name or the metadata is not UTF-8");
  EXPECT_EQ(fault({{"x", {4}, x}}, {{"k", "\xff"}}), "a name or the metadata is not UTF-8");
  EXPECT_EQ(fault({{"x", {4}, x}}, {{"k", std::string(100'000'000, ' ')}}).substr(0, 33), "its header would have 100000080 b");
}

TEST_F(SafetensorsFiles, APathThatCannotBeWrittenIsRefused) {
  const auto missing = (folder / "no" / "x").string();
  EXPECT_EQ(refusal([&] { write_safetensors(missing, {}); }), "fault: " + missing + ": cannot be written: No such file or directory");
  EXPECT_EQ(refusal([&] { write_safetensors("/dev/full", {}); }), "fault: /dev/full: cannot be written: No space left on device");
}

}  // namespace
}  // namespace bridge
