#include "transformer_bridge/simulate/ring.h"

#include <algorithm>
#include <span>
#include <vector>

#include <fmt/core.h>

#include "transformer_bridge/simulate/mirror.h"
#include "transformer_bridge/simulate/pieces.h"
#include "transformer_bridge/simulate/token_share.h"

namespace bridge {
namespace {

/// What a machine keeps of its tokens between rounds.
template <class Real>
struct Kept {
  std::vector<Real> rows, queries, parts;
  std::vector<Real> keys_values;  // until they are sent

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& rows& queries& parts& keys_values;
  }
};
constexpr std::uint64_t kept_lengths = 4;

template <class Real, std::size_t piece>
class Ring {
 public:
  Ring(Program<Real>& program, const Matrix<Real>& x, mpc::Cluster& cluster, std::size_t shown)
      : program_(program),
        x_(x),
        cluster_(cluster),
        shown_(shown),
        shares_(x.rows(), cluster.model().machines),
        kept_(cluster.make<Kept<Real>>()) {}

  OutputPart<Real> run() {
    return run_on_shares<Real>(
        program_, x_, cluster_, shares_,
        [&](std::size_t layer, const mpc::Machine& me, std::vector<Real> before) { begin_layer(layer, me, std::move(before)); },
        [&](std::size_t layer) { pass_round(layer); }, [&](std::size_t layer, const mpc::Machine& me) { return ended_rows(layer, me); },
        [&](const mpc::Machine& me) -> auto& { return kept_[me].rows; });
  }

 private:
  using Row = Piece<piece>;

  TokenRange share(std::uint64_t machine) const { return {shares_.first(machine), shares_.count(machine), shown_}; }

  void begin_layer(std::size_t layer, const mpc::Machine& me, std::vector<Real> before) {
    const auto tokens = share(me.id().value);
    const auto& columns = program_.columns(layer);
    auto& mine = kept_[me];
    auto [rows, projected] = begin_share(program_, layer, tokens, std::move(before));
    mine.rows = std::move(rows);
    mine.queries.clear();
    mine.keys_values.clear();
    for (std::size_t i = 0; i < tokens.count; ++i) {
      const auto row = std::span(projected).subspan(i * columns.projected(), columns.projected());
      mine.queries.insert(mine.queries.end(), row.begin(), row.begin() + static_cast<std::ptrdiff_t>(columns.queries));
      mine.keys_values.insert(mine.keys_values.end(), row.begin() + static_cast<std::ptrdiff_t>(columns.queries), row.end());
    }
    mine.parts.resize(tokens.count * columns.parts);
    attend(layer, tokens, mine.queries, tokens, mine.keys_values, mine.parts);
  }

  void attend(std::size_t layer, const TokenRange& tokens, std::vector<Real>& queries, const TokenRange& seen,
              std::vector<Real>& keys_values, std::vector<Real>& parts) {
    const auto& columns = program_.columns(layer);
    Mirror<Real> q(program_.memory(), queries), kv(program_.memory(), keys_values), out(program_.memory(), parts);
    program_.attend_partial(layer, tokens, q.device(), columns.queries, seen, kv.device(), columns.keys_values(), out.device());
    out.fetch();
  }

  /// P - 1 rounds: every machine passes on what it holds of keys and values, and looks at what it gets.
  void pass_round(std::size_t layer) {
    const auto machines = cluster_.model().machines;
    const auto scope = cluster_.scope(fmt::format("layer {}: ring", layer));
    const auto next = [&](const mpc::Machine& me) { return (me.id().value + 1) % machines; };
    if (machines == 1) return;
    auto passed = cluster_.template round<Row>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      auto& mine = kept_[me].keys_values;
      send_numbers<piece, Real>(out, next(me), mine);
      mine.clear();
    });
    for (std::uint64_t step = 1;; ++step) {
      cluster_.local(passed, [&](const auto& me, const auto& inbox) {
        const auto seen = share((me.id().value + machines - step) % machines), tokens = share(me.id().value);
        if (inbox.empty() || tokens.count == 0) return;
        auto keys_values = numbers_of<Real>(inbox);
        auto& mine = kept_[me];
        std::vector<Real> parts(mine.parts.size());
        attend(layer, tokens, mine.queries, seen, keys_values, parts);
        Mirror<Real> into(program_.memory(), mine.parts), from(program_.memory(), parts);
        program_.merge(layer, tokens.count, into.device(), from.device());
        into.fetch();
      });
      if (step == machines - 1) return;
      passed = cluster_.template round<Row>(passed, [&](const auto& me, const auto& inbox, auto& out) {
        for (const auto& [source, message] : inbox) out.send(next(me), message);
      });
    }
  }

  std::vector<Real> ended_rows(std::size_t layer, const mpc::Machine& me) {
    const auto tokens = share(me.id().value);
    auto& mine = kept_[me];
    std::vector<Real> heads(tokens.count * program_.columns(layer).values);
    Mirror<Real> q(program_.memory(), mine.queries), parts(program_.memory(), mine.parts), values(program_.memory(), heads);
    program_.finish(layer, tokens.count, q.device(), program_.columns(layer).queries, parts.device(), values.device());
    auto result = end_share<Real>(program_, layer, tokens, mine.rows, values.device());
    mine = {};
    return result;
  }

  Program<Real>& program_;
  const Matrix<Real>& x_;
  mpc::Cluster& cluster_;
  std::size_t shown_;
  EvenShares shares_;
  mpc::PerMachine<Kept<Real>> kept_;
};

}  // namespace

template <class Real>
ProtocolSize ring_size(const Program<Real>& program, std::size_t tokens, std::uint64_t machines) {
  if (machines == 0) throw mpc::UsageError("ring attention: expected at least 1 machine, got 0");
  const auto most = EvenShares(tokens, machines).most();
  auto words = kept_lengths + dealing_words(program, tokens, machines);
  for (std::size_t l = 0; machines > 1 && l < program.layers(); ++l) {  // on one machine nothing is kept from round to round
    const auto& columns = program.columns(l);
    words = std::max<std::uint64_t>(
        words, kept_lengths + most * (program.transformer().width() + columns.queries + columns.parts + columns.keys_values()));
  }
  return {(machines - 1) * program.layers() + 2, words};
}

template <class Real>
OutputPart<Real> ring_attention(Program<Real>& program, const Matrix<Real>& x, mpc::Cluster& cluster, std::size_t shown) {
  expect_equal("ring attention", "columns of the input", program.transformer().in(), x.columns());
  program.expect_tokens(x.rows());
  std::vector<std::size_t> lengths;
  for (std::size_t l = 0; l < program.layers(); ++l) lengths.push_back(program.columns(l).keys_values());
  return with_pieces<64, 8, 1>(lengths, [&](auto piece) { return Ring<Real, piece()>(program, x, cluster, shown).run(); });
}

template ProtocolSize ring_size(const Program<float>&, std::size_t, std::uint64_t);
template ProtocolSize ring_size(const Program<double>&, std::size_t, std::uint64_t);
template OutputPart<float> ring_attention(Program<float>&, const Matrix<float>&, mpc::Cluster&, std::size_t);
template OutputPart<double> ring_attention(Program<double>&, const Matrix<double>&, mpc::Cluster&, std::size_t);

}  // namespace bridge
