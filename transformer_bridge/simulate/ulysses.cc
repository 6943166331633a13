#include "transformer_bridge/simulate/ulysses.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include <fmt/core.h>

#include "transformer_bridge/simulate/mirror.h"
#include "transformer_bridge/simulate/pieces.h"
#include "transformer_bridge/simulate/token_share.h"

namespace bridge {
namespace {

/// What a machine keeps between rounds.
template <class Real>
struct Kept {
  std::vector<Real> rows;
  std::vector<Real> leaving;  // until it is sent, or used in the round that brought it

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& rows& leaving;
  }
};
constexpr std::uint64_t kept_lengths = 2;

/// The heads of machine p's share.
template <class Real>
HeadRange share_of_heads(const Program<Real>& program, std::size_t layer, std::uint64_t machine, std::uint64_t machines) {
  const EvenShares shares(program.transformer().layers()[layer].heads.size(), machines);
  return {shares.first(machine), shares.count(machine)};
}

/// Columns of the heads of a layer in units of their greatest common width, and which machine's they are.
struct Units {
  std::size_t width = 0;
  std::vector<std::uint32_t> projected, values;  // machine of each unit of a projected row, and of a row of values
};

template <class Real>
Units units_of(const Program<Real>& program, std::size_t layer, std::uint64_t machines) {
  const auto& heads = program.transformer().layers()[layer].heads;
  Units units;
  for (const auto& head : heads) units.width = std::gcd(std::gcd(units.width, head.query.out()), head.value.out());
  if (units.width == 0) return units;  // no heads, or heads without columns
  std::vector<std::uint32_t> queries;
  for (std::uint64_t machine = 0; machine < machines; ++machine) {
    const auto its = program.columns(layer, share_of_heads(program, layer, machine, machines));
    queries.insert(queries.end(), its.queries / units.width, static_cast<std::uint32_t>(machine));
    units.values.insert(units.values.end(), its.values / units.width, static_cast<std::uint32_t>(machine));
  }
  for (const auto* part : {&queries, &queries, &units.values}) units.projected.insert(units.projected.end(), part->begin(), part->end());
  return units;
}

template <class Real, std::size_t piece>
class Ulysses {
 public:
  Ulysses(Program<Real>& program, const Matrix<Real>& x, mpc::Cluster& cluster, std::size_t shown)
      : program_(program),
        x_(x),
        cluster_(cluster),
        shown_(shown),
        machines_(cluster.model().machines),
        shares_(x.rows(), machines_),
        kept_(cluster.make<Kept<Real>>()) {}

  OutputPart<Real> run() {
    return run_on_shares<Real>(
        program_, x_, cluster_, shares_,
        [&](std::size_t layer, const mpc::Machine& me, std::vector<Real> before) { begin_layer(layer, me, std::move(before)); },
        [&](std::size_t layer) {
          const auto projected = send_to_heads(layer);
          cluster_.local(projected, [&](const auto& me, const auto& inbox) { attend(layer, me, inbox); });
          const auto values = send_to_tokens(layer);
          cluster_.local(values, [&](const auto& me, const auto& inbox) { kept_[me].leaving = numbers_of<Real>(inbox); });
        },
        [&](std::size_t layer, const mpc::Machine& me) { return ended_rows(layer, me); },
        [&](const mpc::Machine& me) -> auto& { return kept_[me].rows; });
  }

 private:
  using Row = Piece<piece>;

  TokenRange share(const mpc::Machine& me) const { return {shares_.first(me.id().value), shares_.count(me.id().value), shown_}; }
  HeadColumns columns_of(std::size_t layer, std::uint64_t machine) const {
    return program_.columns(layer, share_of_heads(program_, layer, machine, machines_));
  }

  void begin_layer(std::size_t layer, const mpc::Machine& me, std::vector<Real> before) {
    const auto tokens = share(me);
    auto [rows, projected] = begin_share(program_, layer, tokens, std::move(before));
    const auto units = units_of(program_, layer, machines_);
    std::vector<std::uint32_t> destination;
    for (std::size_t i = 0; i < tokens.count; ++i) destination.insert(destination.end(), units.projected.begin(), units.projected.end());

    auto& mine = kept_[me];
    mine.rows = std::move(rows);
    mine.leaving.resize(projected.size());
    auto& memory = program_.memory();
    Mirror<Real> from(memory, projected), packed(memory, mine.leaving);
    const Array<std::uint32_t> to(memory, destination);
    Array<std::uint32_t> starts(memory, machines_ + 1);
    program_.kernels().pack(destination.size(), units.width, from.device(), to.span(), machines_, packed.device(), starts.span());
    packed.fetch();
  }

  /// The first all-to-all: a machine's buckets lie one after the other, each row by row.
  mpc::Inboxes<Row> send_to_heads(std::size_t layer) {
    const auto scope = cluster_.scope(fmt::format("layer {}: to heads", layer));
    return cluster_.template round<Row>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      auto& mine = kept_[me].leaving;
      std::size_t at = 0;
      for (std::uint64_t to = 0; to < machines_; ++to) {
        const auto count = share(me).count * columns_of(layer, to).projected();
        send_numbers<piece, Real>(out, to, std::span(mine).subspan(at, count));
        at += count;
      }
      mine.clear();
    });
  }

  template <class Inbox>
  void attend(std::size_t layer, const mpc::Machine& me, const Inbox& inbox) {
    const auto heads = share_of_heads(program_, layer, me.id().value, machines_);
    const auto columns = columns_of(layer, me.id().value);
    const TokenRange all{0, x_.rows(), shown_};
    auto rows = numbers_of<Real>(inbox);  // of all tokens, as their machines come in order
    auto& mine = kept_[me].leaving;
    mine.resize(all.count * columns.values);
    if (columns.projected() == 0) return;
    Mirror<Real> projected(program_.memory(), rows), out(program_.memory(), mine);
    const auto there = projected.device();
    program_.attend(layer, heads, all, there, columns.projected(), all, there.subspan(columns.queries), columns.projected(), out.device());
    out.fetch();
  }

  /// The second one.
  mpc::Inboxes<Row> send_to_tokens(std::size_t layer) {
    const auto scope = cluster_.scope(fmt::format("layer {}: to tokens", layer));
    return cluster_.template round<Row>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      const auto each = columns_of(layer, me.id().value).values;
      auto& mine = kept_[me].leaving;
      for (std::uint64_t to = 0; to < machines_; ++to) {
        send_numbers<piece, Real>(out, to, std::span(mine).subspan(shares_.first(to) * each, shares_.count(to) * each));
      }
      mine.clear();
    });
  }

  std::vector<Real> ended_rows(std::size_t layer, const mpc::Machine& me) {
    const auto tokens = share(me);
    const auto units = units_of(program_, layer, machines_);
    const auto per_row = units.values.size();
    // Bucket by bucket, as they come; each is row by row.
    std::vector<std::uint32_t> place;
    for (std::size_t from = 0; from < per_row;) {
      auto end = from;
      while (end < per_row && units.values[end] == units.values[from]) ++end;
      for (std::size_t i = 0; i < tokens.count; ++i) {
        for (auto unit = from; unit < end; ++unit) place.push_back(static_cast<std::uint32_t>(i * per_row + unit));
      }
      from = end;
    }
    auto& memory = program_.memory();
    auto& mine = kept_[me];
    Mirror<Real> packed(memory, mine.leaving);
    Array<Real> heads(memory, tokens.count * program_.columns(layer).values);
    const Array<std::uint32_t> to(memory, place);
    program_.kernels().unpack(place.size(), units.width, packed.device(), to.span(), heads.span());
    auto result = end_share<Real>(program_, layer, tokens, mine.rows, heads.span());
    mine = {};
    return result;
  }

  Program<Real>& program_;
  const Matrix<Real>& x_;
  mpc::Cluster& cluster_;
  std::size_t shown_;
  std::uint64_t machines_;
  EvenShares shares_;
  mpc::PerMachine<Kept<Real>> kept_;
};

}  // namespace

template <class Real>
ProtocolSize ulysses_size(const Program<Real>& program, std::size_t tokens, std::uint64_t machines) {
  if (machines == 0) throw mpc::UsageError("ulysses: expected at least 1 machine, got 0");
  const auto most = EvenShares(tokens, machines).most();
  std::uint64_t moved = 0;
  for (std::size_t l = 0; l < program.layers(); ++l) {
    const auto heads = program.transformer().layers()[l].heads.size();
    if (heads != 0 && machines > heads) {
      throw mpc::UsageError(
          fmt::format("ulysses: expected at most as many machines as a layer has heads, got {} machines and {} heads", machines, heads));
    }
    moved = std::max<std::uint64_t>(moved, most * program.columns(l).projected());
    for (std::uint64_t machine = 0; machine < machines; ++machine) {
      const auto its = program.columns(l, share_of_heads(program, l, machine, machines));
      moved = std::max<std::uint64_t>(moved, tokens * its.projected());
    }
  }
  const auto rows = most * program.transformer().width();
  return {2 * program.layers() + 2, kept_lengths + std::max(rows + moved, dealing_words(program, tokens, machines))};
}

template <class Real>
OutputPart<Real> ulysses_attention(Program<Real>& program, const Matrix<Real>& x, mpc::Cluster& cluster, std::size_t shown) {
  expect_equal("ulysses", "columns of the input", program.transformer().in(), x.columns());
  program.expect_tokens(x.rows());
  std::vector<std::size_t> lengths;
  for (std::size_t l = 0; l < program.layers(); ++l) {
    for (std::uint64_t machine = 0; machine < cluster.model().machines; ++machine) {
      const auto its = program.columns(l, share_of_heads(program, l, machine, cluster.model().machines));
      lengths.insert(lengths.end(), {its.projected(), its.values});
    }
  }
  return with_pieces<64, 8, 1>(lengths, [&](auto piece) { return Ulysses<Real, piece()>(program, x, cluster, shown).run(); });
}

template ProtocolSize ulysses_size(const Program<float>&, std::size_t, std::uint64_t);
template ProtocolSize ulysses_size(const Program<double>&, std::size_t, std::uint64_t);
template OutputPart<float> ulysses_attention(Program<float>&, const Matrix<float>&, mpc::Cluster&, std::size_t);
template OutputPart<double> ulysses_attention(Program<double>&, const Matrix<double>&, mpc::Cluster&, std::size_t);

}  // namespace bridge
