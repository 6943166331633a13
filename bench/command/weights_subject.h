#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mpc/ranks.h"

#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/transformer/matrix.h"

#include "bench/command/input_kind.h"
#include "bench/command/run_options.h"
#include "bench/command/run_result.h"

namespace roundtrip {

/// What the rows that a transformer in weights ends with say.
struct WeightsReading {
  Facts answer;                        ///< by name: "components", "rounds"
  Verdict verdict = Verdict::skipped;  ///< by a serial oracle
  std::string wrong;                   ///< the first thing that is wrong, if the verdict is so
  std::string advice;                  ///< what would help then; may be empty
};

/// A protocol or a program in weights, and an input for it.
struct WeightsSubject {
  std::string title;  ///< "cycles (doubling) on two-cycles:64"
  std::string lines;  ///< the input and the model, for people: lines that end
  Facts facts;        ///< the same for JSON
  bridge::CompiledModel model;
  bridge::Matrix<double> x;              ///< [N, m]
  std::vector<std::string> token_names;  ///< [N], short: m3 a machine, t9 a token without one, v3 a vertex, 3-5 an edge, 4:b a position
  /// y [N, m]. With verify, the oracle is asked.
  std::function<WeightsReading(const bridge::Matrix<double>& y, bool verify)> read;
  /// A line for every item that has a label.
  std::function<std::string(const bridge::Matrix<double>& y)> label_lines;

  /// Of protocols: what machine `token` keeps on messages after layer l, word by word with its name; nothing for tokens without one.
  struct NamedWord {
    std::string name;
    std::uint64_t value;
  };
  std::function<std::vector<NamedWord>(std::size_t layer, std::size_t token)> on_messages{};
  /// Of protocols: the first word of the rows after layer l that is not what the machines keep on messages.
  std::function<std::optional<std::string>(std::size_t layer, const bridge::Matrix<double>& rows)> difference{};
};

/// What weights can be made of.
struct WeightsRequest : ProblemOptions {
  bridge::NumberType type = bridge::NumberType::f32;
  std::uint64_t blocks = 0;  ///< of components; 0: as many as its default says
};

/// Throws UsageError for an unknown name, for options that the subject does not take and for sizes out of range; InputError for an input
/// that it cannot take. Collective.
WeightsSubject weights_subject(const WeightsRequest& request, mpc::Ranks& ranks);

/// "cycles, compose, ...": what weights_subject() knows.
std::string weights_names();
/// Whether this is one of them, and no protocol that `run` knows.
bool in_weights_only(const std::string& name);
/// The same with what each is, for people.
std::string weights_list();

}  // namespace roundtrip
