#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temporary_folder.h"

namespace tests {

/// How a command ended.
struct Ended {
  int code = -1;
  std::string out, err;
  double seconds = 0;
};

inline std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// A test that runs programs, in an empty folder of its own.
class Command : public testing::Test {
 protected:
  /// Runs a line of bash in the folder; $roundtrip and $misbehaving are the programs. Killed after 100 seconds, with code 124.
  Ended bash(const std::string& line) const {
    const auto output = folder.string() + ".out";
    const auto errors = folder.string() + ".err";
    write_bytes(folder.string() + ".sh", std::string("source '") + TEST_SOURCE_DIR +
                                             "/bench/environment.sh'\n"
                                             "export ASAN_OPTIONS=\"${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0\"\n"  // Open MPI's own
                                             "roundtrip='" TEST_ROUNDTRIP "' misbehaving='" TEST_MISBEHAVING
                                             "'\n"
                                             "cd '" +
                                             folder.string() + "'\n" + line + "\n");
    const auto start = std::chrono::steady_clock::now();
    const auto status = std::system(
        ("timeout --kill-after=5 100 bash '" + folder.string() + ".sh' </dev/null >'" + output + "' 2>'" + errors + "'").c_str());
    Ended ended;
    ended.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ended.out = bytes_of(output);
    ended.err = bytes_of(errors);
    for (const auto* extension : {".out", ".err", ".sh"}) std::filesystem::remove(folder.string() + extension);
    return ended;
  }

  /// Runs the command; ranks 0: without mpirun.
  Ended roundtrip(const std::string& arguments, int ranks = 0) const { return bash(mpirun(ranks) + "\"$roundtrip\" " + arguments); }
  Ended misbehaving(const std::string& arguments, int ranks = 0) const { return bash(mpirun(ranks) + "\"$misbehaving\" " + arguments); }

  void write(const std::string& name, const std::string& text) const { write_bytes(folder / name, text); }
  std::string read(const std::string& name) const { return bytes_of(folder / name); }
  bool exists(const std::string& name) const { return std::filesystem::exists(folder / name); }

 private:
  TemporaryFolder temporary_;

 protected:
  const std::filesystem::path& folder = temporary_.path();

 private:
  static std::string mpirun(int ranks) { return ranks == 0 ? "" : "mpirun --oversubscribe -np " + std::to_string(ranks) + " "; }
};

/// The run ended with this code, and said why in one line, once.
inline void expect_refused(const Ended& ended, int code, const std::string& reason) {
  EXPECT_EQ(ended.code, code) << ended.err;
  EXPECT_EQ(occurrences(ended.err, "roundtrip: "), 1U) << ended.err;
  EXPECT_EQ(occurrences(ended.err, reason), 1U) << "wanted: " << reason << "\ngot: " << ended.err;
  EXPECT_EQ(ended.out, "");
}

}  // namespace tests
