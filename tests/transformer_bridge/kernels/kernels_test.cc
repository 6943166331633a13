#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "transformer_bridge/kernels/reference_kernels.h"

#include "tests/transformer_bridge/kernels/suite.h"

namespace {

/// One check of the suite on one of the kernels.
template <class Real>
class CheckTest : public testing::Test {
 public:
  CheckTest(std::shared_ptr<bridge::Kernels<Real>> kernels, tests::KernelCheck<Real> check) : kernels_(std::move(kernels)), check_(check) {}
  void TestBody() override { check_.run(*kernels_, {}); }

 private:
  std::shared_ptr<bridge::Kernels<Real>> kernels_;
  tests::KernelCheck<Real> check_;
};

template <class Real>
void register_checks(const std::string& name, const std::shared_ptr<bridge::Kernels<Real>>& kernels) {
  for (const auto& check : tests::kernel_checks<Real>()) {
    testing::RegisterTest(name.c_str(), check.name, nullptr, nullptr, __FILE__, __LINE__,
                          [=] { return new CheckTest<Real>(kernels, check); });
  }
}

const bool registered = [] {
  register_checks<float>("ReferenceFloat", std::make_shared<bridge::ReferenceKernels<float>>());
  register_checks<double>("ReferenceDouble", std::make_shared<bridge::ReferenceKernels<double>>());
  return true;
}();

}  // namespace
