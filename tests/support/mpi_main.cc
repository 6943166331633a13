#include <fmt/core.h>
#include <gtest/gtest.h>

#include "mpc/transport/mpi.h"

#include "tests/support/world.h"

namespace {

mpc::Ranks* the_world = nullptr;

/// Failures of the ranks whose progress is not shown.
class PrintFailures final : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    fmt::print(stderr, "rank {}: {}:{}: {}\n", the_world->rank(), result.file_name() == nullptr ? "?" : result.file_name(),
               result.line_number(), result.message());
  }
};

}  // namespace

namespace tests {
mpc::Ranks& world() { return *the_world; }
}  // namespace tests

/// Runs the tests on every rank; failures anywhere fail the run. Ends with the line that mpi_test.sh asks for.
int main(int argc, char** argv) {
  mpc::MpiSession session(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  auto& ranks = session.ranks();
  the_world = &ranks;
  if (ranks.rank() != 0) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new PrintFailures);
  }
  int failed = RUN_ALL_TESTS();
  mpc::MpiTransport transport(ranks);
  mpc::Word ok = failed == 0;
  transport.minimum(std::span(&ok, 1));
  if (ranks.rank() == 0) {
    fmt::print("[ RANKS ] {} tests on {} ranks, {} failed\n", testing::UnitTest::GetInstance()->successful_test_count(), ranks.size(),
               ok ? 0 : 1);
  }
  return ok ? 0 : 1;
}
