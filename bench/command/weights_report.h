#pragma once

#include <optional>
#include <string>

#include "transformer_bridge/compile/compiled_model.h"

#include "bench/command/weights_run.h"
#include "bench/command/weights_subject.h"

namespace roundtrip {

/// A transformer in weights that ran, as it is reported.
struct WeightsResult {
  bridge::WeightsCertificate certificate;
  WeightsRun run;
  WeightsReading reading;
  std::optional<std::size_t> layers_compared;  ///< of a protocol: after which the rows were held against its memory on messages
  std::optional<std::string> difference;       ///< the first
  std::string not_compared;                    ///< of a protocol: why not, where they were not
  std::string kernel;
  double compile_s = 0;
  std::string files;  ///< lines: what was written

  bool good() const { return reading.verdict != Verdict::wrong && !difference; }
};

/// What is known before it runs: sizes, weights, and why it is exact.
std::string model_report(const WeightsSubject& subject, const bridge::WeightsCertificate& certificate);
/// What a person reads.
std::string text_report(const WeightsSubject& subject, const WeightsResult& result);
/// Schema 1.
std::string json_report(const WeightsSubject& subject, const WeightsResult& result);

}  // namespace roundtrip
