#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "mpc/cluster.h"

#include "transformer_bridge/simulate/mirror.h"
#include "transformer_bridge/simulate/pieces.h"
#include "transformer_bridge/simulate/token_words.h"
#include "transformer_bridge/transformer/program.h"

/// For protocols in which every machine holds an even share of the tokens, whatever attention is made of: what a machine does at the two
/// ends of a layer, and the rounds at the two ends of the run.
namespace bridge {

/// A machine's rows of the residual stream, and queries, keys and values of all heads: [tokens, width], [tokens, projected()].
template <class Real>
struct BegunRows {
  std::vector<Real> rows, projected;
};

/// From the rows before a layer, [tokens, in(layer)].
template <class Real>
BegunRows<Real> begin_share(Program<Real>& program, std::size_t layer, const TokenRange& tokens, std::vector<Real> before) {
  BegunRows<Real> result{std::vector<Real>(tokens.count * program.transformer().width()),
                         std::vector<Real>(tokens.count * program.columns(layer).projected())};
  Mirror<Real> given(program.memory(), before), rows(program.memory(), result.rows), projected(program.memory(), result.projected);
  program.begin(layer, tokens, given.device(), rows.device());
  program.project(layer, tokens, rows.device(), projected.device());
  rows.fetch();
  projected.fetch();
  return result;
}

/// The rows after it, [tokens, out(layer)]; heads [tokens, values], in the device's memory.
template <class Real>
std::vector<Real> end_share(Program<Real>& program, std::size_t layer, const TokenRange& tokens, std::vector<Real>& rows,
                            std::span<const Real> heads) {
  std::vector<Real> result(tokens.count * program.out(layer));
  Mirror<Real> there(program.memory(), rows), out(program.memory(), result);
  program.end(layer, tokens, there.device(), heads, out.device());
  out.fetch();
  return result;
}

/// The whole protocol: begin(layer, me, rows before) and end(layer, me) -> rows after are local; attend(layer) makes rounds in between.
/// `rows` is where a machine keeps its rows: the answer's, at the end.
template <class Real, class Begin, class Attend, class End, class Rows>
OutputPart<Real> run_on_shares(Program<Real>& program, const Matrix<Real>& x, mpc::Cluster& cluster, const EvenShares& shares,
                               Begin&& begin, Attend&& attend, End&& end, Rows&& rows) {
  const auto dealt = deal_input(cluster, x, [&](std::size_t row) { return shares.holder(row); });
  cluster.local(dealt, [&](const auto& me, const auto& inbox) { begin(std::size_t{0}, me, numbers_of<Real>(inbox)); });
  for (std::size_t layer = 0; layer < program.layers(); ++layer) {
    attend(layer);
    cluster.local([&](const auto& me) {
      auto after = end(layer, me);
      if (layer + 1 < program.layers()) {
        begin(layer + 1, me, std::move(after));
      } else {
        rows(me) = std::move(after);
      }
    });
  }
  const auto scope = cluster.scope("output");
  return deal_rows<Real>(cluster, shares, x.rows(), program.transformer().out(), rows);
}

}  // namespace bridge
