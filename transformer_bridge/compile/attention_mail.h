#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "mpc/exchange.h"
#include "mpc/per_machine.h"
#include "mpc/send_buffer.h"
#include "mpc/transport.h"

#include "transformer_bridge/compile/lockstep.h"

namespace bridge {

/// Moves the messages of a round through one layer of attention, and what the machines keep through their residual rows: the Mail of a
/// cluster that runs as a transformer (mpc/basic_cluster.h). When a round closes, every variable is written to its machine's row as words
/// and forgotten; after the attention it is read back from there.
class AttentionMail {
 public:
  using Announced = mpc::Exchange::Announced;
  using Receipt = mpc::Exchange::Receipt;
  using Seconds = mpc::Exchange::Seconds;

  AttentionMail(mpc::Transport& transport, std::uint64_t machines, const mpc::Model& model, const Dealing& dealing,
                const LockstepOptions& options);

  /// What a round carries besides messages. Both must outlive this.
  void attach(mpc::KeptMemory& kept, std::vector<std::uint64_t>& awake) {
    kept_ = &kept;
    awake_ = &awake;
  }

  std::uint64_t block() const { return block_; }
  mpc::MachineBlock mine() const { return mine_; }
  /// One slice for all machines: the packets of a machine stay in the order of sending.
  std::uint64_t slice_machines() const { return machines_; }
  mpc::SendBuffer& outgoing() { return outgoing_; }

  void open(std::size_t message_words, bool read, const std::string& label);
  /// The ranks agree on failures; whether there are messages makes no difference to a transformer.
  Announced announce(std::uint64_t failed);
  /// The layer.
  void headers();
  Receipt most_received() const;
  template <class Visit>
  void receivers(Visit&& visit) const {
    for (std::size_t local = 0; local < mine_.count; ++local) {
      if (const auto words = received_words(local); words != 0) visit(local, words);
    }
  }
  void deliver() {}
  void deliver_nothing() {}

  class Cursor {
   public:
    explicit Cursor(const AttentionMail& mail) : mail_(mail) {}
    template <class T>
    mpc::Inbox<T> inbox(std::uint64_t local) {
      const auto& letters = mail_.letters_[local];
      segment_ = {letters.data(), letters.data() + 1, letters.size() / 2};
      return {mpc::MailForm{2, 2, true}, &segment_, segment_.count == 0 ? 0U : 1U, segment_.count};
    }

   private:
    const AttentionMail& mail_;
    mpc::Segment segment_;
  };

  const Seconds& seconds() const { return seconds_; }
  Lockstep& lockstep() { return *lockstep_; }
  const Lockstep& lockstep() const { return *lockstep_; }

 private:
  void write_rows();
  void read_rows();
  std::uint64_t received_words(std::size_t local) const;

  mpc::Transport& transport_;
  std::uint64_t machines_, block_ = 1;
  bool named_;  // somebody wants to know what the columns hold
  mpc::MachineBlock mine_;
  mpc::SendBuffer outgoing_{1};
  std::unique_ptr<Lockstep> lockstep_;
  mpc::KeptMemory* kept_ = nullptr;
  std::vector<std::uint64_t>* awake_ = nullptr;
  std::size_t message_words_ = 0;
  std::string label_;
  std::vector<std::vector<mpc::Word>> letters_;  // per machine: (route, pointer to the words) of every letter
  std::vector<Packet> packets_;                  // of a round, machine by machine
  std::vector<std::size_t> ends_;
  Seconds seconds_;
};

}  // namespace bridge
