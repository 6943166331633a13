#include "mpc/checkpoint/word_file.h"

#include <bit>
#include <numeric>

#include <gtest/gtest.h>

#include "mpc/error.h"

#include "tests/support/temporary_folder.h"

namespace tests {
namespace {

using mpc::Word;

Word checksum(std::span<const Word> words) {
  mpc::Checksum checksum;
  checksum.add(words);
  return checksum.value();
}

TEST(Checksum, IsTheSameInPiecesAndOtherForOtherWords) {
  std::vector<Word> words(100);
  std::iota(words.begin(), words.end(), Word{0});
  const auto whole = checksum(words);
  mpc::Checksum pieces;
  for (std::size_t at = 0; at < words.size(); at += 7)
    pieces.add(std::span(words).subspan(at, std::min<std::size_t>(7, words.size() - at)));
  EXPECT_EQ(pieces.value(), whole);
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (int bit = 0; bit < 64; ++bit) {
      words[i] ^= Word{1} << bit;
      EXPECT_NE(checksum(words), whole);
      words[i] ^= Word{1} << bit;
    }
  }
  std::swap(words[3], words[4]);
  EXPECT_NE(checksum(words), whole);
  // Zeros count.
  EXPECT_NE(checksum(std::vector<Word>(3)), checksum(std::vector<Word>(4)));
  EXPECT_NE(mpc::checksum_of("a"), mpc::checksum_of(std::string("a\0", 2)));
  EXPECT_NE(mpc::checksum_of(""), mpc::checksum_of(std::string(1, '\0')));
}

TEST(WordFile, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "words";
  std::vector<Word> words((std::size_t{1} << 18) + 5);  // more than two buffers
  std::iota(words.begin(), words.end(), Word{1} << 60);
  mpc::WordFileWriter writer(path);
  for (std::size_t at = 0, step = 1; at < words.size(); at += step, step = step * 3 % 100'003) {
    step = std::min(step, words.size() - at);
    writer.write(std::span(words).subspan(at, step));
  }
  EXPECT_EQ(writer.words(), words.size());
  const auto seal = writer.close();
  EXPECT_EQ(seal, (mpc::Seal{words.size(), checksum(words)}));
  mpc::verify(path, seal);
  const mpc::WordFileReader reader(path, seal.words);
  std::vector<Word> part(1000);
  reader.read(131'000, part);
  EXPECT_TRUE(std::ranges::equal(part, std::span(words).subspan(131'000, 1000)));
  EXPECT_THROW(mpc::verify(path, {seal.words, seal.checksum + 1}), mpc::InputError);
  EXPECT_THROW(mpc::verify(path, {seal.words + 1, seal.checksum}), mpc::InputError);
  EXPECT_THROW(mpc::WordFileWriter(folder.path() / "no/such"), mpc::Fault);
  mpc::WordFileWriter full("/dev/full");
  full.write(part);
  EXPECT_THROW(full.close(), mpc::Fault);
  EXPECT_THROW(mpc::WordFileWriter("/dev/full").write(words), mpc::Fault);
}

}  // namespace
}  // namespace tests
