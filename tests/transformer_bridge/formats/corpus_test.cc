#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/fuzz/format_bytes.h"
#include "tests/support/temporary_folder.h"

namespace bridge {
namespace {

/// What fuzzing found worth keeping, and what it started from.
template <class Fault>
void replay(const char* folder, Fault&& fault_of) {
  std::size_t files = 0, accepted = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(TEST_CORPUS) / folder)) {
    bool taken = false;
    EXPECT_EQ(fault_of(tests::bytes_of(entry.path()), taken), "") << entry.path();
    ++files;
    accepted += taken ? 1 : 0;
  }
  EXPECT_GT(files, 20);
  EXPECT_GT(accepted, 5);
  EXPECT_GT(files - accepted, 10);
}

TEST(FormatsCorpus, Safetensors) {
  replay("safetensors", [](const std::string& bytes, bool& taken) { return tests::fault_of_safetensors(bytes, &taken); });
}

/// They go on to what is behind the header's length.
TEST(FormatsCorpus, SafetensorsWithTheRightLength) {
  replay("safetensors",
         [](const std::string& bytes, bool& taken) { return tests::fault_of_safetensors(tests::with_length(bytes), &taken); });
}

TEST(FormatsCorpus, Config) {
  replay("config", [](const std::string& text, bool& taken) { return tests::fault_of_config(text, &taken); });
}

}  // namespace
}  // namespace bridge
