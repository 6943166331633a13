#include "transformer_bridge/kernels/device.h"

#include <string>
#include <vector>

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/cuda/module.h"

#include "tests/support/threaded_ranks.h"
#include "tests/transformer_bridge/kernels/suite.h"

namespace tests {
namespace {

using bridge::DeviceChoice;

/// What each of three ranks decides, when these are their reasons against CUDA; an exception is its text.
std::vector<std::string> decisions(DeviceChoice choice, const std::vector<std::string>& why_not) {
  return ThreadedRanks::results(static_cast<int>(why_not.size()), [&](mpc::Ranks& ranks) -> std::string {
    try {
      const auto decision = bridge::choose_device(ranks, choice, why_not[static_cast<std::size_t>(ranks.rank())]);
      return (decision.cuda ? "cuda " : "cpu ") + decision.why_no_cuda;
    } catch (const mpc::UsageError& error) {
      return error.what();
    }
  });
}

TEST(ChooseDevice, AllRanksTakeTheSame) {
  const std::vector<std::string> all(3), one{"", "no device", ""}, two{"", "no device", "no driver"};
  EXPECT_EQ(decisions(DeviceChoice::automatic, all), std::vector<std::string>(3, "cuda "));
  EXPECT_EQ(decisions(DeviceChoice::automatic, one), std::vector<std::string>(3, "cpu no device"));
  EXPECT_EQ(decisions(DeviceChoice::automatic, two), std::vector<std::string>(3, "cpu no device"));
  EXPECT_EQ(decisions(DeviceChoice::cuda, all), std::vector<std::string>(3, "cuda "));
  EXPECT_EQ(decisions(DeviceChoice::cuda, two), std::vector<std::string>(3, "--device cuda: rank 1 has none: no device"));
  EXPECT_EQ(decisions(DeviceChoice::cpu, two), std::vector<std::string>(3, "cpu "));
  EXPECT_EQ(decisions(DeviceChoice::cuda, {"no driver"}), std::vector<std::string>{"--device cuda: no driver"});
}

TEST(ChooseDevice, ThisComputer) {
  mpc::SingleRank alone;
  const auto decision = bridge::choose_device(alone, DeviceChoice::automatic);
  EXPECT_EQ(decision.cuda, bridge::why_no_cuda().empty());
  EXPECT_EQ(decision.why_no_cuda, bridge::why_no_cuda());
  if (decision.cuda) {
    EXPECT_EQ(bridge::make_cuda_kernels<float>(0)->describe().substr(0, 6), "cuda, ");
  } else {
    EXPECT_THROW(bridge::make_cuda_kernels<float>(0), mpc::UsageError);
    EXPECT_THROW(bridge::make_cuda_kernels<double>(0), mpc::UsageError);
    EXPECT_THROW(bridge::choose_device(alone, DeviceChoice::cuda), mpc::UsageError);
  }
}

#ifdef TEST_CUDA_MODULE
/// The module as it was built, with a driver or without one: it can be loaded, and asked.
TEST(CudaModule, CountsDevices) {
  auto* library = dlopen(TEST_CUDA_MODULE, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto get = reinterpret_cast<bridge::cuda::GetModule>(dlsym(library, bridge::cuda::get_module_name));
  ASSERT_NE(get, nullptr) << dlerror();
  const auto* module = get();
  EXPECT_STREQ(module->version, bridge::cuda::module_version);
  const auto [count, why_none] = module->count_devices();
  EXPECT_EQ(count > 0, why_none.empty()) << count << " devices, and: " << why_none;
  if (count == 0) {
    EXPECT_EQ(why_none.substr(0, 9), "cudaError");
    EXPECT_THROW(module->float_kernels(0), mpc::Fault);
    EXPECT_EQ(module->count_devices().why_none, why_none) << "asked again";
  }
}
#else
TEST(CudaModule, BuiltWithoutIt) { EXPECT_EQ(bridge::why_no_cuda(), "built without CUDA"); }
#endif

// Where there is a device, the suite of all kernels runs on it.
template <class Real>
class CheckTest : public testing::Test {
 public:
  explicit CheckTest(KernelCheck<Real> check) : check_(check) {}
  void TestBody() override { check_.run(*bridge::make_cuda_kernels<Real>(0), {}); }

 private:
  KernelCheck<Real> check_;
};

template <class Real>
void register_checks(const char* name) {
  for (const auto& check : kernel_checks<Real>())
    testing::RegisterTest(name, check.name, nullptr, nullptr, __FILE__, __LINE__, [=] { return new CheckTest<Real>(check); });
}

const bool registered = [] {
  if (!bridge::why_no_cuda().empty()) return false;
  register_checks<float>("CudaFloat");
  register_checks<double>("CudaDouble");
  return true;
}();

}  // namespace
}  // namespace tests
