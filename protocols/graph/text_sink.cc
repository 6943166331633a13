#include "protocols/graph/text_sink.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>
#include <zlib.h>

#include "mpc/error.h"

namespace protocols {
namespace {

/// The file itself, if the path is a link to one: renaming would replace the link.
std::string behind_links(const std::string& path) {
  std::error_code none;
  const auto target = std::filesystem::canonical(path, none);
  return none ? path : target.string();
}

int error_of(gzFile file) {
  int code = Z_OK;
  gzerror(file, &code);
  return code == Z_ERRNO ? errno : EIO;
}

}  // namespace

TextSink::TextSink(const std::string& path, Appears appears) : path_(path), appears_(appears) {
  if (path_ == "-") {
    std::fflush(stdout);  // what was printed before comes first
    file_ = STDOUT_FILENO;
    return;
  }
  // Devices, pipes and directories are opened as they are: the last will refuse.
  std::error_code none;
  const auto status = std::filesystem::status(path_, none);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    file_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  } else if (appears == Appears::at_once) {
    file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  } else {
    path_ = behind_links(path_);
    temporary_ = fmt::format("{}.{}.partial", path_, getpid());
    file_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  if (file_ < 0) fail(errno);
  if (!path.ends_with(".gz")) return;
  gzip_ = gzdopen(file_, "wb");
  if (gzip_ == nullptr) {
    ::close(file_);
    fail(ENOMEM);
  }
}

TextSink::~TextSink() {
  if (gzip_ != nullptr) {
    gzclose(gzip_);
  } else if (file_ > STDERR_FILENO) {
    ::close(file_);
  }
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void TextSink::write(std::string_view text) {
  if (gzip_ == nullptr) return write_plain(text);
  while (!text.empty()) {
    const auto part = static_cast<unsigned>(std::min<std::size_t>(text.size(), std::size_t{1} << 30));
    if (gzwrite(gzip_, text.data(), part) <= 0) fail(error_of(gzip_));
    text.remove_prefix(part);
  }
  if (appears_ == Appears::at_once && gzflush(gzip_, Z_SYNC_FLUSH) != Z_OK) fail(error_of(gzip_));
}

void TextSink::write_plain(std::string_view text) {
  while (!text.empty()) {
    const auto done = ::write(file_, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(errno);
    text.remove_prefix(static_cast<std::size_t>(done));
  }
}

void TextSink::close() {
  if (gzip_ != nullptr) {
    const int code = gzclose(std::exchange(gzip_, nullptr));
    file_ = -1;
    if (code != Z_OK) fail(code == Z_ERRNO ? errno : EIO);
  } else if (file_ != STDOUT_FILENO && ::close(std::exchange(file_, -1)) != 0) {
    fail(errno);
  }
  if (temporary_.empty()) return;
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  temporary_.clear();
}

void TextSink::fail(int error) const {
  throw mpc::Fault(fmt::format("{}: cannot be written: {}", path_ == "-" ? "standard output" : path_, std::strerror(error)));
}

}  // namespace protocols
