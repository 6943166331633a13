#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mpc/machine.h"
#include "mpc/model.h"
#include "mpc/ranks.h"

#include "transformer_bridge/compile/certificate.h"
#include "transformer_bridge/compile/input_layer.h"
#include "transformer_bridge/compile/residual_columns.h"
#include "transformer_bridge/compile/routing.h"
#include "transformer_bridge/compile/superimposed.h"

namespace bridge {

/// How attention is computed; the result is the same.
///   routed     only the logits whose weights are not 0, found by an index
///   dense      every logit; values without their zeros
///   reference  a Layer of the Transformer class through the reference kernels, on rows of the full width: for small ones
enum class Kernel { routed, dense, reference };

/// What a layer did on this rank, for looking at it.
struct LayerRecord {
  std::uint64_t layer = 0;
  std::string label;
  const RoutingShape* shape = nullptr;
  struct Weight {
    std::uint64_t head, token, key;  ///< key = number of tokens: the start token
    double weight;
  };
  std::vector<Weight> weights;  ///< of this rank's tokens, all that are not 0
  struct Sent {
    std::uint64_t source, destination, messages;
  };
  std::vector<Sent> sent;  ///< by this rank's tokens
  struct Cell {
    std::uint64_t token, column;
    double value;
  };
  std::vector<Cell> residual;  ///< of this rank's tokens after the layer, all that are not 0
  struct Memory {
    std::uint64_t machine, variable, first_word, words;
  };
  std::vector<Memory> memory;      ///< which words of a machine's memory columns belong to which variable, in the order of their creation
  std::vector<std::string> types;  ///< of the variables
};

struct LockstepOptions {
  const RoutingMode* routing = &superimposed();
  NumberType type = NumberType::f32;
  Kernel kernel = Kernel::routed;
  unsigned limb_bits = 0;                              ///< most bits of a limb; 0: the type's usual
  double temperature = 0;                              ///< 0: the smallest that saturates
  std::function<void(const LayerRecord&)> on_layer{};  ///< called on every rank after every layer; may be empty
};

/// What a layer has to carry in a run with this model, in packets of so many words.
RoutingTask routing_task(const mpc::Model& model, const LockstepOptions& options, std::uint64_t packet_words = 1);

/// The transformer that a protocol runs as, layer by layer. One token for every input word and every machine, N' = max(N, q) in all; token
/// i < q is machine i. What a machine keeps and what it receives are columns of its residual row (residual_columns.h), and nothing
/// goes from one token to another but through a softmax over queries, keys and values. A rank holds the rows of its machines and a share of
/// the other tokens, gathers the keys of all ranks, and fetches the values of those keys that its queries match.
///
/// One layer: the row function (the protocol's step, an Oracle) has left in every machine's row what it keeps (`keep`) and hands out
/// what it sends; `attend` is the attention; then the next row function reads the row (`kept`, `received`).
class Lockstep {
 public:
  virtual ~Lockstep() = default;
  /// Collective, like attend and deal.
  static std::unique_ptr<Lockstep> make(const mpc::Model& model, mpc::MachineBlock here, const Dealing& dealing, mpc::Ranks& ranks,
                                        const LockstepOptions& options);

  /// The first layer: input words to machines. `mine`: the words of this rank's tokens, in the order of input_tokens().
  virtual void deal(std::span<const mpc::Word> mine) = 0;
  /// The input tokens of this rank that hold a word, ascending.
  virtual std::vector<std::uint64_t> input_tokens() const = 0;
  /// The rank that holds a token's row.
  virtual std::size_t host(std::uint64_t token) const = 0;
  /// What the first layer brought a machine of this rank.
  virtual const std::vector<mpc::Word>& dealt(std::size_t local) const = 0;

  /// Writes what a machine keeps into its row. Throws Error(inexact) for a word that has more bits than the columns hold.
  virtual void keep(std::size_t local, std::span<const mpc::Word> words, bool asleep) = 0;
  /// Says where a machine's variables begin in its memory columns, for on_layer.
  virtual void name_memory(std::vector<LayerRecord::Memory> memory, std::vector<std::string> types) = 0;
  /// One layer of attention. sent[ends[local - 1]..ends[local]) are the packets of machine `local` of this rank, `packet_words` words each,
  /// in the order of sending. `mine`: what went wrong on this rank before, or nothing. Throws, the same on every rank, Error(inexact) if
  /// the layer is not exact in its number type, and whatever went wrong.
  virtual void attend(std::uint64_t packet_words, std::span<const Packet> sent, std::span<const std::size_t> ends, std::string label,
                      std::exception_ptr mine) = 0;
  /// What a machine's row says that it keeps, as many words as were written; and whether it sleeps.
  virtual std::vector<mpc::Word> kept(std::size_t local) const = 0;
  virtual bool asleep(std::size_t local) const = 0;
  /// What attention brought it.
  virtual const Arrivals& received(std::size_t local) const = 0;

  virtual const Certificate& certificate() const = 0;

  /// Seconds of this rank in all layers so far.
  struct Seconds {
    double encode = 0, gather = 0, attention = 0, decode = 0;
  };
  virtual Seconds seconds() const = 0;
};

}  // namespace bridge
