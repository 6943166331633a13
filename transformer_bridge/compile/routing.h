#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mpc/error.h"
#include "mpc/model.h"

#include "transformer_bridge/compile/limbs.h"
#include "transformer_bridge/compile/number_type.h"
#include "transformer_bridge/kernels/block_rows.h"

namespace bridge {

/// The messages that a layer has to be able to carry: any that keep the limits of the model.
struct RoutingTask {
  std::uint64_t machines = 1;      ///< q
  std::uint64_t memory = 1;        ///< s
  std::uint64_t packet_words = 1;  ///< of each packet
  unsigned word_bits = 2;          ///< p
  NumberType type = NumberType::f32;
  unsigned limb_bits = 0;  ///< most bits of a limb; 0: the type's usual
  double temperature = 0;  ///< 0: the smallest power of two that saturates

  /// B: packets that a machine can send, and can receive.
  std::uint64_t packets() const { return memory / packet_words; }
  Limbs limbs() const { return {word_bits, limb_bits == 0 ? facts(type).usual_limb_bits : limb_bits}; }
};

/// What a layer that carries out a task looks like, before any message is known.
struct RoutingShape {
  std::string routing;
  RoutingTask task;
  std::uint64_t heads = 1;         ///< H
  std::uint64_t key_width = 0;     ///< of queries and keys, per head
  std::uint64_t slots = 0;         ///< packet slots per head, the start token's included
  std::uint64_t slot_columns = 0;  ///< residual columns of a slot
  std::uint64_t packet_slots = 1;  ///< slots that a packet is written to
  double margin = 0;               ///< by construction: the smallest gap between a matching and any other logit
  double temperature = 0;
  std::uint64_t most_tied = 1;        ///< keys with the largest logit, start token included, that can still be told apart
  std::uint64_t most_collisions = 1;  ///< packets that can meet in a slot
  std::uint64_t largest_integer = 0;  ///< of those that are read from an average
  std::vector<std::string> fields{};  ///< what the first columns of a slot hold; the rest are the limbs of the packet's words

  /// Residual columns that the attention writes.
  std::uint64_t width() const { return heads * slots * slot_columns; }
  /// Bytes of all keys and values when every machine sends as many packets as it can.
  double bytes() const;
};

/// A packet on its way.
struct Packet {
  std::uint64_t machine = 0;  ///< where it goes; where it came from once it has arrived
  std::uint64_t index = 0;    ///< among those from this machine to that one, in the order of sending; set on arrival
  bool first = true;          ///< begins a message
  const mpc::Word* words = nullptr;
};

/// What a machine has received, ordered by (source, index).
struct Arrivals {
  std::vector<Packet> packets;
  std::vector<mpc::Word> words;
  /// More senders than the layer is built for: the packets were not read. 0: all is well.
  std::uint64_t too_many_senders = 0;
};

/// What was read does not fit together: the layer is not exact.
class Garbled : public mpc::Error {
 public:
  explicit Garbled(const std::string& text) : Error(mpc::Exit::inexact, text) {}
};

/// How the tokens of a layer write their queries, keys and values, and how a token reads what attention gave it. Token i is machine i.
/// One object serves all tokens of a rank.
template <class Real>
class Routing {
 public:
  virtual ~Routing() = default;
  const RoutingShape& shape() const { return shape_; }

  /// A machine's key and value in a head, from the packets that it sends, in the order of sending: one row each.
  /// At most shape().task.packets() of them, else Garbled.
  virtual void send(std::uint64_t source, std::span<const Packet> packets, std::uint64_t head, BlockRows<Real>& keys,
                    BlockRows<Real>& values) = 0;
  /// A machine's query.
  virtual void query(std::uint64_t machine, std::uint64_t head, BlockRows<Real>& queries) = 0;
  /// The query of a token that is no machine: it reads nothing.
  virtual void idle_query(std::uint64_t head, BlockRows<Real>& queries) = 0;
  /// The start token's key and value.
  virtual void start(std::uint64_t head, BlockRows<Real>& keys, BlockRows<Real>& values) = 0;
  /// Reads what the heads gave a machine. Throws Garbled if it does not fit together.
  virtual Arrivals receive(std::uint64_t machine, std::span<const BlockRow<Real>> heads) = 0;

 protected:
  explicit Routing(RoutingShape shape) : shape_(std::move(shape)) {}

 private:
  RoutingShape shape_;
};

/// A way to build such layers.
class RoutingMode {
 public:
  virtual ~RoutingMode() = default;
  virtual std::string name() const = 0;
  virtual RoutingShape shape(const RoutingTask& task) const = 0;
  virtual std::unique_ptr<Routing<float>> make_f32(const RoutingShape& shape) const = 0;
  virtual std::unique_ptr<Routing<double>> make_f64(const RoutingShape& shape) const = 0;

  template <class Real>
  std::unique_ptr<Routing<Real>> make(const RoutingShape& shape) const {
    if constexpr (sizeof(Real) == 4) {
      return make_f32(shape);
    } else {
      return make_f64(shape);
    }
  }
};

/// The smallest power of two at which this margin saturates the type, or the one that the task asks for. A power of two, so that scaled
/// integer logits are exact.
double temperature_for(const RoutingTask& task, double margin);

/// The integer that a share of an average stands for. `ties`: how many shares.
template <class Real>
std::uint64_t read_integer(Real mean, Real ties) {
  const auto value = mean * ties;
  // Not a number a float could mean: let the caller's checks find it implausible.
  if (!(value > Real{-0.5}) || !(value < static_cast<Real>(UINT64_MAX / 2))) return UINT64_MAX;
  return static_cast<std::uint64_t>(value + Real{0.5});
}

}  // namespace bridge
