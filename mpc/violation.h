#pragma once

#include <cstdint>
#include <string>

#include "mpc/error.h"
#include "mpc/word.h"

namespace mpc {

/// What a machine overdrew.
enum class Resource : std::uint64_t {
  kept,         ///< words kept from one round to the next
  sent,         ///< words sent, or kept and sent
  received,     ///< words received, or kept and received
  word_size,    ///< bits of one value, in a message or in kept memory
  destination,  ///< a machine that does not exist
  agreement,    ///< a value that all machines must hold alike
};

const char* name(Resource resource);

/// A limit of the model that a protocol did not keep. The same for every number of ranks.
struct Violation {
  std::uint64_t machine = 0;
  std::uint64_t round = 0;  ///< from 1
  std::string label;        ///< scopes, joined by '/'
  std::string site;         ///< file:line of the call
  Resource resource = Resource::kept;
  std::uint64_t kept = 0;     ///< words kept, for sent and received
  std::uint64_t wanted = 0;   ///< words (bits, machine, value) that the machine wanted
  std::uint64_t allowed = 0;  ///< what the model allows

  std::string text() const;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& machine& round& label& site& resource& kept& wanted& allowed;
  }
};

/// Thrown on every rank, in the same round, with the same text.
class ViolationError : public Error {
 public:
  explicit ViolationError(const Violation& violation) : Error(Exit::over_budget, violation.text()), violation_(violation) {}
  const Violation& violation() const { return violation_; }

 private:
  Violation violation_;
};

}  // namespace mpc
