#include "protocols/sequence/sequence.h"

#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "mpc/error.h"

#include "protocols/sequence/symbol_reader.h"

namespace tests {
namespace {

class SymbolFile : public testing::Test {
 protected:
  ~SymbolFile() override { std::filesystem::remove(path); }
  protocols::Symbols read(const std::string& text) const {
    std::ofstream(path, std::ios::binary) << text;
    return protocols::read_symbols(path);
  }
  std::string refusal(const std::string& text) const {
    try {
      read(text);
      return "";
    } catch (const mpc::InputError& error) {
      return std::string(error.what()).substr(path.size());
    }
  }
  const std::string path = (std::filesystem::temp_directory_path() / ("symbols_" + std::to_string(getpid()))).string();
};

TEST_F(SymbolFile, IsNumberedByFirstOccurrence) {
  const auto symbols = read("b a\tb\n\n  01 1\r\na\v\xc3\xa9\fb");
  EXPECT_EQ(symbols.names, (std::vector<std::string>{"b", "a", "01", "1", "\xc3\xa9"}));
  EXPECT_EQ(symbols.sequence, (std::vector<std::uint64_t>{0, 1, 0, 2, 3, 1, 4, 0}));
}

TEST_F(SymbolFile, MayBeEmpty) {
  EXPECT_TRUE(read("").sequence.empty());
  EXPECT_TRUE(read(" \n\t\n").sequence.empty());
  EXPECT_EQ(read("x").sequence.size(), 1U);
}

/// Blocks end within symbols.
TEST_F(SymbolFile, IsReadBlockByBlock) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "symbol" + std::to_string(i % 1000) + " ";
  const auto symbols = read(text);
  ASSERT_EQ(symbols.sequence.size(), 100'000U);
  ASSERT_EQ(symbols.names.size(), 1000U);
  for (std::size_t i = 0; i < symbols.sequence.size(); ++i) ASSERT_EQ(symbols.sequence[i], i % 1000);
}

TEST_F(SymbolFile, NamesTheLineOfWhatIsNoSymbol) {
  EXPECT_EQ(refusal(std::string("a\nb \0c", 6)), ":2: found a zero byte; expected symbols separated by white space");
  const std::string longest(protocols::longest_symbol, 'x');
  EXPECT_EQ(refusal("a\n\n" + longest + " b"), "");
  EXPECT_EQ(refusal("a\n\n" + longest + "x b"), ":3: found a symbol of more than 65536 bytes; expected symbols separated by white space");
}

TEST(GeneratedSequence, HasNoSymbolTwiceInARow) {
  mpc::SingleRank alone;
  const auto sequence = protocols::load_sequence("sequence:3000,3", 5, alone);
  EXPECT_EQ(sequence.positions, 3000U);
  EXPECT_EQ(sequence.symbols, 3U);
  ASSERT_EQ(sequence.share.size(), 3000U);
  std::vector<std::uint64_t> counts(3);
  for (std::size_t i = 0; i < 3000; ++i) {
    ASSERT_LT(sequence.share[i], 3U);
    ++counts[sequence.share[i]];
    if (i > 0) {
      ASSERT_NE(sequence.share[i], sequence.share[i - 1]);
    }
  }
  EXPECT_EQ(*sequence.occurrences, counts);
  for (const auto count : counts) EXPECT_NEAR(static_cast<double>(count), 1000, 100);
  EXPECT_NE(protocols::load_sequence("sequence:3000,3", 6, alone).share, sequence.share);
  EXPECT_EQ(protocols::load_sequence("sequence:1,1", 5, alone).share, (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(protocols::load_sequence("sequence:0,1", 5, alone).positions, 0U);
}

TEST(GeneratedSequence, IsRefusedForOtherNumbers) {
  mpc::SingleRank alone;
  for (const auto* spec : {"sequence:", "sequence:5", "sequence:5,", "sequence:,5", "sequence:5,2,", "sequence:5,-2", "sequence:2,1",
                           "sequence:5,0", "sequence:4294967296,2", "sequence:5,99999999999999999999"}) {
    EXPECT_THROW(protocols::load_sequence(spec, 1, alone), mpc::UsageError) << spec;
  }
}

}  // namespace
}  // namespace tests
