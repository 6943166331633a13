#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/kernels/cpu/loops.h"
#include "transformer_bridge/kernels/reference_kernels.h"

#include "tests/transformer_bridge/kernels/suite.h"

namespace {

/// One check of the suite on one of the kernels.
template <class Real>
class CheckTest : public testing::Test {
 public:
  CheckTest(std::shared_ptr<bridge::Kernels<Real>> kernels, tests::KernelCheck<Real> check, tests::KernelSizes sizes)
      : kernels_(std::move(kernels)), check_(check), sizes_(std::move(sizes)) {}
  void TestBody() override { check_.run(*kernels_, sizes_); }

 private:
  std::shared_ptr<bridge::Kernels<Real>> kernels_;
  tests::KernelCheck<Real> check_;
  tests::KernelSizes sizes_;
};

template <class Real>
void register_checks(const std::string& name, std::shared_ptr<bridge::Kernels<Real>> kernels, const tests::KernelSizes& sizes) {
  for (const auto& check : tests::kernel_checks<Real>()) {
    testing::RegisterTest((name + (sizeof(Real) == 4 ? "Float" : "Double")).c_str(), check.name, nullptr, nullptr, __FILE__, __LINE__,
                          [=] { return new CheckTest<Real>(kernels, check, sizes); });
  }
}

template <class Real>
void register_all() {
  const tests::KernelSizes full;
  auto fewer = full;
  std::erase(fewer.tokens, 4097);
  auto few = fewer;
  few.tokens.back() = 200;
  register_checks<Real>("Reference", std::make_shared<bridge::ReferenceKernels<Real>>(), full);
  const auto sets = bridge::instruction_sets();
  for (const auto set : sets) {
    register_checks<Real>(std::string("Cpu_") + bridge::cpu::loops_for<Real>(set).name + "_1_", bridge::cpu_kernels<Real>(1, set),
                          set == sets.back() ? full : fewer);
  }
  for (const std::size_t threads : {2, 3, 4}) {
    register_checks<Real>("Cpu_" + std::to_string(threads) + "_", bridge::cpu_kernels<Real>(threads), few);
  }
}

const bool registered = [] {
  register_all<float>();
  register_all<double>();
  return true;
}();

}  // namespace
