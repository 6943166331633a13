#include "bench/command/maps_kind.h"

#include <fmt/core.h>

#include "mpc/error.h"

#include "protocols/graph/spread.h"

#include "transformer_bridge/compile/item_tokens.h"

#include "bench/command/item_labels.h"
#include "bench/command/text.h"

namespace roundtrip {
namespace {

using protocols::Maps;
using protocols::MapsInput;
using protocols::VertexLabel;

/// Maps take no memory until they are dealt: every entry is drawn where it is wanted.
class LoadedMaps final : public LoadedInput {
 public:
  explicit LoadedMaps(const Maps& maps) : maps_(maps), loaded_(maps) {}

  std::any shape() const override { return maps_; }
  const std::any& loaded() const override { return loaded_; }
  std::any whole(mpc::Ranks&) const override { return maps_; }

  std::any deal(const mpc::Model& model, mpc::MachineBlock here, mpc::Ranks&) override {
    const auto first = [&](std::uint64_t machine) { return protocols::first_item(machine, maps_.input_words(), model.machines); };
    return MapsInput(maps_, model.machines, here, entries(first(here.first), first(here.first + here.count)));
  }
  std::unique_ptr<LoadedInput> copy() const override { return std::make_unique<LoadedMaps>(*this); }
  bridge::Dealing dealing(std::uint64_t machines) const override { return bridge::item_dealing(maps_.input_words(), 1, machines); }
  std::any deal(bridge::TransformerCluster& cluster, mpc::Ranks& ranks) const override {
    const auto starts = protocols::even_starts(maps_.input_words(), ranks.size());
    const auto rank = static_cast<std::size_t>(ranks.rank());
    auto dealt = bridge::deal_words(cluster, starts[rank], entries(starts[rank], starts[rank + 1]), ranks);
    return MapsInput(maps_, cluster.model().machines, cluster.machines_here(), std::move(dealt));
  }

  std::string name() const override { return fmt::format("maps:{},{}", maps_.points, maps_.maps); }
  std::string line() const override { return fmt::format("  n = {} points, k = {} maps\n", grouped(maps_.points), grouped(maps_.maps)); }
  Facts facts() const override { return {{"n", maps_.points}, {"k", maps_.maps}}; }
  std::uint64_t fingerprint() const override { return 0; }  // the sizes and the seed of the model say it all

  bool same_labels(const std::vector<VertexLabel>& labels, const std::vector<std::uint64_t>& expected) const override {
    return same_item_labels(labels, expected, 0);
  }
  void write_labels(const std::string& path, const std::vector<VertexLabel>& labels, mpc::Ranks& ranks) const override {
    write_item_labels(
        path, labels, [](std::uint64_t image) { return std::to_string(image); }, ranks);
  }
  std::uint64_t labelled() const override { return maps_.points; }

  ReferenceLines reference_lines(const mpc::Model&, const std::optional<Distances>&) const override {
    return {{reference::conditional, maps_.maps < 2 ? 0 : mpc::ceil_log(2, maps_.maps), "⌈log₂ k⌉",
             "= ceil(log2 k), a reference without a constant (one cycle versus two)"}};
  }

 private:
  std::vector<std::uint64_t> entries(std::uint64_t from, std::uint64_t to) const {
    std::vector<std::uint64_t> some;
    some.reserve(to - from);
    for (auto index = from; index < to; ++index) some.push_back(maps_.entry(index));
    return some;
  }

  Maps maps_;
  std::any loaded_;
};

std::unique_ptr<LoadedInput> load(const InputOptions& options, std::uint64_t seed, mpc::Ranks&) {
  constexpr std::uint64_t most = std::uint64_t{1} << 32;
  const auto n = *options.n;
  const auto k = *options.k;
  if (n == 0 || n > most) throw mpc::UsageError(fmt::format("--n is {}; expected 1 to {} points", n, most));
  if (k > most / n) throw mpc::UsageError(fmt::format("--k is {}; expected at most {} maps of {} points, {} images", k, most / n, n, most));
  return std::make_unique<LoadedMaps>(Maps{n, k, seed});
}

}  // namespace

template <>
const InputKind& kind_of<MapsInput>() {
  static const InputKind kind{"maps", {{"--n", true}, {"--k", true}}, load};
  return kind;
}

}  // namespace roundtrip
