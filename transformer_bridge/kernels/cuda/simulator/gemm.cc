#include "transformer_bridge/kernels/cuda/gemm.h"

#include <cstdint>
#include <vector>

namespace bridge::cuda {
namespace {

template <class Real>
class PlainGemm final : public Gemm<Real> {
 public:
  std::string describe() const override { return {}; }

  void multiply(std::size_t a, std::size_t b, const Real* x, const Real* W, Real* out) override {
    kl::sim::host_reads(x, gemm_rows * a * sizeof(Real));
    kl::sim::host_reads(W, a * b * sizeof(Real));
    kl::sim::host_writes(out, gemm_rows * b * sizeof(Real));
    for (const auto* place : {x, W, static_cast<const Real*>(out)}) {
      if (reinterpret_cast<std::uintptr_t>(place) % gemm_alignment != 0) throw kl::Violation("gemm: an array that is not aligned");
    }
    for (std::size_t row = 0; row < gemm_rows; ++row) {
      std::vector<Real> sum(b, Real{0});
      for (std::size_t c = 0; c < a; ++c) {
        for (std::size_t column = 0; column < b; ++column) sum[column] += x[row * a + c] * W[c * b + column];
      }
      for (std::size_t column = 0; column < b; ++column) out[row * b + column] = sum[column];
    }
  }
};

}  // namespace

template <class Real>
std::unique_ptr<Gemm<Real>> make_gemm(Device&) {
  return std::make_unique<PlainGemm<Real>>();
}

template std::unique_ptr<Gemm<float>> make_gemm(Device&);
template std::unique_ptr<Gemm<double>> make_gemm(Device&);

}  // namespace bridge::cuda
