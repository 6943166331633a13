#include "mpc/checkpoint/word_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mpc/error.h"

namespace mpc {
namespace {

constexpr std::size_t buffer_words = std::size_t{1} << 17;

[[noreturn]] void fail(const char* what, const std::filesystem::path& path) {
  throw Fault(fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

void write_all(int file, const char* bytes, std::size_t count, const std::filesystem::path& path) {
  while (count != 0) {
    const auto written = ::write(file, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path);
    bytes += written;
    count -= static_cast<std::size_t>(written);
  }
}

int create(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) fail("create", path);
  return file;
}

/// Closes what is left open when an error leaves.
class Descriptor {
 public:
  explicit Descriptor(int file) : file_(file) {}
  ~Descriptor() {
    if (file_ >= 0) ::close(file_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return file_; }
  /// On the disk, and closed.
  void finish(const std::filesystem::path& path) {
    if (::fsync(file_) != 0) fail("write", path);
    if (::close(std::exchange(file_, -1)) != 0) fail("write", path);
  }

 private:
  int file_;
};

}  // namespace

Word checksum_of(std::string_view text) {
  std::vector<Word> words((text.size() + sizeof(Word) - 1) / sizeof(Word) + 1);
  std::memcpy(words.data(), text.data(), text.size());
  words.back() = text.size();
  Checksum checksum;
  checksum.add(words);
  return checksum.value();
}

WordFileWriter::WordFileWriter(std::filesystem::path path) : path_(std::move(path)), file_(create(path_)) {
  waiting_.reserve(buffer_words);
}

WordFileWriter::~WordFileWriter() {
  if (file_ >= 0) ::close(file_);
}

void WordFileWriter::write(std::span<const Word> words) {
  words_ += words.size();
  while (!words.empty()) {
    const auto some = std::min(words.size(), buffer_words - waiting_.size());
    waiting_.insert(waiting_.end(), words.begin(), words.begin() + static_cast<std::ptrdiff_t>(some));
    words = words.subspan(some);
    if (waiting_.size() == buffer_words) flush();
  }
}

void WordFileWriter::flush() {
  checksum_.add(waiting_);
  write_all(file_, reinterpret_cast<const char*>(waiting_.data()), waiting_.size() * sizeof(Word), path_);
  waiting_.clear();
}

Seal WordFileWriter::close() {
  flush();
  Descriptor(std::exchange(file_, -1)).finish(path_);
  return {words_, checksum_.value()};
}

WordFileReader::WordFileReader(std::filesystem::path path, std::uint64_t words) : path_(std::move(path)), words_(words) {
  file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) throw InputError(fmt::format("{}: {}", path_.string(), std::strerror(errno)));
  struct stat about {};
  const bool known = ::fstat(file_, &about) == 0;
  const auto bytes = words * sizeof(Word);
  if (known && static_cast<std::uint64_t>(about.st_size) == bytes) return;
  ::close(std::exchange(file_, -1));
  if (!known) fail("read", path_);
  throw InputError(fmt::format("{}: has {} bytes; {} were written", path_.string(), about.st_size, bytes));
}

WordFileReader::~WordFileReader() {
  if (file_ >= 0) ::close(file_);
}

void WordFileReader::read(std::uint64_t begin, std::span<Word> to) const {
  auto* bytes = reinterpret_cast<char*>(to.data());
  auto count = to.size_bytes();
  auto at = begin * sizeof(Word);
  while (count != 0) {
    const auto got = ::pread(file_, bytes, count, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", path_);
    if (got == 0) throw InputError(fmt::format("{}: ends after {} bytes", path_.string(), at));
    bytes += got;
    at += static_cast<std::uint64_t>(got);
    count -= static_cast<std::size_t>(got);
  }
}

Word WordFileReader::checksum() const {
  Checksum checksum;
  std::vector<Word> some(static_cast<std::size_t>(std::min<std::uint64_t>(words_, buffer_words)));
  for (std::uint64_t at = 0; at < words_; at += some.size()) {
    some.resize(static_cast<std::size_t>(std::min<std::uint64_t>(words_ - at, some.size())));
    read(at, some);
    checksum.add(some);
  }
  return checksum.value();
}

void verify(const std::filesystem::path& path, const Seal& seal) {
  if (const auto checksum = WordFileReader(path, seal.words).checksum(); checksum != seal.checksum) {
    throw InputError(fmt::format("{}: has the checksum {:016x}; {:016x} was written", path.string(), checksum, seal.checksum));
  }
}

void write_durably(const std::filesystem::path& path, std::string_view text) {
  Descriptor file(create(path));
  write_all(file.get(), text.data(), text.size(), path);
  file.finish(path);
}

void settle_folder(const std::filesystem::path& folder) {
  const Descriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0) fail("write", folder);
}

}  // namespace mpc
