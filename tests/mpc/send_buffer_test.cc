#include "mpc/send_buffer.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tests {
namespace {

using mpc::Word;

/// Appends as an outbox does, and keeps a copy of everything.
class Filler {
 public:
  Filler(std::size_t ranks, mpc::Format format) : buffer_(ranks), format_(format), headers_(ranks), words_(ranks) { buffer_.open(format); }

  void reopen(mpc::Format format) {
    format_ = format;
    for (auto& copy : headers_) copy.clear();
    for (auto& copy : words_) copy.clear();
    buffer_.open(format);
    for (const auto& slice : buffer_.slices()) EXPECT_EQ(slice.messages + slice.used_words, 0U);
  }

  void append(std::size_t rank, std::size_t length) {
    auto* slice = &buffer_.slices()[rank];
    const bool fixed = format_.message_words != 0;
    if (fixed) {
      length = format_.message_words;
      if (slice->messages == slice->message_capacity) buffer_.grow(rank, length);
      ASSERT_LT(slice->messages, slice->message_capacity);
    } else {
      while (slice->messages == slice->message_capacity || slice->used_words + length > slice->word_capacity) buffer_.grow(rank, length);
    }
    for (std::size_t i = 0; i < format_.header_words; ++i) {
      slice->headers[slice->messages * format_.header_words + i] = next_;
      headers_[rank].push_back(next_++);
    }
    const auto at = fixed ? slice->messages * length : slice->used_words;
    for (std::size_t i = 0; i < length; ++i) {
      slice->words[at + i] = next_;
      words_[rank].push_back(next_++);
    }
    ++slice->messages;
    if (!fixed) slice->used_words += length;
  }

  void compare() const {
    auto& buffer = const_cast<mpc::SendBuffer&>(buffer_);
    for (std::size_t r = 0; r < headers_.size(); ++r) {
      const auto& slice = buffer.slices()[r];
      EXPECT_TRUE(std::equal(headers_[r].begin(), headers_[r].end(), slice.headers)) << "headers of slice " << r;
      EXPECT_TRUE(std::equal(words_[r].begin(), words_[r].end(), slice.words)) << "words of slice " << r;
    }
  }

 private:
  mpc::SendBuffer buffer_;
  mpc::Format format_;
  std::vector<std::vector<Word>> headers_, words_;
  Word next_ = 1;
};

constexpr mpc::Format formats[] = {{1, 1}, {1, 3}, {2, 0}, {2, 2}, {0, 1}, {1, 700}};

TEST(SendBuffer, KeepsContentsWhileASliceGrows) {
  for (const auto format : formats) {
    SCOPED_TRACE(std::to_string(format.header_words) + " header words, " + std::to_string(format.message_words) + " message words");
    for (const std::size_t grown : {0U, 2U, 4U}) {  // the first, one between, the last
      Filler filler(5, format);
      for (std::size_t r = 0; r < 5; ++r) {
        for (int i = 0; i < 20; ++i) filler.append(r, i % 7);
      }
      for (int i = 0; i < 5000; ++i) filler.append(grown, i % 7);
      filler.compare();
      for (std::size_t r = 0; r < 5; ++r) filler.append(r, 1);
      filler.compare();
    }
  }
}

TEST(SendBuffer, KeepsContentsUnderSkewedAppends) {
  std::mt19937_64 random(4);
  for (const auto format : formats) {
    Filler filler(7, format);
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 4000; ++i) {
        // Half of all to one slice, which is another every time; the rest anywhere, with now and then a long message.
        const auto rank = random() % 2 == 0 ? static_cast<std::size_t>(round * 3) : random() % 7;
        filler.append(rank, random() % 500 == 0 ? 3000 : random() % 4);
      }
      filler.compare();
      filler.reopen(formats[random() % std::size(formats)]);
    }
  }
}

TEST(SendBuffer, OneMessageLongerThanAllRoom) {
  Filler filler(3, {2, 0});
  filler.append(1, 5);
  filler.append(0, 100'000);
  filler.append(2, 1);
  filler.append(1, 70'000);
  filler.compare();
}

}  // namespace
}  // namespace tests
