#include "transformer_bridge/compile/lockstep.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "mpc/clock.h"

#include "protocols/graph/spread.h"

#include "transformer_bridge/compile/dense_layer.h"
#include "transformer_bridge/kernels/sparse_attention.h"
#include "transformer_bridge/transformer/forward.h"

namespace bridge {
namespace {

double taken(double& last) {
  const auto now = mpc::seconds_now();
  return now - std::exchange(last, now);
}

template <class Real>
class LockstepOf final : public Lockstep {
 public:
  LockstepOf(const mpc::Model& model, mpc::MachineBlock here, const Dealing& dealing, mpc::Ranks& ranks, const LockstepOptions& options)
      : ranks_(ranks),
        options_(options),
        here_(here),
        dealing_(dealing),
        tokens_(std::max(model.machines, dealing.words)),
        task_(routing_task(model, options)),
        columns_(model.memory.count, task_.limbs()),
        rows_(here.count),
        received_(here.count),
        dealt_(here.count) {
    const auto others = tokens_ - model.machines;
    const auto size = static_cast<std::uint64_t>(ranks.size());
    machines_each_ = (model.machines + size - 1) / size;
    others_each_ = (others + size - 1) / size;
    const auto first = std::min(others, others_each_ * static_cast<std::uint64_t>(ranks.rank()));
    others_ = {model.machines + first, std::min(others, first + others_each_) - first};
    certificate_.type = options.type;
    certificate_.tokens = tokens_;
  }

  std::vector<std::uint64_t> input_tokens() const override {
    std::vector<std::uint64_t> tokens;
    for (const auto& block : {here_, others_}) {
      for (auto t = block.first; t < std::min(block.first + block.count, dealing_.words); ++t) tokens.push_back(t);
    }
    return tokens;
  }

  std::size_t host(std::uint64_t token) const override {
    return static_cast<std::size_t>(token < task_.machines ? token / machines_each_ : (token - task_.machines) / others_each_);
  }

  void deal(std::span<const mpc::Word> mine) override {
    Round layer(input_shape(task_, dealing_), "input");
    prove(layer);
    const auto& shape = layer.shape;
    layer.start_clock();
    mpc::together(ranks_, [&] {
      const auto* word = mine.data();
      const auto write = [&](mpc::MachineBlock block, Rows& rows) {
        for (auto t = block.first; t < block.first + block.count; ++t) {
          if (t < dealing_.words && !shape.task.limbs().hold(*word)) refuse_word("input", *word);
          send_input(shape, dealing_, t, t < dealing_.words ? word++ : nullptr, rows.keys, rows.values);
        }
      };
      auto& head = cleared_heads(shape)[0];
      write(here_, head.machines);
      write(others_, head.others);
      start_input(shape, head.start.keys, head.start.values);
      for (std::uint64_t i = 0; i < here_.count; ++i) query_input(shape, here_.first + i, head.queries);
      for (std::uint64_t i = 0; i < others_.count; ++i) idle_query_input(shape, head.queries);
      if (options_.on_layer) record_input(layer.record);
    });
    run(layer, [&](std::size_t local, std::span<const BlockRow<Real>> heads) {
      dealt_[local] = receive_input(shape, dealing_, here_.first + local, heads[0]);
    });
  }

  const std::vector<mpc::Word>& dealt(std::size_t local) const override { return dealt_[local]; }

  void keep(std::size_t local, std::span<const mpc::Word> words, bool asleep) override {
    if (words.size() > task_.memory) throw std::logic_error("a machine keeps more words than its row has columns for");
    auto& row = rows_[local];
    row.assign(1, asleep ? Real{1} : Real{0});
    for (const auto word : words) {
      if (!columns_.limbs().hold(word)) refuse_word("kept", word);
      for (unsigned i = 0; i < columns_.limbs().count(); ++i) row.push_back(static_cast<Real>(columns_.limbs().limb(i, word)));
    }
  }

  void name_memory(std::vector<LayerRecord::Memory> memory, std::vector<std::string> types) override {
    memory_ = std::move(memory);
    types_ = std::move(types);
  }

  void attend(std::uint64_t packet_words, std::span<const Packet> sent, std::span<const std::size_t> ends, std::string label,
              std::exception_ptr mine) override {
    mpc::throw_together(ranks_, mine);
    const auto routing = routing_for(packet_words);
    Round layer(routing->shape(), std::move(label));
    prove(layer);
    const auto& shape = layer.shape;
    const auto limbs = shape.task.limbs();
    layer.start_clock();
    mpc::together(ranks_, [&] {
      for (const auto& packet : sent) {
        for (std::uint64_t w = 0; w < packet_words; ++w) {
          if (!limbs.hold(packet.words[w])) refuse_word("sent", packet.words[w]);
        }
      }
      cleared_heads(shape);
      for (std::uint64_t h = 0; h < shape.heads; ++h) {
        auto& head = heads_[h];
        std::size_t begin = 0;
        for (std::size_t local = 0; local < here_.count; ++local) {
          routing->send(here_.first + local, sent.subspan(begin, ends[local] - begin), h, head.machines.keys, head.machines.values);
          routing->query(here_.first + local, h, head.queries);
          begin = ends[local];
        }
        for (std::uint64_t i = 0; i < others_.count; ++i) {
          head.others.keys.end_row();
          head.others.values.end_row();
          routing->idle_query(h, head.queries);
        }
        routing->start(h, head.start.keys, head.start.values);
      }
      if (options_.on_layer) {
        record_sent(sent, ends, layer.record);
        layer.record.memory = memory_;
        layer.record.types = types_;
      }
    });
    run(layer,
        [&](std::size_t local, std::span<const BlockRow<Real>> heads) { received_[local] = routing->receive(here_.first + local, heads); });
  }

  std::vector<mpc::Word> kept(std::size_t local) const override {
    const auto& row = rows_[local];
    const auto limbs = columns_.limbs();
    std::vector<mpc::Word> words((row.size() - 1) / limbs.count(), 0);
    for (std::size_t w = 0; w < words.size(); ++w) {
      for (unsigned i = 0; i < limbs.count(); ++i) words[w] |= limbs.joined(i, static_cast<std::uint64_t>(row[columns_.memory(w, i)]));
    }
    return words;
  }
  bool asleep(std::size_t local) const override { return rows_[local][ResidualColumns::asleep] != Real{0}; }
  const Arrivals& received(std::size_t local) const override { return received_[local]; }
  const Certificate& certificate() const override { return certificate_; }
  Seconds seconds() const override { return seconds_; }

 private:
  using Rows = KeyValueRows<Real>;
  struct Round {
    Round(RoutingShape its_shape, std::string its_label) : shape(std::move(its_shape)), label(std::move(its_label)) {}
    void start_clock() { last = mpc::seconds_now(); }
    RoutingShape shape;
    std::string label;
    LayerRecord record;
    double last = 0;
  };

  [[noreturn]] void refuse_word(const char* what, mpc::Word word) const {
    const auto limbs = columns_.limbs();
    throw mpc::Error(mpc::Exit::inexact,
                     fmt::format("a {} word has {} bits; the columns of this transformer hold words of {} (a floating-point value "
                                 "does not travel through them)",
                                 what, std::bit_width(word), limbs.count() * limbs.bits()));
  }

  /// Refuses a layer that is not exact, or that has more slots than a block number can name.
  void prove(const Round& layer) const {
    const auto where = fmt::format("layer {} ({})", certificate_.layers.size() + 1, layer.label);
    if (const auto reason = objection(layer.shape)) throw mpc::Error(mpc::Exit::inexact, where + " is not exact: " + *reason);
    if (layer.shape.slots > std::numeric_limits<std::uint32_t>::max()) {
      throw mpc::Error(mpc::Exit::over_budget, fmt::format("{} has {} packet slots; expected at most {}", where, layer.shape.slots,
                                                           std::numeric_limits<std::uint32_t>::max()));
    }
  }

  std::shared_ptr<Routing<Real>> routing_for(std::uint64_t packet_words) {
    auto& routing = routings_[packet_words];
    if (!routing) {
      auto its_task = task_;
      its_task.packet_words = packet_words;
      routing = options_.routing->template make<Real>(options_.routing->shape(its_task));
    }
    return routing;
  }

  std::vector<HeadRows<Real>>& cleared_heads(const RoutingShape& shape) {
    heads_.resize(shape.heads);
    for (auto& head : heads_) head.clear(shape.slot_columns);
    return heads_;
  }

  /// Appends every rank's rows, in rank order.
  void gather(BlockRows<Real>& all, const BlockRows<Real>& mine) {
    if (ranks_.size() == 1) return all.append(mine);
    const auto words = ranks_.gather(mine.packed());
    for (const auto* at = words.data(); at != words.data() + words.size();) at = all.append_packed(at);
  }

  /// Fills all_.values with the rows of the keys that have a weight for a query of this rank, from the ranks that hold them; the other rows
  /// stay empty.
  void fetch_values(const HeadRows<Real>& mine, const SparseWeights<Real>& weights) {
    auto& all = all_.values;
    if (ranks_.size() == 1) {
      all.append(mine.machines.values);
      all.append(mine.others.values);
      return all.append(mine.start.values);
    }
    const auto ranks = static_cast<std::size_t>(ranks_.size());
    std::vector<char> needed(tokens_ + 1, 0);
    for (const auto key : weights.keys) needed[key] = 1;
    std::vector<std::vector<std::uint64_t>> asked(ranks);
    for (std::uint64_t t = 0; t < tokens_; ++t) {
      if (needed[t]) asked[host(t)].push_back(t);
    }
    std::vector<std::uint64_t> send;
    std::vector<std::size_t> counts, received;
    for (const auto& tokens : asked) {
      send.insert(send.end(), tokens.begin(), tokens.end());
      counts.push_back(tokens.size());
    }
    const auto wanted = ranks_.exchange(send, counts, received);
    send.clear();
    counts.clear();
    const auto* token = wanted.data();
    BlockRows<Real> rows;
    for (std::size_t r = 0; r < ranks; ++r) {
      rows.clear(all.block());
      for (std::size_t i = 0; i < received[r]; ++i, ++token) {
        rows.append(*token < task_.machines ? mine.machines.values.row(*token - here_.first)
                                            : mine.others.values.row(*token - others_.first));
      }
      const auto packed = rows.packed();
      send.insert(send.end(), packed.begin(), packed.end());
      counts.push_back(packed.size());
    }
    const auto words = ranks_.exchange(send, counts, received);
    std::vector<BlockRows<Real>> from(ranks, BlockRows<Real>(all.block()));
    const auto* at = words.data();
    for (auto& some : from) at = some.append_packed(at);
    std::vector<std::size_t> next(ranks, 0);
    for (std::uint64_t t = 0; t < tokens_; ++t) {
      if (needed[t]) {
        all.append(from[host(t)].row(next[host(t)]++));
      } else {
        all.end_row();
      }
    }
    all.append(mine.start.values);
  }

  template <class Read>
  void run(Round& layer, Read&& read) {
    const auto& shape = layer.shape;
    seconds_.encode += taken(layer.last);
    const auto queries = here_.count + others_.count;
    std::vector<SparseWeights<Real>> weights(shape.heads);
    outputs_.resize(shape.heads);
    auto& outputs = outputs_;
    auto margin = std::numeric_limits<double>::infinity();
    for (std::uint64_t head = 0; head < shape.heads; ++head) {
      const auto& mine = heads_[head];
      all_.clear(shape.slot_columns);
      gather(all_.keys, mine.machines.keys);
      gather(all_.keys, mine.others.keys);
      all_.keys.append(mine.start.keys);
      seconds_.gather += taken(layer.last);
      mpc::together(ranks_, [&] {
        const auto scale = static_cast<Real>(shape.temperature);
        weights[head] = options_.kernel == Kernel::routed ? routed_weights(mine.queries, all_.keys, shape.key_width, scale)
                                                          : dense_weights(mine.queries, all_.keys, shape.key_width, scale);
        margin = std::min(margin, weights[head].margin);
      });
      seconds_.attention += taken(layer.last);
      if (options_.kernel == Kernel::reference) continue;
      fetch_values(mine, weights[head]);
      seconds_.gather += taken(layer.last);
      mpc::together(ranks_, [&] { mix(weights[head], all_.values, shape.slots, outputs[head]); });
      seconds_.attention += taken(layer.last);
    }

    if (options_.kernel == Kernel::reference) run_reference(shape, outputs);

    LayerCertificate seen{certificate_.layers.size() + 1, layer.label, shape, margin, 0, columns_.attention(), columns_.width(shape)};
    for (std::uint64_t head = 0; head < shape.heads; ++head) {
      for (std::size_t row = 0; row < weights[head].rows(); ++row) {
        seen.measured_ties = std::max<std::uint64_t>(seen.measured_ties, weights[head].ends[row] - weights[head].begin(row));
        for (const auto slot : outputs[head].row(row).at) {
          seen.measured_width = std::max(seen.measured_width, columns_.attention(shape, head, slot, shape.slot_columns - 1) + 1);
        }
      }
    }
    std::uint64_t most[2] = {seen.measured_ties, seen.measured_width};
    ranks_.reduce(most, mpc::Reduction::maximum);
    seen.measured_ties = most[0];
    seen.measured_width = most[1];
    seen.measured_margin = std::bit_cast<double>(ranks_.minimum(std::bit_cast<std::uint64_t>(margin)));  // positive: ordered as integers
    check_measured(seen);

    mpc::together(ranks_, [&] {
      std::vector<BlockRow<Real>> heads(shape.heads);
      for (std::size_t local = 0; local < here_.count; ++local) {
        for (std::uint64_t head = 0; head < shape.heads; ++head) heads[head] = outputs[head].row(weights[head].row_of[local]);
        try {
          read(local, std::span<const BlockRow<Real>>(heads));
        } catch (const Garbled& garbled) {
          throw Garbled(fmt::format("layer {} ({}): {}", seen.layer, seen.label, garbled.what()));
        }
      }
      if (options_.on_layer) {
        record(layer, weights, outputs, queries);
        layer.record.layer = seen.layer;
        layer.record.label = seen.label;
        layer.record.shape = &shape;
      }
    });
    seconds_.decode += taken(layer.last);
    certificate_.layers.push_back(std::move(seen));
    if (options_.on_layer) options_.on_layer(layer.record);
  }

  /// The layer as a layer of the Transformer class, on dense rows.
  void run_reference(const RoutingShape& shape, std::vector<BlockRows<Real>>& outputs) {
    const auto width = columns_.width(shape);
    constexpr double most_cells = 0x1p27;
    if (static_cast<double>(width) * static_cast<double>(tokens_ + 1) > most_cells) {
      throw mpc::Error(mpc::Exit::over_budget,
                       fmt::format("kernel reference: {} tokens of {} columns; expected at most 2^27 cells in all", tokens_, width));
    }
    // Here a rank's tokens are consecutive: its machines, then its others.
    const auto starts = protocols::part_starts(here_.count + others_.count, ranks_);
    Matrix<Real> rows(here_.count + others_.count, width, Real{0});
    for (std::size_t local = 0; local < here_.count; ++local) std::ranges::copy(rows_[local], rows.row(local).begin());
    const auto first = starts[static_cast<std::size_t>(ranks_.rank())];
    const auto layer = dense_layer(heads_, shape, columns_, first);
    const auto after = apply(layer, rows, starts, ranks_, certificate_.layers.size());
    for (std::size_t head = 0; head < shape.heads; ++head) outputs[head] = head_output(after, head, shape, columns_);
  }

  std::uint64_t token(std::size_t query) const { return query < here_.count ? here_.first + query : others_.first + query - here_.count; }

  void record_input(LayerRecord& record) const {
    for (const auto t : input_tokens()) record.sent.push_back({t, dealing_.destination(t).machine, 1});
  }
  void record_sent(std::span<const Packet> sent, std::span<const std::size_t> ends, LayerRecord& record) const {
    std::size_t next = 0;
    for (std::size_t local = 0; local < here_.count; ++local) {
      std::map<std::uint64_t, std::uint64_t> messages;
      for (; next < ends[local]; ++next) messages[sent[next].machine] += sent[next].first ? 1U : 0U;
      for (const auto& [destination, count] : messages) record.sent.push_back({here_.first + local, destination, count});
    }
  }
  void record(Round& layer, const std::vector<SparseWeights<Real>>& weights, const std::vector<BlockRows<Real>>& outputs,
              std::size_t queries) const {
    const auto& shape = layer.shape;
    for (std::size_t query = 0; query < queries; ++query) {
      if (query < here_.count) {
        for (std::size_t c = 0; c < rows_[query].size(); ++c) {
          if (rows_[query][c] != Real{0}) layer.record.residual.push_back({token(query), c, static_cast<double>(rows_[query][c])});
        }
      }
      for (std::uint64_t head = 0; head < shape.heads; ++head) {
        const auto row = weights[head].row_of[query];
        for (auto i = weights[head].begin(row); i < weights[head].ends[row]; ++i) {
          layer.record.weights.push_back({head, token(query), weights[head].keys[i], static_cast<double>(weights[head].weights[i])});
        }
        const auto output = outputs[head].row(row);
        for (std::size_t j = 0; j < output.at.size(); ++j) {
          for (std::size_t f = 0; f < shape.slot_columns; ++f) {
            const auto value = output.values[j * shape.slot_columns + f];
            if (value != Real{0}) {
              layer.record.residual.push_back({token(query), columns_.attention(shape, head, output.at[j], f), static_cast<double>(value)});
            }
          }
        }
      }
    }
  }

  mpc::Ranks& ranks_;
  LockstepOptions options_;
  mpc::MachineBlock here_, others_;
  Dealing dealing_;
  std::uint64_t tokens_, machines_each_ = 1, others_each_ = 1;
  RoutingTask task_;
  ResidualColumns columns_;
  std::vector<std::vector<Real>> rows_;  // of this rank's machines, without what the attention writes: columns 0, 1, ... as far as in use
  std::vector<Arrivals> received_;
  // Of the layer at hand; kept for their memory.
  std::vector<HeadRows<Real>> heads_;
  Rows all_;
  std::vector<BlockRows<Real>> outputs_;
  std::vector<std::vector<mpc::Word>> dealt_;
  std::map<std::uint64_t, std::shared_ptr<Routing<Real>>> routings_;  // by packet words
  Certificate certificate_;
  std::vector<LayerRecord::Memory> memory_;  // for on_layer
  std::vector<std::string> types_;
  Seconds seconds_;
};

}  // namespace

RoutingTask routing_task(const mpc::Model& model, const LockstepOptions& options, std::uint64_t packet_words) {
  return {.machines = model.machines,
          .memory = model.memory.count,
          .packet_words = packet_words,
          .word_bits = model.word_bits,
          .type = options.type,
          .limb_bits = options.limb_bits,
          .temperature = options.temperature};
}

std::unique_ptr<Lockstep> Lockstep::make(const mpc::Model& model, mpc::MachineBlock here, const Dealing& dealing, mpc::Ranks& ranks,
                                         const LockstepOptions& options) {
  if (options.type == NumberType::f32) return std::make_unique<LockstepOf<float>>(model, here, dealing, ranks, options);
  return std::make_unique<LockstepOf<double>>(model, here, dealing, ranks, options);
}

}  // namespace bridge
