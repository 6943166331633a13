#pragma once

#include <string>

#include "bench/command/weights_subject.h"

namespace roundtrip {

/// Most tokens that a picture has room for.
inline constexpr std::size_t most_shown_tokens = 64;

/// Pictures for a terminal, layer by layer: the attention matrix of every head (a row for each token that asks, a column for each that is
/// looked at, the start token last), the gap to the logits that vanish, and what every token's row holds after the layer, beside what the
/// protocol's machine keeps on messages. Throws UsageError for more than most_shown_tokens.
std::string show_weights(const WeightsSubject& subject);

}  // namespace roundtrip
