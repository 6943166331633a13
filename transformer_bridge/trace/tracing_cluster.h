#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "mpc/model.h"

#include "transformer_bridge/trace/trace.h"
#include "transformer_bridge/trace/traced_word.h"

namespace bridge {

/// How the number of elements of a vector is called, after the vector's name.
inline constexpr const char* length_name = ".length";

/// Visits the words of a value in the order of its serialize(): visit(word, name). Names are T::names, if it has them, or numbers; a
/// vector is its length, which is known, and its elements.
template <class Visit>
class WordVisitor {
 public:
  explicit WordVisitor(Visit& visit) : visit_(visit) {}

  template <class T>
  void value(const std::string& name, T& value) {
    const auto outer = std::exchange(name_, name);
    const auto outer_names = std::exchange(names_, {});
    if constexpr (std::is_same_v<T, TracedWord>) {
      visit_(value, name);
    } else if constexpr (requires {
                           value.size();
                           value.begin();
                         }) {
      if constexpr (requires { value.resize(1); }) {
        TracedWord length(value.size());
        visit_(length, name + length_name);
      }
      std::size_t i = 0;
      for (auto& element : value) this->value(name + '.' + std::to_string(i++), element);
    } else {
      if constexpr (requires { T::names; }) names_.assign(std::begin(T::names), std::end(T::names));
      const auto outer_index = std::exchange(index_, 0);
      value.serialize(*this, 0);
      index_ = outer_index;
    }
    name_ = outer;
    names_ = outer_names;
  }

  template <class T>
  WordVisitor& operator&(T& member) {
    const auto part = index_ < names_.size() ? names_[index_] : std::to_string(index_);
    ++index_;
    value(name_ + '.' + part, member);
    return *this;
  }

 private:
  Visit& visit_;
  std::string name_;
  std::vector<std::string> names_;
  std::size_t index_ = 0;
};
template <class T, class Visit>
void for_each_word(const std::string& name, T& value, Visit&& visit) {
  WordVisitor<Visit>(visit).value(name, value);
}

/// The machine that a step is written down for: any of them.
class TracedMachine {
 public:
  struct Id {
    TracedWord value;
  };
  TracedMachine(const TracedMachine&) = delete;
  TracedMachine& operator=(const TracedMachine&) = delete;
  Id id() const { return {own_}; }

 private:
  friend class TracingCluster;
  explicit TracedMachine(TracedWord own) : own_(std::move(own)) {}
  TracedWord own_;
};

/// Memory of the machine, whichever it is.
class TracedVariable {
 public:
  virtual ~TracedVariable() = default;
  virtual void for_each(const std::function<void(TracedWord&, const std::string&)>& visit) = 0;
};

template <class T>
class TracedPerMachine {
 public:
  T& operator[](const TracedMachine&) { return storage_->value; }
  const T& operator[](const TracedMachine&) const { return storage_->value; }

 private:
  friend class TracingCluster;
  struct Storage final : TracedVariable {
    Storage(std::string its_name, std::vector<TracedVariable*>& all) : name(std::move(its_name)), variables(all) {
      variables.push_back(this);
    }
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;
    ~Storage() override { std::erase(variables, this); }
    void for_each(const std::function<void(TracedWord&, const std::string&)>& visit) override { for_each_word(name, value, visit); }
    std::string name;
    T value{};
    std::vector<TracedVariable*>& variables;
  };
  explicit TracedPerMachine(std::unique_ptr<Storage> storage) : storage_(std::move(storage)) {}
  std::unique_ptr<Storage> storage_;
};

template <class T>
struct TracedLetter {
  TracedMachine::Id source;
  T message;
};

/// The letters of a round, one for each send statement, whether something came there or not: the body of a loop over them is guarded, so
/// that it changes nothing where nothing came. Their order is that of the statements, not of the sources.
template <class T>
class TracedInbox {
 public:
  struct Slot {
    Bit present;
    TracedLetter<T> letter;
  };
  class Iterator {
   public:
    Iterator(const TracedInbox& inbox, std::size_t at) : inbox_(&inbox), at_(at) {}
    Iterator(const Iterator&) = delete;
    Iterator& operator=(const Iterator&) = delete;
    ~Iterator() { lift(); }
    TracedLetter<T> operator*() {
      inbox_->begin_body_((*inbox_->slots_)[at_].present);
      open_ = true;
      return (*inbox_->slots_)[at_].letter;
    }
    Iterator& operator++() {
      lift();
      ++at_;
      return *this;
    }
    friend bool operator!=(const Iterator& a, const Iterator& b) { return a.at_ != b.at_; }

   private:
    void lift() {
      if (std::exchange(open_, false)) inbox_->end_body_();
    }
    const TracedInbox* inbox_;
    std::size_t at_;
    bool open_ = false;
  };

  Iterator begin() const { return Iterator(*this, 0); }
  Iterator end() const { return Iterator(*this, slots_->size()); }
  /// How many came.
  TracedWord size() const {
    TracedWord count;
    for (const auto& slot : *slots_) count = count + TracedWord(BitWord{slot.present});
    return count;
  }

 private:
  friend class TracingCluster;
  TracedInbox(const std::vector<Slot>* slots, std::function<void(const Bit&)> begin_body, std::function<void()> end_body)
      : slots_(slots), begin_body_(std::move(begin_body)), end_body_(std::move(end_body)) {}
  const std::vector<Slot>* slots_;
  std::function<void(const Bit&)> begin_body_;
  std::function<void()> end_body_;
};

template <class T>
struct TracedInboxes {
  std::size_t round = 0;
  std::vector<typename TracedInbox<T>::Slot> slots{};
};
struct NoMessage {
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};

/// Where a step puts its messages: every call is a head of the round's layer.
template <class T>
class TracedOutbox {
 public:
  void send(const TracedWord& destination, const T& message) { send_if(true, destination, message); }
  void send(const TracedMachine::Id& destination, const T& message) { send_if(true, destination.value, message); }
  void send_if(const TracedBit& condition, const TracedWord& destination, const T& message) {
    auto& tracer = Tracer::current();
    TracedSend send{bit_and(tracer.circuit(), tracer.condition(), condition.bit()), destination.bits()};
    auto copy = message;
    for_each_word("", copy, [&](TracedWord& word, const std::string& name) {
      send.words.push_back(word.bits());
      names_.push_back(name);
    });
    names_of_.push_back(std::exchange(names_, {}));
    sends_.push_back(std::move(send));
  }

 private:
  friend class TracingCluster;
  std::vector<TracedSend> sends_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> names_of_;
};

/// Runs a protocol once, for all machines, on symbolic words, and writes down what it does. The protocol is the same function template that
/// mpc::Cluster runs, if its steps are straight-line: words go through arithmetic, comparisons, where, min, max, read and the loop over an
/// inbox, messages through send and send_if; the number of rounds, of statements and of words depends on the model alone.
///
/// A receiver gets at most one message of each send statement: two that meet cannot be told apart by a head that matches addresses. A
/// protocol whose receivers get more sends to them by several statements.
class TracingCluster {
 public:
  using Word = TracedWord;

  /// `item_words` and `per_machine`: the input, `per_machine` items for each machine. Every word of it has model.word_bits bits at most.
  TracingCluster(const mpc::Model& model, std::uint64_t per_machine, std::uint64_t item_words);

  const mpc::Model& model() const { return model_; }
  /// Word w of the item in a slot of the machine's input.
  TracedWord dealt(std::uint64_t slot, std::uint64_t word) const;

  template <class T>
  TracedPerMachine<T> make() {  // named after T::name, or numbered
    auto name = fmt::format("variable {}", ++made_);
    if constexpr (requires { T::name; }) name = T::name;
    return TracedPerMachine<T>(std::make_unique<typename TracedPerMachine<T>::Storage>(std::move(name), variables_));
  }
  template <class T, class Init>
  TracedPerMachine<T> make(Init&& init) {
    auto variable = make<T>();
    const TracedMachine me(own_id());
    variable[me] = init(me);
    return variable;
  }

  TracedInboxes<NoMessage> nothing() const { return {}; }

  template <class Out, class In, class Step>
  TracedInboxes<Out> round(const TracedInboxes<In>& inboxes, Step&& step) {
    check_fresh(inboxes.round);
    begin_round();
    TracedOutbox<Out> outbox;
    run(inboxes, [&](const auto& me, const auto& inbox) { step(me, inbox, outbox); });
    TracedInboxes<Out> received{trace_.rounds.size()};
    for (std::size_t h = 0; h < outbox.sends_.size(); ++h) {
      auto& send = outbox.sends_[h];
      const auto words = receive(send, h, outbox.names_of_[h]);
      typename TracedInbox<Out>::Slot slot{send.received, {{words.source}, Out{}}};
      std::size_t next = 0;
      shape(slot.letter.message, outbox, h);
      for_each_word("", slot.letter.message, [&](TracedWord& word, const std::string&) { word.replace(words.message[next++]); });
      received.slots.push_back(std::move(slot));
    }
    end_round(std::move(outbox.sends_));
    return received;
  }
  template <class In, class Step>
  void local(const TracedInboxes<In>& inboxes, Step&& step) {
    check_fresh(inboxes.round);
    run(inboxes, step);
  }
  template <class Step>
  void local(Step&& step) {
    run(nothing(), [&](const auto& me, const auto&) { step(me); });
  }

  class Scope {
   public:
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { labels_.pop_back(); }

   private:
    friend class TracingCluster;
    Scope(std::vector<std::string>& labels, std::string label) : labels_(labels) { labels_.push_back(std::move(label)); }
    std::vector<std::string>& labels_;
  };
  [[nodiscard]] Scope scope(std::string label) { return Scope(labels_, std::move(label)); }

  /// Ends the trace. read(me): the answer, words of the machine's memory as they are.
  template <class Read>
  Trace finish(Read&& read) {
    store_last();
    const TracedMachine me(own_id());
    auto answer = read(me);
    for_each_word("answer", answer, [&](TracedWord& word, const std::string& name) {
      if (!name.ends_with(length_name)) trace_.answer.push_back({name, word.bits()});
    });
    return checked();
  }

 private:
  struct Received {
    TracedWord source;
    std::vector<BitWord> message;
  };

  TracedWord own_id() const;
  void check_fresh(std::size_t round) const;
  void begin_round();
  Received receive(TracedSend& send, std::size_t head, const std::vector<std::string>& names);
  void end_round(std::vector<TracedSend> sends);
  std::vector<StoredBit> store(std::vector<TracedMemory>& memory);
  // The body of a loop over an inbox: what it changes is changed where something came, so it may assign to the words of the memory, and
  // must leave them the words that they are.
  void begin_body(const Bit& present);
  void end_body();
  void check_bodies();
  std::vector<std::pair<std::string, std::uint64_t>> words_there() const;
  void store_last();
  Trace checked();

  /// Gives the letter's message as many elements, in its vectors, as the message that was sent.
  template <class Out>
  static void shape(Out& message, const TracedOutbox<Out>& outbox, std::size_t head) {
    std::size_t words = 0;
    for_each_word("", message, [&](TracedWord&, const std::string&) { ++words; });
    if constexpr (requires { message.resize(words); }) {
      message.resize(outbox.sends_[head].words.size() - 1);  // the first is the length
    } else if (words != outbox.sends_[head].words.size()) {
      throw std::logic_error("a message that is to be compiled into weights is a word, a struct of words or a vector of words");
    }
  }

  template <class In, class Run>
  void run(const TracedInboxes<In>& inboxes, Run&& run) {
    const TracedMachine me(own_id());
    const TracedInbox<In> inbox(
        &inboxes.slots, [&](const Bit& present) { begin_body(present); }, [&] { end_body(); });
    run(me, inbox);
    check_bodies();
  }

  mpc::Model model_;
  Tracer tracer_;
  Trace trace_;
  std::vector<TracedVariable*> variables_;
  std::vector<std::string> labels_;
  std::vector<std::vector<TracedWord>> dealt_;
  unsigned made_ = 0;
  std::vector<std::vector<std::pair<std::string, std::uint64_t>>> there_;  // words when each open body began: name and birth
  std::string replaced_;                                                   // the first variable that a body replaced
};

}  // namespace bridge
