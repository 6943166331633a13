#include "transformer_bridge/trace/traced_word.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace bridge {
namespace {

thread_local Tracer* now = nullptr;

Circuit& circuit() { return Tracer::current().circuit(); }
std::uint64_t next_birth() { return now == nullptr ? 0 : now->next_birth(); }

BitWord trimmed(BitWord bits) {
  while (!bits.empty() && bits.back() == Bit(0)) bits.pop_back();
  return bits;
}

}  // namespace

Tracer::Tracer() : guards_{{1, 0}}, outer_(std::exchange(now, this)) {}
Tracer::~Tracer() { now = outer_; }
Tracer& Tracer::current() {
  if (now == nullptr) throw std::logic_error("a symbolic word outside a trace");
  return *now;
}

void Tracer::guard(const Bit& condition) { guards_.push_back({bit_and(circuit_, this->condition(), condition), births_}); }
void Tracer::lift_guard() { guards_.pop_back(); }

TracedBit::TracedBit(bool value) : TracedBit(Bit(value ? 1 : 0)) {}
TracedBit::TracedBit(Bit bit) : bit_(std::move(bit)), birth_(next_birth()) {}
TracedBit::TracedBit(const TracedBit& other) : TracedBit(other.bit_) {}
TracedBit& TracedBit::operator=(const TracedBit& other) {
  auto& tracer = Tracer::current();
  bit_ = tracer.guarded(birth_) ? select(tracer.circuit(), tracer.condition(), {other.bit_}, {bit_})[0] : other.bit_;
  return *this;
}
TracedBit operator&&(const TracedBit& a, const TracedBit& b) { return TracedBit(bit_and(circuit(), a.bit_, b.bit_)); }
TracedBit operator||(const TracedBit& a, const TracedBit& b) { return TracedBit(bit_or(circuit(), a.bit_, b.bit_)); }

TracedWord::TracedWord(BitWord bits) : bits_(trimmed(std::move(bits))), birth_(next_birth()) {}
TracedWord::TracedWord(const TracedWord& other) : TracedWord(other.bits_) {}
TracedWord& TracedWord::operator=(const TracedWord& other) {
  auto& tracer = Tracer::current();
  bits_ = tracer.guarded(birth_) ? trimmed(select(tracer.circuit(), tracer.condition(), other.bits_, bits_)) : other.bits_;
  return *this;
}

TracedWord operator+(const TracedWord& a, const TracedWord& b) {
  const auto bits = static_cast<unsigned>(std::max(a.bits_.size(), b.bits_.size())) + 1;
  if (a.bits_.empty()) return b;
  if (b.bits_.empty()) return a;
  return TracedWord(sum(circuit(), a.bits_, b.bits_, bits));
}
TracedWord operator-(const TracedWord& a, const TracedWord& b) {
  if (b.bits_.empty()) return a;
  return TracedWord(difference(circuit(), a.bits_, b.bits_, static_cast<unsigned>(std::max(a.bits_.size(), b.bits_.size()))));
}
TracedWord operator&(const TracedWord& a, const TracedWord& b) { return TracedWord(word_and(circuit(), a.bits_, b.bits_)); }
TracedWord operator|(const TracedWord& a, const TracedWord& b) { return TracedWord(word_or(circuit(), a.bits_, b.bits_)); }
TracedWord operator^(const TracedWord& a, const TracedWord& b) { return TracedWord(word_xor(circuit(), a.bits_, b.bits_)); }
TracedWord operator<<(const TracedWord& a, unsigned bits) {
  auto shifted = a.bits_;
  shifted.insert(shifted.begin(), bits, Bit(0));
  return TracedWord(std::move(shifted));
}
TracedWord operator>>(const TracedWord& a, unsigned bits) {
  const auto gone = std::min<std::size_t>(bits, a.bits_.size());
  return TracedWord(BitWord(a.bits_.begin() + static_cast<std::ptrdiff_t>(gone), a.bits_.end()));
}
TracedBit operator==(const TracedWord& a, const TracedWord& b) { return TracedBit(equal(circuit(), a.bits_, b.bits_)); }
TracedBit operator<(const TracedWord& a, const TracedWord& b) { return TracedBit(less(circuit(), a.bits_, b.bits_)); }

TracedWord symbolic_where(const TracedBit& condition, const TracedWord& a, const TracedWord& b) {
  return TracedWord(select(circuit(), condition.bit(), a.bits(), b.bits()));
}
TracedWord symbolic_min(const TracedWord& a, const TracedWord& b) { return TracedWord(smaller(circuit(), a.bits(), b.bits())); }
TracedWord symbolic_max(const TracedWord& a, const TracedWord& b) { return TracedWord(larger(circuit(), a.bits(), b.bits())); }
TracedWord read_table(const std::vector<BitWord>& table, const TracedWord& index) {
  return TracedWord(read(circuit(), table, index.bits()));
}

}  // namespace bridge
