#include "transformer_bridge/compile/attention_mail.h"

#include <algorithm>
#include <utility>

#include <boost/core/demangle.hpp>

#include "mpc/clock.h"

namespace bridge {

AttentionMail::AttentionMail(mpc::Transport& transport, std::uint64_t machines, const mpc::Model& model, const Dealing& dealing,
                             const LockstepOptions& options)
    : transport_(transport), machines_(machines), named_(options.on_layer != nullptr) {
  const auto ranks = static_cast<std::uint64_t>(transport.ranks().size());
  block_ = (machines + ranks - 1) / ranks;
  mine_.first = std::min(machines, block_ * static_cast<std::uint64_t>(transport.ranks().rank()));
  mine_.count = std::min(machines, mine_.first + block_) - mine_.first;
  letters_.resize(mine_.count);
  lockstep_ = Lockstep::make(model, mine_, dealing, transport.ranks(), options);
}

void AttentionMail::open(std::size_t message_words, bool, const std::string& label) {
  seconds_ = {};
  message_words_ = message_words;
  label_ = label;
  outgoing_.open({message_words == 0 ? std::size_t{2} : std::size_t{1}, message_words});
}

AttentionMail::Announced AttentionMail::announce(std::uint64_t failed) {
  auto& slice = outgoing_.slices()[0];
  slice.used_words += slice.messages * message_words_;
  mpc::Word shared[1] = {failed};
  transport_.minimum(shared);
  return {shared[0], true};
}

void AttentionMail::headers() {
  std::exception_ptr failure;
  auto last = mpc::seconds_now();
  const auto since_last = [&] {
    const auto now = mpc::seconds_now();
    return now - std::exchange(last, now);
  };
  try {
    write_rows();
  } catch (...) {
    failure = std::current_exception();
  }
  seconds_.pack = since_last();
  lockstep_->attend(message_words_ == 0 ? 1 : message_words_, packets_, ends_, label_, failure);
  seconds_.exchange = since_last();
  read_rows();
  seconds_.unpack = since_last();
}

void AttentionMail::write_rows() {
  // A message of fixed length is a packet; any other is cut into packets of one word, the first of which is marked.
  const auto& slice = outgoing_.slices()[0];
  const auto step = outgoing_.format().header_words;
  packets_.clear();
  ends_.assign(mine_.count, 0);
  const auto* words = slice.words;
  for (std::size_t i = 0; i < slice.messages; ++i) {
    const auto header = slice.headers[i * step];
    const auto length = step == 1 ? message_words_ : mpc::length_of(slice.headers[i * step + 1]);
    const auto packets = step == 1 ? 1 : length;
    for (std::size_t k = 0; k < packets; ++k) packets_.push_back({mpc::destination_of(header), 0, k == 0, words + k});
    ends_[mpc::source_of(header) - mine_.first] = packets_.size();
    words += length;
  }
  for (std::size_t local = 1; local < ends_.size(); ++local) ends_[local] = std::max(ends_[local], ends_[local - 1]);

  std::vector<mpc::Word> kept;
  std::vector<LayerRecord::Memory> memory;
  for (std::size_t local = 0; local < mine_.count; ++local) {
    kept.clear();
    for (std::size_t v = 0; v < kept_->variables().size(); ++v) {
      auto* variable = kept_->variables()[v];
      const auto first = kept.size();
      variable->pack(local, kept);
      variable->clear(local);
      if (named_) memory.push_back({mine_.first + local, v, first, kept.size() - first});
    }
    lockstep_->keep(local, kept, ((*awake_)[local / 64] >> (local % 64) & 1) == 0);
  }
  std::ranges::fill(*awake_, 0);
  if (!named_) return;
  std::vector<std::string> types;
  for (const auto* variable : kept_->variables()) types.push_back(boost::core::demangle(variable->type().name()));
  lockstep_->name_memory(std::move(memory), std::move(types));
}

void AttentionMail::read_rows() {
  for (std::size_t local = 0; local < mine_.count; ++local) {
    const auto kept = lockstep_->kept(local);
    std::span<const mpc::Word> rest = kept;
    for (auto* variable : kept_->variables()) rest = variable->unpack(local, rest);
    if (!lockstep_->asleep(local)) (*awake_)[local / 64] |= std::uint64_t{1} << (local % 64);
    auto& letters = letters_[local];
    letters.clear();
    for (const auto& packet : lockstep_->received(local).packets) {
      if (packet.first)
        letters.insert(letters.end(), {mpc::route(packet.machine, mine_.first + local), reinterpret_cast<mpc::Word>(packet.words)});
    }
  }
}

std::uint64_t AttentionMail::received_words(std::size_t local) const {
  const auto& received = lockstep_->received(local);
  const auto packets = received.too_many_senders != 0 ? received.too_many_senders : received.packets.size();
  return packets * (message_words_ == 0 ? 1 : message_words_);
}

AttentionMail::Receipt AttentionMail::most_received() const {
  Receipt most;
  receivers([&](std::uint64_t local, std::uint64_t words) {
    if (words > most.words) most = {local, words};
  });
  return most;
}

}  // namespace bridge
