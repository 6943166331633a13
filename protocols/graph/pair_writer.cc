#include "protocols/graph/pair_writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace protocols {

std::string pair_lines(std::span<const std::uint64_t> words) {
  fmt::memory_buffer text;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const fmt::format_int first(words[i]), second(words[i + 1]);
    text.append(first.data(), first.data() + first.size());
    text.push_back(' ');
    text.append(second.data(), second.data() + second.size());
    text.push_back('\n');
  }
  return to_string(text);
}

PairWriter::PairWriter(const std::string& path, const std::string& header, mpc::Ranks& ranks, Text text)
    : ranks_(ranks), text_(std::move(text)) {
  mpc::together(ranks_, [&] {
    if (ranks_.rank() != 0) return;
    sink_.emplace(path);
    sink_->write(header);
  });
}

void PairWriter::write(std::size_t pairs, const std::function<std::vector<std::uint64_t>(std::size_t, std::size_t)>& words) {
  constexpr std::uint64_t piece = std::uint64_t{1} << 18;
  const std::uint64_t mine = pairs;
  const auto all = ranks_.gather({&mine, 1});
  for (std::size_t r = 0; r < all.size(); ++r) {
    for (std::uint64_t first = 0; first < all[r]; first += piece) {
      const bool my_turn = r == static_cast<std::size_t>(ranks_.rank());
      auto part = words(my_turn ? first : 0, my_turn ? std::min(piece, mine - first) : 0);
      std::vector<std::size_t> counts(all.size());
      counts.front() = part.size();
      if (r != 0) part = exchange_items(std::move(part), std::move(counts), ranks_);
      mpc::together(ranks_, [&] {
        if (sink_) sink_->write(text_(part));
      });
    }
  }
}

void PairWriter::close(const std::function<std::string()>& footer) {
  mpc::together(ranks_, [&] {
    if (!sink_) return;
    if (footer) sink_->write(footer());
    sink_->close();
  });
}

}  // namespace protocols
