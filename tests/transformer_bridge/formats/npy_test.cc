#include "transformer_bridge/formats/npy.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/temporary_folder.h"
#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using tests::refusal;
using namespace std::string_literals;

class Npy : public testing::Test {
 protected:
  std::string bytes() const { return tests::bytes_of(path); }
  /// What the file should be: its description is padded to `length` bytes.
  static std::string file(std::string description, char length, const std::string& values) {
    description.resize(static_cast<std::size_t>(length) - 1, ' ');
    return "\x93NUMPY\x01\x00"s + length + '\0' + description + "\n" + values;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
  }

  const tests::TemporaryFolder temporary;
  const std::filesystem::path& folder = temporary.path();
  const std::string path = folder / "x.npy";
};

TEST_F(Npy, IsExact) {
  write_npy<double>(path, std::vector<double>{1, -2, 0.5}, {3});
  EXPECT_EQ(bytes(), file("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", 118,
                          "\0\0\0\0\0\0\xf0\x3f"
                          "\0\0\0\0\0\0\0\xc0"
                          "\0\0\0\0\0\0\xe0\x3f"s));
  write_npy(path, Matrix<float>{{1, 2}, {-0.5, 0}, {3, 4}});
  EXPECT_EQ(bytes(), file("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 118,
                          "\0\0\x80\x3f\0\0\0\x40\0\0\0\xbf\0\0\0\0\0\0\x40\x40\0\0\x80\x40"s));
  write_npy<std::uint64_t>(path, std::vector<std::uint64_t>{0x0123456789abcdef}, {1, 1, 1});
  EXPECT_EQ(bytes(), file("{'descr': '<u8', 'fortran_order': False, 'shape': (1, 1, 1), }", 118, "\xef\xcd\xab\x89\x67\x45\x23\x01"));
  EXPECT_EQ(files(), 1);
}

TEST_F(Npy, TakesAnyShape) {
  write_npy<double>(path, {}, {0});
  EXPECT_EQ(bytes(), file("{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }", 118, ""));
  write_npy(path, Matrix<float>(0, 3));
  EXPECT_EQ(bytes(), file("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", 118, ""));
  write_npy<double>(path, std::vector<double>{1}, {});
  EXPECT_EQ(bytes(), file("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 118, "\0\0\0\0\0\0\xf0\x3f"s));
}

TEST_F(Npy, ValuesBeginAtAMultipleOf64) {
  std::vector<std::size_t> shape;
  std::size_t lengths = 0, last = 0;
  for (int dimensions = 0; dimensions < 80; ++dimensions) {
    write_npy<double>(path, std::vector<double>{1}, shape);
    const auto whole = bytes();
    ASSERT_GT(whole.size(), 18);
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(whole[8]) + 256 * static_cast<unsigned char>(whole[9]));
    EXPECT_EQ((10 + length) % 64, 0);
    EXPECT_EQ(whole.size(), 10 + length + sizeof(double));
    EXPECT_EQ(whole[10 + length - 1], '\n');
    // No more blanks than it takes, so the last 64 bytes of the header are not all blanks.
    EXPECT_LT(whole.size() - sizeof(double) - 2 - whole.find('}'), 64);
    lengths += length != last;
    last = length;
    shape.push_back(1);
  }
  EXPECT_EQ(lengths, 4);  // 118, 182, 246, 310: the last takes two bytes
}

TEST_F(Npy, AValueCountThatDoesNotFitIsRefused) {
  EXPECT_EQ(refusal([&] {
              write_npy<double>(path, std::vector<double>(5), {2, 3});
            }),
            "fault: " + path + ": cannot be written: the shape (2, 3) has 6 values, and there are 5");
  EXPECT_EQ(refusal([&] { write_npy<double>(path, std::vector<double>(1), std::vector<std::size_t>(30000, 1)); }),
            "fault: " + path + ": cannot be written: too many dimensions for its header");
  EXPECT_EQ(files(), 0);
}

TEST_F(Npy, APathThatCannotBeWrittenIsRefused) {
  const auto missing = (folder / "no" / "x.npy").string();
  EXPECT_EQ(refusal([&] { write_npy(missing, Matrix<double>(2, 2)); }),
            "fault: " + missing + ": cannot be written: No such file or directory");
  EXPECT_EQ(refusal([&] { write_npy(folder.string(), Matrix<double>(2, 2)); }),
            "fault: " + folder.string() + ": cannot be written: Is a directory");
  EXPECT_EQ(refusal([&] { write_npy("/dev/full", Matrix<double>(2, 2)); }), "fault: /dev/full: cannot be written: No space left on device");
}

TEST_F(Npy, AFailureLeavesWhatWasThere) {
  std::ofstream(path) << "old";
  // Room for the header, and for some of the values.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto text = refusal([&] { write_npy(path, Matrix<double>(100, 100)); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(text, "fault: " + path + ": cannot be written: File too large");
  EXPECT_EQ(bytes(), "old");
  EXPECT_EQ(files(), 1);
}

}  // namespace
}  // namespace bridge
