#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "mpc/call_site.h"
#include "mpc/checkpoint/checkpoints.h"
#include "mpc/hash.h"
#include "mpc/inbox.h"
#include "mpc/ledger.h"
#include "mpc/machine.h"
#include "mpc/model.h"
#include "mpc/outbox.h"
#include "mpc/per_machine.h"
#include "mpc/transport.h"
#include "mpc/violation.h"

namespace mpc {

/// What a round delivers: one inbox per machine, readable by `local` and by the next `round`, and by nothing later.
/// A machine that needs a message for longer keeps it in a PerMachine, where it is charged.
template <class T>
class Inboxes {
 private:
  template <class>
  friend class BasicCluster;
  explicit Inboxes(std::uint64_t round) : round_(round) {}
  std::uint64_t round_;  // 0: no messages, at any time
};

/// A message type for rounds that read nothing.
struct Nothing {
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};

/// A Mail whose letters can be put back, so that a run can be resumed.
template <class Mail>
concept Resumable = requires(Mail& mail, std::span<const Word> letters) {
  mail.put_back(letters);
};

/// Runs a protocol on the q machines of a model, on the ranks of a transport; Mail moves the messages of a round from the outboxes to the
/// inboxes (mpc/exchange.h is one way). The rules of the model are here, whatever the way. The same calls, in the same order, happen on
/// every rank.
///
/// A round: every machine that is awake runs the step, which reads the machine's inbox and memory and sends. Then the limits are
/// checked, exactly and before any word moves: kept + sent <= s and kept + received <= s for every machine, values of at most word_bits
/// bits, destinations below q. A Violation ends the run on every rank in the same round with the same text; so does a step that throws.
template <class Mail>
class BasicCluster {
 public:
  using Word = mpc::Word;

  /// `more` goes to the exchange's constructor.
  template <class... More>
  BasicCluster(const Model& model, Transport& transport, More&&... more);
  BasicCluster(const BasicCluster&) = delete;
  BasicCluster& operator=(const BasicCluster&) = delete;

  const Model& model() const { return model_; }
  PublicHash hash() const { return model_.hash(); }

  /// A variable on every machine, value-initialised, or init(me) there. Charged as kept memory until it is destroyed.
  template <class T>
  PerMachine<T> make() {
    return PerMachine<T>(kept_, exchange_.mine().count);
  }
  template <class T, class Init>
  PerMachine<T> make(Init&& init);

  /// Inboxes without messages, for a round that reads none.
  Inboxes<Nothing> nothing() const { return Inboxes<Nothing>(0); }

  /// One round: step(me, inbox, outbox) on every machine that is awake. Messages are of type Out.
  template <class Out, class In, class Step>
  Inboxes<Out> round(const Inboxes<In>& inboxes, Step&& step, const char* file = __builtin_FILE(), int line = __builtin_LINE());

  /// Local computation between rounds, free of charge: step(me, inbox) on every machine that is awake.
  template <class In, class Step>
  void local(const Inboxes<In>& inboxes, Step&& step);
  /// The same without an inbox: step(me).
  template <class Step>
  void local(Step&& step) {
    local(nothing(), [&](const Machine& me, Inbox<Nothing>) { step(me); });
  }

  /// The word that every machine holds: value(me) must be the same on all, asleep or not, else it is a Violation. Costs no round and
  /// moves nothing, so whatever made it known has been charged before.
  template <class Value>
  Word agree(Value&& value, const char* file = __builtin_FILE(), int line = __builtin_LINE());

  /// Names the rounds inside its lifetime in the ledger.
  class Scope {
   public:
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { labels_.pop_back(); }

   private:
    friend class BasicCluster;
    Scope(std::vector<std::string>& labels, std::string label) : labels_(labels) { labels_.push_back(std::move(label)); }
    std::vector<std::string>& labels_;
  };
  [[nodiscard]] Scope scope(std::string label) { return Scope(labels_, std::move(label)); }

  /// Ends the protocol: what the machines keep now is checked, then read(me) reads every machine's memory, asleep or not. For taking
  /// answers out; a step must not use it.
  template <class Read>
  void inspect(Read&& read);

  /// Adds up what the ranks counted while they inspected, for answers. Collective.
  std::uint64_t total(std::uint64_t here) {
    if (replaying()) return replay({Call::Kind::total});
    return recorded(Call::Kind::total, exchange_transport_.ranks().sum(here));
  }

  /// Ends the run: checks what is still kept, and returns the ledger of all ranks. Collective.
  Ledger finish();
  /// The rounds that were completed, for all ranks, after an error that all ranks share. Collective.
  Ledger completed();

  /// Writes checkpoints, or resumes one, or both: to be called before the protocol runs; `checkpoints` must outlive it. Throws InputError
  /// if the checkpoint that is to be resumed is of another run.
  ///
  /// To resume is to run the protocol again from its beginning. Until the checkpoint's round is over no step runs, no variable is
  /// initialised, and agree() and total() return what they returned; then every machine has its variables, its inbox and its sleep back. So
  /// the course of a protocol, its rounds and what lies between them, may depend only on its model, its input and settings, and on agree()
  /// and total(); never on a captured variable that a step has written. A protocol that makes other calls than before is refused
  /// (InputError). After inspect() no checkpoint is written.
  void use(Checkpoints& checkpoints) requires Resumable<Mail> {
    checkpoints.begin(model_);
    checkpoints_ = &checkpoints;
  }

  /// Called on this rank after every round, with its entry: for showing progress.
  void on_round(std::function<void(const RoundEntry&)> watch) { watch_ = std::move(watch); }

  /// Called on this rank for each of its machines after every round, and when the protocol inspects its memory at the end: with what the
  /// machine keeps, variable by variable, and its letters, each as source, number of words, words. For comparing two executions.
  using MemoryWatch = std::function<void(std::uint64_t round, MachineId, std::span<const Word> kept, std::span<const Word> letters)>;
  void on_memory(MemoryWatch watch) { memory_watch_ = std::move(watch); }

  /// What was done since the last round, or since the cluster was made, does not count as the protocol's time.
  void restart_clock() { seconds_since_last(); }

  /// Rounds so far.
  std::uint64_t rounds() const { return ledger_.rounds.size(); }
  Transport& transport() { return exchange_transport_; }
  MachineBlock machines_here() const { return exchange_.mine(); }

 protected:
  Mail& mail() { return exchange_; }
  const Mail& mail() const { return exchange_; }
  KeptMemory& kept_memory() { return kept_; }
  /// A bit per machine of this rank.
  std::vector<std::uint64_t>& awake_bits() { return awake_; }

 private:
  /// A failure of one machine on this rank, to be agreed on at the next collective.
  struct Failure {
    std::uint64_t call = 0;  // of this cluster's members since the last round
    std::uint64_t machine = UINT64_MAX;
    Exit exit = Exit::fault;
    std::string text;
    std::optional<Violation> violation;

    template <class Archive>
    void serialize(Archive& archive, unsigned) {
      archive& call& machine& exit& text& violation;
    }
  };
  /// Earlier calls first, then lower machines: what one rank with all machines would have met first. UINT64_MAX: nothing failed here.
  Word first_failure() const { return failure_ ? failure_->call << 32 | failure_->machine : UINT64_MAX; }

  template <class Run>
  void for_each_here(Run&& run);
  template <class In, class Run>
  void for_each_awake(const Inboxes<In>& inboxes, Run&& run);
  void check_fresh(std::uint64_t inbox_round) const;
  template <class In>
  void show_memory();
  template <class In>
  static std::size_t append_letters(typename Mail::Cursor& cursor, std::size_t local, std::vector<Word>& to);

  /// Nobody, known at compile time, where there can be no checkpoints.
  Checkpoints* checkpoints() const {
    if constexpr (Resumable<Mail>) return checkpoints_;
    return nullptr;
  }
  bool replaying() const { return checkpoints() != nullptr && checkpoints_->replaying(); }
  Word replay(const Call& call) { return checkpoints_->replay(call, label()); }
  Word recorded(Call::Kind kind, Word value) {
    if (checkpoints() != nullptr) checkpoints_->record({kind, 0, value});
    return value;
  }
  template <class In>
  bool passes_over(const Inboxes<In>& inboxes);
  template <class Out, class In>
  Inboxes<Out> replay_round(const Inboxes<In>& inboxes);
  template <class Out>
  void record_round();
  Call round_call(const std::type_info& message, Layout layout) const;
  void replay_entry();
  void restore(const std::function<void(std::span<const Word>)>& check_letter);
  void write_checkpoint(const Checkpoints::Pack& pack_letters);

  void open_round(std::size_t message_words, bool read, const char* file, int line);
  void close_machine(const Machine& me, OutboxBase& outbox) {
    if (outbox.sent_words_ > outbox.max_sent_) {
      outbox.max_sent_ = outbox.sent_words_;
      outbox.max_sent_machine_ = me.id().value;
    }
    if (measure_each_ || outbox.refused_ || outbox.sent_words_ > outbox.memory_ || me.asleep_) [[unlikely]]
      examine(me, outbox);
  }
  void examine(const Machine& me, OutboxBase& outbox);
  void close_round(OutboxBase& outbox);
  void check_widths_of_fixed();
  void check_sleepers();
  void check_width(std::size_t local, Word bits);
  Measure measure_ragged(std::size_t local) const;
  void recount();
  void settle(const Machine& me);
  void check_kept();
  void receive();
  std::uint64_t max_kept() const;
  /// What a machine can send beside the variables of fixed size; 0 if these alone are too much, which is examined machine by machine.
  std::uint64_t sendable_words() const { return model_.memory.count - std::min<std::uint64_t>(model_.memory.count, kept_.fixed_words()); }
  std::uint64_t kept(std::size_t local) const { return kept_.fixed_words() + (ragged_.empty() ? 0 : ragged_[local]); }

  bool awake(std::size_t local) const { return (awake_[local / 64] >> (local % 64) & 1) != 0; }
  void wake(std::size_t local);
  void put_to_sleep(std::size_t local);

  Violation violation(std::size_t local, Resource resource, std::uint64_t kept, std::uint64_t wanted, std::uint64_t allowed) const;
  void fail(const Violation& violation);
  void fail(std::uint64_t machine, const std::exception_ptr& error);
  [[noreturn]] void end_together(Word first);
  std::string label() const;
  double seconds_since_last();

  Model model_;
  Transport& exchange_transport_;
  KeptMemory kept_;
  Mail exchange_;
  Word wide_bits_;

  std::vector<std::uint64_t> awake_;  // a bit per machine of this rank
  std::size_t awake_count_ = 0;
  std::vector<std::uint64_t> ragged_;                   // words in ragged variables, per machine; empty while there are none
  std::map<std::uint64_t, std::size_t> asleep_ragged_;  // how many sleeping machines keep so many ragged words
  std::uint64_t max_ragged_ = 0;                        // over the machines that ran in this round
  bool measure_each_ = false;                           // not all machines are known to keep the same number of words

  Checkpoints* checkpoints_ = nullptr;
  std::function<void(const RoundEntry&)> watch_;
  MemoryWatch memory_watch_;
  std::vector<std::string> labels_;
  Ledger ledger_;
  RoundEntry entry_;
  CallSite site_;
  std::optional<Failure> failure_;
  std::uint64_t calls_ = 0;
  double last_time_;
};

template <class Mail>
template <class T, class Init>
PerMachine<T> BasicCluster<Mail>::make(Init&& init) {
  auto variable = make<T>();
  ++calls_;
  if (replaying()) return variable;
  for_each_here([&](const Machine& me) {
    variable[me] = init(me);
    if (!awake(me.local_)) check_width(me.local_, bits_of(variable[me]));  // no round looks at the memory of a sleeper
  });
  return variable;
}

template <class Mail>
template <class In, class Run>
void BasicCluster<Mail>::for_each_awake(const Inboxes<In>& inboxes, Run&& run) {
  ++calls_;
  if (failure_) return;
  const auto first = exchange_.mine().first;
  typename Mail::Cursor cursor(exchange_);
  std::uint64_t running = first;
  try {
    for (std::size_t chunk = 0; chunk < awake_.size(); ++chunk) {
      for (auto bits = awake_[chunk]; bits != 0; bits &= bits - 1) {
        const auto local = chunk * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        running = first + local;
        const Machine me(MachineId{running}, local);
        run(me, inboxes.round_ == 0 ? Inbox<In>{} : cursor.template inbox<In>(local));
        if (failure_) return;
      }
    }
  } catch (...) {
    fail(running, std::current_exception());
  }
}

template <class Mail>
template <class Out, class In, class Step>
Inboxes<Out> BasicCluster<Mail>::round(const Inboxes<In>& inboxes, Step&& step, const char* file, int line) {
  if (replaying()) [[unlikely]]
    return replay_round<Out>(inboxes);
  check_fresh(inboxes.round_);
  const auto layout = layout_of<Out>();
  open_round(layout.plain ? layout.words : 0, inboxes.round_ != 0, file, line);
  Outbox<Out> outbox(exchange_.outgoing(), model_.machines, exchange_.slice_machines(), sendable_words(), wide_bits_);
  for_each_awake(inboxes, [&](const Machine& me, auto inbox) {
    outbox.start(me.id().value);
    step(me, inbox, outbox);
    close_machine(me, outbox);
  });
  close_round(outbox);
  if (checkpoints() != nullptr) [[unlikely]]
    record_round<Out>();
  if (memory_watch_) show_memory<Out>();
  return Inboxes<Out>(rounds());
}

template <class Mail>
template <class In, class Step>
void BasicCluster<Mail>::local(const Inboxes<In>& inboxes, Step&& step) {
  if (checkpoints() != nullptr && passes_over(inboxes)) [[unlikely]]
    return;
  check_fresh(inboxes.round_);
  for_each_awake(inboxes, [&](const Machine& me, auto inbox) {
    step(me, inbox);
    if (me.asleep_) settle(me);
  });
}

template <class Mail>
template <class Read>
void BasicCluster<Mail>::inspect(Read&& read) {
  if (checkpoints() != nullptr) checkpoints_->inspected();
  check_kept();
  if (failure_) return;
  if (memory_watch_) show_memory<Nothing>();
  for_each_here([&](const Machine& me) { read(me); });
}

template <class Mail>
template <class In>
void BasicCluster<Mail>::show_memory() {
  typename Mail::Cursor cursor(exchange_);
  std::vector<Word> kept, letters;
  const auto mine = exchange_.mine();
  for (std::size_t local = 0; local < mine.count; ++local) {
    kept.clear();
    letters.clear();
    for (const auto* variable : kept_.variables()) variable->pack(local, kept);
    if constexpr (!std::is_same_v<In, Nothing>) {
      append_letters<In>(cursor, local, letters);
    }
    memory_watch_(rounds(), MachineId{mine.first + local}, kept, letters);
  }
}

/// A machine's letters, each as source, number of words, words; returns how many.
template <class Mail>
template <class In>
std::size_t BasicCluster<Mail>::append_letters(typename Mail::Cursor& cursor, std::size_t local, std::vector<Word>& to) {
  const auto inbox = cursor.template inbox<In>(local);
  for (const auto& [source, message] : inbox) {
    const auto words = words_of(message);
    to.insert(to.end(), {source.value, words});
    to.resize(to.size() + words);
    WordPacker(to.data() + to.size() - words) & message;
  }
  return inbox.size();
}

/// Whether a call of local() is only made again.
template <class Mail>
template <class In>
bool BasicCluster<Mail>::passes_over(const Inboxes<In>& inboxes) {
  if (!checkpoints_->replaying()) {
    checkpoints_->record({Call::Kind::local});
    return false;
  }
  check_fresh(inboxes.round_);
  replay({Call::Kind::local});
  return true;
}

template <class Mail>
template <class Out, class In>
Inboxes<Out> BasicCluster<Mail>::replay_round(const Inboxes<In>& inboxes) {
  check_fresh(inboxes.round_);
  replay(round_call(typeid(Out), layout_of<Out>()));
  replay_entry();
  if (!replaying()) {
    restore([](std::span<const Word> letter) {
      CheckedUnpacker from(letter);
      Out message{};
      from& message;
      if (!from.rest.empty()) throw std::length_error("a message has more words than its type");
    });
  }
  return Inboxes<Out>(rounds());
}

template <class Mail>
template <class Out>
void BasicCluster<Mail>::record_round() {
  checkpoints_->record(round_call(typeid(Out), layout_of<Out>()));
  if (!checkpoints_->due(rounds())) return;
  typename Mail::Cursor cursor(exchange_);
  write_checkpoint([&](std::size_t local, std::vector<Word>& to) {
    const auto count_at = to.size();
    to.push_back(0);
    to[count_at] = append_letters<Out>(cursor, local, to);
  });
}

template <class Mail>
template <class Run>
void BasicCluster<Mail>::for_each_here(Run&& run) {
  const auto mine = exchange_.mine();
  for (std::size_t local = 0; local < mine.count && !failure_; ++local) {
    const Machine me(MachineId{mine.first + local}, local);
    try {
      run(me);
    } catch (...) {
      fail(me.id().value, std::current_exception());
    }
  }
}

template <class Mail>
template <class Value>
Word BasicCluster<Mail>::agree(Value&& value, const char* file, int line) {
  if (replaying()) return replay({Call::Kind::agree});
  site_ = {file, line};
  ++calls_;
  // The smallest value and the complement of the largest: equal on all machines if they meet.
  Word extremes[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
  for_each_here([&](const Machine& me) {
    const Word word{value(me)};
    extremes[0] = min(extremes[0], word);
    extremes[1] = min(extremes[1], ~word);
  });
  extremes[2] = first_failure();
  exchange_transport_.minimum(extremes);
  if (extremes[2] != UINT64_MAX) end_together(extremes[2]);
  if (extremes[0] == ~extremes[1]) return recorded(Call::Kind::agree, extremes[0]);
  Word expected[1] = {UINT64_MAX};
  for_each_here([&](const Machine& me) {
    if (me.id().value == 0) expected[0] = Word{value(me)};
  });
  exchange_transport_.minimum(expected);  // only machine 0 brings a value
  for_each_here([&](const Machine& me) {
    if (const Word word{value(me)}; word != expected[0]) fail(violation(me.local_, Resource::agreement, 0, word, expected[0]));
  });
  Word failed[1] = {first_failure()};
  exchange_transport_.minimum(failed);
  end_together(failed[0]);
}

}  // namespace mpc
