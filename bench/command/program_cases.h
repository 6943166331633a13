#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "transformer_bridge/programs/components.h"
#include "transformer_bridge/transformer/matrix.h"
#include "transformer_bridge/transformer/transformer.h"

namespace roundtrip {

/// Runs a transformer on rows [n, in] -> [n, out].
using Executor = std::function<bridge::Matrix<float>(const bridge::Transformer<float>&, const bridge::Matrix<float>&)>;
/// Every head in full, on dense kernels.
Executor dense_executor(std::size_t threads);

/// Of a program in weights on inputs of one kind, in float32, each answer against a serial oracle.
struct ProgramRow {
  std::string program;  ///< "hops"
  std::string input;    ///< "k 5, 100 positions, 2 to 26 symbols"
  std::uint64_t most_tokens = 0, most_width = 0, layers = 0;
  std::uint64_t cases = 0, wrong = 0;  ///< inputs, and those with a wrong answer anywhere
  /// Of components: those whose labels are what so many layers make of the graph, by integers, and tell that they are not settled yet.
  std::uint64_t unsettled = 0;
  bool exact = true;  ///< the certificate of every model that ran

  /// Nothing is wrong but what says so itself.
  bool good() const { return exact && cases != 0 && wrong == unsettled; }
};

struct HopsCheck {
  std::uint64_t most_hops = 64, positions = 100, sequences = 1000;
  std::uint64_t least_symbols = 2, most_symbols = 26;  ///< sequence i has the least + i mod their number
  std::uint64_t seed = 1;
  /// Whether each k runs all of its layers on every sequence. Otherwise the rows of ceil(k/2) hops, which are the same layers but the last,
  /// are used for k; except for the first sequence of each number of symbols, which runs both ways and must come out the same, bit by bit.
  bool whole = true;
};
/// A row for every k from 1 on.
std::vector<ProgramRow> check_hops(const HopsCheck& check, const Executor& executor);
/// The induction head on the same sequences; one row.
ProgramRow check_induction(const HopsCheck& check, const Executor& executor);

struct ComponentsCheck {
  std::vector<std::uint64_t> vertices{64, 256, 1024};  ///< powers of 4
  std::uint64_t graphs = 200;                          ///< of each family
  std::uint64_t more_blocks = 0;                       ///< than ceil(log2 n)
  bridge::ComponentsRule rule = bridge::ComponentsRule::contract;
  std::uint64_t seed = 1;
};
/// A row for every family of graphs that can be generated and every n. The first graph of a family has the ids that it is generated with,
/// the others have them permuted, each in another way.
std::vector<ProgramRow> check_components(const ComponentsCheck& check, const Executor& executor);

}  // namespace roundtrip
