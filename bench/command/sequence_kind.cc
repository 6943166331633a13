#include "bench/command/sequence_kind.h"

#include <fmt/core.h>

#include "mpc/hash.h"

#include "protocols/graph/spread.h"

#include "transformer_bridge/compile/item_tokens.h"

#include "bench/command/item_labels.h"
#include "bench/command/text.h"

namespace roundtrip {
namespace {

using protocols::Sequence;
using protocols::SequenceInput;
using protocols::SequenceShape;
using protocols::VertexLabel;

class LoadedSequence final : public LoadedInput {
 public:
  LoadedSequence(std::string name, std::uint64_t k, Sequence sequence)
      : name_(std::move(name)), k_(k), shape_(sequence), loaded_(std::move(sequence)) {}

  std::any shape() const override { return shape_; }
  const std::any& loaded() const override { return loaded_; }
  std::any whole(mpc::Ranks& ranks) const override {
    std::vector<std::size_t> counts(static_cast<std::size_t>(ranks.size()), 0);
    counts[0] = sequence().share.size();
    auto share = sequence().share;
    return protocols::WholeSequence{sequence().symbols, protocols::exchange_items(std::move(share), std::move(counts), ranks)};
  }

  std::any deal(const mpc::Model& model, mpc::MachineBlock here, mpc::Ranks& ranks) override {
    auto share = sequence().share;  // the oracle and the answer need it again
    auto counts = protocols::counts_by_start(sequence().first, share.size(), first_items(shape_.positions, model.machines, here, ranks));
    return SequenceInput(shape_, model.machines, here, protocols::exchange_items(std::move(share), std::move(counts), ranks));
  }
  std::unique_ptr<LoadedInput> copy() const override { return std::make_unique<LoadedSequence>(*this); }
  bridge::Dealing dealing(std::uint64_t machines) const override { return bridge::item_dealing(shape_.positions, 1, machines); }
  std::any deal(bridge::TransformerCluster& cluster, mpc::Ranks& ranks) const override {
    auto dealt = bridge::deal_words(cluster, sequence().first, sequence().share, ranks);
    return SequenceInput(shape_, cluster.model().machines, cluster.machines_here(), std::move(dealt));
  }

  std::string name() const override { return name_; }
  std::string line() const override {
    return fmt::format("  n = {} positions, {} symbols, k = {}\n", grouped(shape_.positions), grouped(shape_.symbols), grouped(k_));
  }
  Facts facts() const override { return {{"input", name_}, {"n", shape_.positions}, {"alphabet", shape_.symbols}, {"k", k_}}; }
  std::uint64_t fingerprint() const override {
    std::uint64_t sum = 0;
    auto position = sequence().first;
    for (const auto symbol : sequence().share) sum += mpc::mix(mpc::mix(position++) ^ symbol);
    return sum;
  }
  /// A symbol as it stands in the file.
  Fact shown(std::optional<std::uint64_t> value) const override { return value ? Fact(sequence().name(*value)) : Fact(); }

  bool same_labels(const std::vector<VertexLabel>& labels, const std::vector<std::uint64_t>& expected) const override {
    return same_item_labels(labels, expected, 1);
  }
  void write_labels(const std::string& path, const std::vector<VertexLabel>& labels, mpc::Ranks& ranks) const override {
    write_item_labels(
        path, labels, [this](std::uint64_t symbol) { return symbol == shape_.symbols ? "-" : sequence().name(symbol); }, ranks);
  }
  std::uint64_t labelled() const override { return shape_.positions; }

  ReferenceLines reference_lines(const mpc::Model&, const std::optional<Distances>&) const override {
    return {{reference::conditional, k_ < 2 ? 0 : mpc::ceil_log(2, k_), "⌈log₂ k⌉",
             "= ceil(log2 k), a reference without a constant (one cycle versus two)"}};
  }

 private:
  const Sequence& sequence() const { return std::any_cast<const Sequence&>(loaded_); }

  std::string name_;
  std::uint64_t k_;
  SequenceShape shape_;
  std::any loaded_;
};

std::unique_ptr<LoadedInput> load(const InputOptions& options, std::uint64_t seed, mpc::Ranks& ranks) {
  return std::make_unique<LoadedSequence>(*options.input, *options.k, protocols::load_sequence(*options.input, seed, ranks));
}

}  // namespace

template <>
const InputKind& kind_of<SequenceInput>() {
  static const InputKind kind{"sequences", {{"--input", true}, {"--k", true}}, load};
  return kind;
}

}  // namespace roundtrip
