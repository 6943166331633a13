#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "transformer_bridge/transformer/matrix.h"

namespace bridge {

/// The mean of the first `shown` rows, divided by its Euclidean length: a sentence's embedding from its tokens' last hidden states. Sums
/// are taken in double. Zeros stay zeros. rows [shown or more, b] -> [b].
template <class Real>
std::vector<Real> mean_pooled(const Matrix<Real>& rows, std::size_t shown);

}  // namespace bridge
