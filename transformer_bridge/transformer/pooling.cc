#include "transformer_bridge/transformer/pooling.h"

#include <cmath>

namespace bridge {

template <class Real>
std::vector<Real> mean_pooled(const Matrix<Real>& rows, std::size_t shown) {
  std::vector<double> sum(rows.columns());
  for (std::size_t i = 0; i < shown; ++i) {
    for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<double>(rows(i, c));
  }
  double squares = 0;
  for (const auto x : sum) squares += x * x;
  const auto length = std::sqrt(squares);  // of the sum: the count cancels
  std::vector<Real> result;
  for (const auto x : sum) result.push_back(static_cast<Real>(length == 0 ? 0 : x / length));
  return result;
}

template std::vector<float> mean_pooled(const Matrix<float>&, std::size_t);
template std::vector<double> mean_pooled(const Matrix<double>&, std::size_t);

}  // namespace bridge
