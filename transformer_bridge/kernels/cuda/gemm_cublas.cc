#include <string>
#include <type_traits>

#include <cublas_v2.h>

#include "transformer_bridge/kernels/cuda/gemm.h"

namespace bridge::cuda {
namespace {

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) throw mpc::Fault(std::string("cuBLAS: ") + what + ": " + cublasGetStatusString(status));
}

template <class Real>
class CublasGemm final : public Gemm<Real> {
 public:
  explicit CublasGemm(Device& device) : workspace_(device, workspace_bytes) {
    check(cublasCreate(&handle_), "create");
    try {
      check(cublasSetStream(handle_, device.stream()), "stream");
      // After the stream, which sets it back. A workspace of one size: what fits into it decides how to multiply.
      check(cublasSetWorkspace(handle_, workspace_.span().data(), workspace_bytes), "workspace");
      check(cublasSetMathMode(handle_, CUBLAS_PEDANTIC_MATH), "math mode");  // no TF32
      check(cublasSetAtomicsMode(handle_, CUBLAS_ATOMICS_NOT_ALLOWED), "atomics");
    } catch (...) {
      cublasDestroy(handle_);
      throw;
    }
  }
  ~CublasGemm() override { cublasDestroy(handle_); }
  CublasGemm(const CublasGemm&) = delete;
  CublasGemm& operator=(const CublasGemm&) = delete;

  std::string describe() const override {
    int version = 0;
    check(cublasGetVersion(handle_, &version), "version");
    return ", cuBLAS " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100);
  }

  /// cuBLAS has its columns side by side: it is given the transposed product, out^T = W^T x^T.
  void multiply(std::size_t a, std::size_t b, const Real* x, const Real* W, Real* out) override {
    const auto columns = static_cast<int>(b), rows = static_cast<int>(gemm_rows), depth = static_cast<int>(a);
    const Real one = 1, zero = 0;
    if constexpr (std::is_same_v<Real, float>) {
      check(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, columns, rows, depth, &one, W, columns, x, depth, &zero, out, columns), "sgemm");
    } else {
      check(cublasDgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, columns, rows, depth, &one, W, columns, x, depth, &zero, out, columns), "dgemm");
    }
  }

 private:
  static constexpr std::size_t workspace_bytes = std::size_t{32} << 20;
  Array<unsigned char> workspace_;
  cublasHandle_t handle_ = nullptr;
};

}  // namespace

template <class Real>
std::unique_ptr<Gemm<Real>> make_gemm(Device& device) {
  return std::make_unique<CublasGemm<Real>>(device);
}

template std::unique_ptr<Gemm<float>> make_gemm(Device&);
template std::unique_ptr<Gemm<double>> make_gemm(Device&);

}  // namespace bridge::cuda
