#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "mpc/codec.h"
#include "mpc/machine.h"
#include "mpc/word.h"

namespace mpc {

/// Words that a variable takes on a machine, and the OR of its integers.
struct Measure {
  std::size_t words = 0;
  Word bits = 0;
};

/// One variable's memory on the machines of a rank, as the accounting sees it.
class KeptVariable {
 public:
  virtual ~KeptVariable() = default;
  virtual Measure measure(std::size_t local) const = 0;
  /// The OR of all integers on all machines of the rank.
  virtual Word bits_of_all() const = 0;
  /// Appends the words of the machine's value.
  virtual void pack(std::size_t local, std::vector<Word>& to) const = 0;
  /// Replaces the machine's value by what these words say; returns the rest, where the next variable's begin. Throws std::length_error if
  /// they are too few.
  virtual std::span<const Word> unpack(std::size_t local, std::span<const Word> from) = 0;
  /// What the variable holds, for naming it.
  virtual const std::type_info& type() const = 0;
  /// Forgets the machine's value.
  virtual void clear(std::size_t local) = 0;
  /// Words on every machine if that never changes, else 0.
  std::size_t fixed_words() const { return fixed_words_; }

 protected:
  explicit KeptVariable(std::size_t fixed_words) : fixed_words_(fixed_words) {}

 private:
  std::size_t fixed_words_;
};

/// The variables that are charged as kept memory at present, in the order of their creation.
class KeptMemory {
 public:
  void add(KeptVariable* variable) {
    variables_.push_back(variable);
    changed(*variable, true);
  }
  void remove(KeptVariable* variable) {
    std::erase(variables_, variable);
    changed(*variable, false);
  }

  /// Words that every machine keeps in variables of fixed size.
  std::size_t fixed_words() const { return fixed_words_; }
  const std::vector<KeptVariable*>& variables() const { return variables_; }
  bool has_ragged() const { return ragged_ != 0; }
  /// Whether a ragged variable came or went since the last call.
  bool take_changed() { return std::exchange(ragged_changed_, false); }

 private:
  void changed(const KeptVariable& variable, bool added) {
    if (variable.fixed_words() != 0) {
      fixed_words_ = added ? fixed_words_ + variable.fixed_words() : fixed_words_ - variable.fixed_words();
      return;
    }
    ragged_ = added ? ragged_ + 1 : ragged_ - 1;
    ragged_changed_ = true;
  }

  std::vector<KeptVariable*> variables_;
  std::size_t fixed_words_ = 0;
  std::size_t ragged_ = 0;
  bool ragged_changed_ = false;
};

/// A variable that every machine has one of, charged as kept memory for as long as it lives. A step reaches its own machine's: v[me].
template <class T>
class PerMachine {
 public:
  T& operator[](const Machine& me) { return storage_->values[me.local_]; }
  const T& operator[](const Machine& me) const { return storage_->values[me.local_]; }

 private:
  template <class>
  friend class BasicCluster;

  struct Storage final : KeptVariable {
    Storage(KeptMemory& kept_memory, std::size_t machines)
        : KeptVariable(layout_of<T>().plain ? layout_of<T>().words : 0), memory(kept_memory), count(machines), values(new T[machines]()) {
      memory.add(this);
    }
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;
    ~Storage() override { memory.remove(this); }

    Measure measure(std::size_t local) const override { return {words_of(values[local]), bits_of(values[local])}; }
    Word bits_of_all() const override {
      Word bits = 0;
      for (std::size_t local = 0; local < count; ++local) bits |= bits_of(values[local]);
      return bits;
    }

    void pack(std::size_t local, std::vector<Word>& to) const override {
      const auto begin = to.size();
      to.resize(begin + words_of(values[local]));
      WordPacker(to.data() + begin) & values[local];
    }
    std::span<const Word> unpack(std::size_t local, std::span<const Word> from) override {
      values[local] = T();
      CheckedUnpacker unpacker(from);
      unpacker& values[local];
      return unpacker.rest;
    }
    const std::type_info& type() const override { return typeid(T); }
    void clear(std::size_t local) override { values[local] = T(); }

    KeptMemory& memory;
    std::size_t count;
    std::unique_ptr<T[]> values;
  };

  PerMachine(KeptMemory& memory, std::size_t machines) : storage_(std::make_unique<Storage>(memory, machines)) {}

  std::unique_ptr<Storage> storage_;
};

}  // namespace mpc
