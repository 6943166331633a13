#include "mpc/exchange.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "mpc/clock.h"

namespace mpc {
namespace {

// The streams of a pass, one per machine or per group of machines, and their positions stay in the nearer caches.
constexpr unsigned most_pass_bits = 11;
// Moving a record of at most this many message words in every pass is cheaper than moving a pointer and gathering.
constexpr std::size_t most_direct_words = 3;
constexpr std::size_t announced_words = 5;
// Buffers of a round with more letters than this are given back piece by piece, while it is delivered and while it is read.
constexpr std::size_t most_words_kept = std::size_t{1} << 22;

/// Asks for the line that the stream which was just written reaches next: stores that miss are what a pass waits for.
inline void prefetch_after(const Word* written) { __builtin_prefetch(written + 2 * 64 / sizeof(Word), 1); }

/// Turns counts into the positions where each begins; returns the position after the last.
Position to_positions(std::span<Position> counts, Position position = 0) {
  for (auto& count : counts) position += std::exchange(count, position);
  return position;
}

/// A digit of a machine's number.
struct Digit {
  std::uint64_t first;  // machine of the rank
  unsigned shift;
  std::uint64_t mask;
  std::uint64_t of(Word header) const { return ((destination_of(header) - first) >> shift) & mask; }
};

/// One stable pass over records of `size` words: the next one of each digit goes to position[digit].
template <std::size_t size>
void scatter_records(const Word* from, std::size_t count, Word* to, Position* position, Digit digit) {
  for (std::size_t i = 0; i < count; ++i, from += size) {
    auto* record = to + std::size_t{position[digit.of(*from)]++} * size;
    std::memcpy(record, from, size * sizeof(Word));
    prefetch_after(record);
  }
}

/// The same, straight out of a block of headers and a block of messages.
template <std::size_t message_words>
void scatter_block(const Word* headers, const Word* messages, std::size_t count, Word* to, Position* position, Digit digit) {
  constexpr auto size = message_words + 1;
  for (std::size_t i = 0; i < count; ++i) {
    const auto header = headers[i];
    auto* record = to + std::size_t{position[digit.of(header)]++} * size;
    record[0] = header;
    std::memcpy(record + 1, messages + i * message_words, message_words * sizeof(Word));
    prefetch_after(record);
  }
}

}  // namespace

Exchange::Exchange(Transport& transport, std::uint64_t machines)
    : transport_(transport),
      ranks_(static_cast<std::size_t>(transport.ranks().size())),
      rank_(static_cast<std::size_t>(transport.ranks().rank())),
      machines_(machines),
      block_((machines + ranks_ - 1) / ranks_),
      outgoing_(ranks_),
      announce_send_(ranks_ * announced_words),
      announce_receive_(ranks_ * announced_words),
      from_(ranks_) {
  mine_.first = std::min(machines, block_ * rank_);
  mine_.count = std::min(machines, mine_.first + block_) - mine_.first;
  received_.assign(mine_.count, 0);
  const auto bits = mine_.count < 2 ? 0U : static_cast<unsigned>(std::bit_width(mine_.count - 1));
  // Few groups: each has a page of its own open while letters are put into groups.
  low_bits_ = bits <= most_pass_bits ? bits : std::max(bits / 2, std::min(most_pass_bits, bits - 4));
  group_.assign(((std::max<std::uint64_t>(mine_.count, 1) - 1) >> low_bits_) + 1, 0);
}

void Exchange::open(std::size_t message_words, bool read, std::string_view) {
  seconds_ = {};
  gives_back_ = read && large();
  if (!read && large()) discard_letters();
  message_words_ = message_words;
  const bool positions = !transport_.keeps_order();
  const bool one_machine_each = block_ == 1 && message_words != 0 && !positions;
  direct_ = message_words != 0 && message_words <= most_direct_words && !positions;
  outgoing_.open({one_machine_each ? std::size_t{0} : positions || message_words == 0 ? std::size_t{2} : std::size_t{1}, message_words});
}

Exchange::Announced Exchange::announce(std::uint64_t failed) {
  if (std::exchange(gives_back_, false)) discard_letters();
  const auto slices = outgoing_.slices();
  {
    const Timer timer(seconds_.pack);
    std::size_t messages = 0;
    std::size_t words = 0;
    for (std::size_t r = 0; r < ranks_; ++r) {
      auto& slice = slices[r];
      slice.used_words += slice.messages * message_words_;
      messages += slice.messages;
      words += slice.used_words;
      if (failed == UINT64_MAX && !transport_.keeps_order()) transport_.disorder({slice.headers, slice.words, slice.messages});
    }
    for (std::size_t r = 0; r < ranks_; ++r) {
      const Word all[announced_words] = {slices[r].messages, slices[r].used_words, messages, words, failed};
      std::copy_n(all, announced_words, announce_send_.begin() + static_cast<std::ptrdiff_t>(r * announced_words));
    }
  }
  const Timer timer(seconds_.idle);
  transport_.announce(announce_send_, announce_receive_, announced_words);
  Announced result;
  all_messages_ = all_words_ = 0;
  for (std::size_t r = 0; r < ranks_; ++r) {
    const auto* words = announce_receive_.data() + r * announced_words;
    from_[r] = {static_cast<std::size_t>(words[0]), static_cast<std::size_t>(words[1]), nullptr, nullptr};
    all_messages_ += words[2];
    all_words_ += words[3];
    result.failed = std::min(result.failed, words[4]);
  }
  result.moves = all_messages_ != 0;
  return result;
}

void Exchange::headers() {
  letters_ = 0;
  for (const auto& from : from_) letters_ += from.messages;
  const auto step = outgoing_.format().header_words;
  if (step == 0) return;
  if (letters_ > std::numeric_limits<Position>::max()) throw Fault("more than 2^32 - 1 messages for one rank in one round");
  const auto slices = outgoing_.slices();
  {
    const Timer timer(seconds_.exchange);
    std::vector<Outgoing> send(ranks_);
    std::vector<Incoming> receive(ranks_);
    std::size_t foreign = 0;
    for (std::size_t r = 0; r < ranks_; ++r) foreign += r == rank_ ? 0 : from_[r].messages * step;
    incoming_headers_.reserve(foreign);
    auto* to = incoming_headers_.data();
    for (std::size_t r = 0; r < ranks_; ++r) {
      from_[r].headers = r == rank_ ? slices[r].headers : to;
      if (r == rank_) continue;
      send[r] = {slices[r].headers, slices[r].messages * step};
      receive[r] = {to, from_[r].messages * step};
      to += receive[r].count;
    }
    transport_.exchange(send, receive, all_messages_ * step);
    for (std::size_t r = 0; large() && r < ranks_; ++r) {
      if (r != rank_) discard(slices[r].headers, slices[r].messages * step);
    }
  }
  const Timer timer(seconds_.unpack);
  std::ranges::fill(group_, 0);
  if (message_words_ == 0) received_words_.resize(mine_.count);
  const auto first = mine_.first;
  const auto low_bits = low_bits_;
  auto* received = received_.data();
  auto* group = group_.data();
  for (const auto& from : from_) {
    if (message_words_ == 0) {
      for (std::size_t i = 0; i < from.messages; ++i) {
        const auto local = destination_of(from.headers[2 * i]) - first;
        received_words_[local] += length_of(from.headers[2 * i + 1]);
      }
    }
    for (std::size_t i = 0; i < from.messages; ++i) {
      const auto local = destination_of(from.headers[i * step]) - first;
      ++received[local];
      ++group[local >> low_bits];
    }
  }
}

bool Exchange::large() const { return direct_ && letters_ > most_words_kept; }

void Exchange::discard_letters() {
  // Those of one machine a rank are not ordered, and lie where they arrived.
  const auto& letters = blocks_.empty() ? records_ : incoming_words_;
  discard(letters.data(), letters.capacity());
}

Exchange::Receipt Exchange::most_received() const {
  Receipt most;
  if (letters_ == 0) return most;
  if (outgoing_.format().header_words != 0 && message_words_ != 0 && !sparse()) {
    // Two plain sweeps: a tenth of the time of looking at each machine.
    const auto letters = std::ranges::max(received_);
    return {static_cast<std::uint64_t>(std::ranges::find(received_, letters) - received_.begin()), letters * message_words_};
  }
  receivers([&](std::uint64_t local, std::uint64_t words) {
    if (words > most.words || (words == most.words && local < most.local)) most = {local, words};
  });
  return most;
}

void Exchange::deliver() {
  const auto slices = outgoing_.slices();
  // Records take a direct message out of the sender's slice; everything else stays where it arrives, this rank's own words too.
  {
    const Timer timer(seconds_.exchange);
    std::vector<Outgoing> send(ranks_);
    std::vector<Incoming> receive(ranks_);
    const bool own_in_place = direct_ && outgoing_.format().header_words != 0;
    std::size_t incoming = 0;
    for (std::size_t r = 0; r < ranks_; ++r) incoming += r == rank_ && own_in_place ? 0 : from_[r].words;
    incoming_words_.reserve(incoming);
    auto* to = incoming_words_.data();
    for (std::size_t r = 0; r < ranks_; ++r) {
      if (r == rank_) {
        from_[r].words_at = own_in_place ? slices[r].words : to;
        if (own_in_place || from_[r].words == 0) continue;
        std::memcpy(to, slices[r].words, from_[r].words * sizeof(Word));
        to += from_[r].words;
        continue;
      }
      from_[r].words_at = to;
      send[r] = {slices[r].words, slices[r].used_words};
      receive[r] = {to, from_[r].words};
      to += from_[r].words;
    }
    transport_.exchange(send, receive, all_words_);
    for (std::size_t r = 0; large() && r < ranks_; ++r) {
      if (r != rank_) discard(slices[r].words, slices[r].used_words);
    }
  }
  const Timer timer(seconds_.unpack);
  blocks_.clear();
  if (outgoing_.format().header_words == 0) {
    block_routes_.resize(ranks_);
    for (std::size_t r = 0; r < ranks_; ++r) {
      block_routes_[r] = route(r, rank_);
      blocks_.push_back({&block_routes_[r], from_[r].words_at, from_[r].messages});
    }
    form_ = {0, message_words_, false};
    return;
  }
  if (direct_) {
    record_words_ = message_words_ + 1;
    form_ = {record_words_, record_words_, false};
  } else {
    record_words_ = 2;
    form_ = {record_words_, record_words_, true};
    point_to_messages();
  }
  order_letters();
}

void Exchange::deliver_nothing() {
  letters_ = 0;
  blocks_.clear();
}

void Exchange::put_back(std::span<const Word> letters) {
  deliver_nothing();
  incoming_words_.reserve(letters.size());
  std::ranges::copy(letters, incoming_words_.data());
  const auto* const end = incoming_words_.data() + letters.size();
  for (const auto* letter = incoming_words_.data(); letter != end; letter += 2 + letter[1]) ++letters_;
  record_words_ = 2;
  form_ = {record_words_, record_words_, true};
  records_.reserve(letters_ * record_words_);
  auto* record = records_.data();
  for (const auto* letter = incoming_words_.data(); letter != end; letter += 2 + letter[1]) {
    *record++ = letter[0];
    *record++ = reinterpret_cast<Word>(letter + 2);
  }
}

void Exchange::point_to_messages() {
  // A record is (route, pointer to the words). Positions say where in its block a message belongs; in order they are 0, 1, 2, ...
  records_.reserve(letters_ * record_words_);
  const auto step = outgoing_.format().header_words;
  std::vector<std::size_t> order(ranks_), begin(ranks_ + 1, 0);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t r = 0; r < ranks_; ++r) begin[r + 1] = begin[r] + from_[r].messages;
  transport_.arrival(order);
  for (const auto r : order) {
    const auto* words = from_[r].words_at;
    for (std::size_t i = 0; i < from_[r].messages; ++i) {
      const auto* header = from_[r].headers + i * step;
      const auto at = step == 1 ? i : position_of(header[1]);
      auto* record = records_.data() + (begin[r] + at) * record_words_;
      record[0] = header[0];
      record[1] = reinterpret_cast<Word>(words);
      words += step == 1 ? message_words_ : length_of(header[1]);
    }
  }
}

void Exchange::first_pass(Position* position, unsigned shift, std::uint64_t mask) {
  const Digit digit{mine_.first, shift, mask};
  if (!direct_) {
    other_records_.reserve(letters_ * record_words_);
    scatter_records<2>(records_.data(), letters_, other_records_.data(), position, digit);
    swap(records_, other_records_);
  } else {
    records_.reserve(letters_ * record_words_);
    auto* to = records_.data();
    const auto piece = large() ? most_words_kept / 16 : std::numeric_limits<std::size_t>::max();
    for (const auto& from : from_) {
      for (std::size_t at = 0; at < from.messages; at += piece) {
        const auto count = std::min(piece, from.messages - at);
        const auto* headers = from.headers + at;
        const auto* words = from.words_at + at * message_words_;
        switch (message_words_) {
          case 1: scatter_block<1>(headers, words, count, to, position, digit); break;
          case 2: scatter_block<2>(headers, words, count, to, position, digit); break;
          default: scatter_block<3>(headers, words, count, to, position, digit); break;
        }
        if (!large()) continue;
        discard(from.headers, at + count);
        discard(from.words_at, (at + count) * message_words_);
      }
    }
  }
}

void Exchange::second_pass(std::size_t begin, std::size_t count, Position* position, unsigned shift, std::uint64_t mask) {
  const Digit digit{mine_.first, shift, mask};
  const auto* from = records_.data() + begin * record_words_;
  auto* to = other_records_.data();
  switch (record_words_) {
    case 2: scatter_records<2>(from, count, to, position, digit); break;
    case 3: scatter_records<3>(from, count, to, position, digit); break;
    default: scatter_records<4>(from, count, to, position, digit); break;
  }
}

void Exchange::order_letters() {
  const auto low_machines = std::uint64_t{1} << low_bits_;
  if (group_.size() == 1) {
    to_positions(received_);
    first_pass(received_.data(), 0, low_machines - 1);
    forget(0, mine_.count);
    return;
  }
  if (sparse()) {
    // Low digit first: the work depends on the letters, hardly on the machines.
    std::vector<Position> low(low_machines);
    for (const auto& from : from_) {
      for (std::size_t i = 0; i < from.messages; ++i) {
        const auto local = destination_of(from.headers[i * outgoing_.format().header_words]) - mine_.first;
        ++low[local & (low_machines - 1)];
        forget(local, 1);
      }
    }
    to_positions(low);
    to_positions(group_);
    first_pass(low.data(), 0, low_machines - 1);
    other_records_.reserve(letters_ * record_words_);
    second_pass(0, letters_, group_.data(), low_bits_, ~std::uint64_t{0});
    swap(records_, other_records_);
  } else {
    // Groups first; within a group the letters, and the positions that come from what each machine receives, are near. A group is ordered
    // beside its place and copied back while it is in the caches, so that the letters are in memory once.
    const auto largest = std::ranges::max(group_);
    to_positions(group_);
    first_pass(group_.data(), low_bits_, ~std::uint64_t{0});
    other_records_.reserve(largest * record_words_);
    std::size_t begin = 0;
    for (std::size_t group = 0; group < group_.size(); ++group) {
      const std::size_t end = group_[group];  // where the next would have gone
      const auto local = group << low_bits_;
      const auto machines = std::min<std::uint64_t>(low_machines, mine_.count - local);
      to_positions(std::span(received_).subspan(local, machines));
      second_pass(begin, end - begin, received_.data() + local, 0, low_machines - 1);
      std::memcpy(records_.data() + begin * record_words_, other_records_.data(), (end - begin) * record_words_ * sizeof(Word));
      forget(local, machines);
      begin = end;
    }
  }
}

void Exchange::forget(std::uint64_t local, std::uint64_t machines) {
  std::fill_n(received_.begin() + static_cast<std::ptrdiff_t>(local), machines, 0);
  if (!received_words_.empty()) std::fill_n(received_words_.begin() + static_cast<std::ptrdiff_t>(local), machines, 0);
}

}  // namespace mpc
