#include "mpc/transport/scrambled.h"

#include <algorithm>
#include <numeric>

#include "mpc/send_buffer.h"

namespace mpc {

void Scrambled::disorder(Batch batch) {
  std::vector<std::size_t> begin(batch.messages + 1, 0);
  for (std::size_t i = 0; i < batch.messages; ++i) begin[i + 1] = begin[i] + length_of(batch.headers[2 * i + 1]);
  order_.resize(batch.messages);
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::shuffle(order_.begin(), order_.end(), random_);
  headers_.assign(batch.headers, batch.headers + 2 * batch.messages);
  words_.assign(batch.words, batch.words + begin.back());
  auto* words = batch.words;
  for (std::size_t i = 0; i < batch.messages; ++i) {
    const auto from = order_[i];
    std::copy_n(headers_.data() + 2 * from, 2, batch.headers + 2 * i);
    words = std::copy(words_.data() + begin[from], words_.data() + begin[from + 1], words);
  }
}

void Scrambled::arrival(std::span<std::size_t> ranks) { std::shuffle(ranks.begin(), ranks.end(), random_); }

}  // namespace mpc
