#include "protocols/graph/text_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "mpc/error.h"

namespace protocols {
namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 18;

bool starts_like_gzip(std::span<const char> bytes) { return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b'; }

}  // namespace

struct TextSource::Inflater {
  Inflater() {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream, gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
  bool between_members = false;  // a gzip file is one compressed member or several
};

TextSource::TextSource(std::string path) : path_(std::move(path)), block_(std::make_unique<char[]>(block_bytes)) {
  file_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) throw mpc::InputError(fmt::format("{}: expected a file that can be read: {}", path_, std::strerror(errno)));
  try {
    struct stat about {};
    if (fstat(file_, &about) != 0) throw mpc::Fault(fmt::format("{}: {}", path_, std::strerror(errno)));
    if (S_ISDIR(about.st_mode)) throw mpc::InputError(fmt::format("{}: expected a file, found a directory", path_));
    regular_ = S_ISREG(about.st_mode);
    size_ = static_cast<std::uint64_t>(about.st_size);
    refill();
    if (starts_like_gzip(pending_)) {
      inflater_ = std::make_unique<Inflater>();
    } else if (path_.ends_with(".gz")) {
      throw mpc::InputError(
          fmt::format("{}: expected gzip data, as the name says, found {}", path_, pending_.empty() ? "an empty file" : "other data"));
    }
  } catch (...) {
    close(file_);
    throw;
  }
}

TextSource::~TextSource() { close(file_); }

std::size_t TextSource::read(std::span<char> into) {
  if (inflater_) return inflate_into(into);
  const auto from_block = std::min(pending_.size(), into.size());
  std::copy_n(pending_.begin(), from_block, into.begin());
  pending_ = pending_.subspan(from_block);
  return from_block + read_file(into.subspan(from_block));
}

std::optional<std::uint64_t> TextSource::plain_bytes() const {
  // Files that the system makes up say that they are empty.
  if (!regular_ || size_ == 0 || inflater_) return {};
  return size_;
}

void TextSource::seek(std::uint64_t offset) {
  pending_ = {};
  taken_ = offset;
  if (lseek(file_, static_cast<off_t>(offset), SEEK_SET) < 0) {
    throw mpc::Fault(fmt::format("{}: byte {} cannot be reached: {}", path_, offset, std::strerror(errno)));
  }
}

std::size_t TextSource::read_file(std::span<char> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto got = ::read(file_, into.data() + done, into.size() - done);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw mpc::Fault(fmt::format("{}: reading failed after {} bytes: {}", path_, taken_, std::strerror(errno)));
    done += static_cast<std::size_t>(got);
    taken_ += static_cast<std::size_t>(got);
  }
  return done;
}

bool TextSource::refill() {
  if (pending_.empty()) pending_ = {block_.get(), read_file({block_.get(), block_bytes})};
  return !pending_.empty();
}

std::size_t TextSource::inflate_into(std::span<char> into) {
  auto& stream = inflater_->stream;
  std::size_t done = 0;
  while (done < into.size()) {
    const bool more = refill();
    const auto offset = taken_ - pending_.size();
    if (inflater_->between_members) {
      if (!more) break;
      // The two bytes of a member's start may lie in two blocks, so the first one decides here, and zlib checks both.
      if (pending_.front() != '\x1f') {
        throw mpc::InputError(fmt::format("{}: expected the end of the file after the gzip data, found more at byte {}", path_, offset));
      }
      inflateReset(&stream);
      inflater_->between_members = false;
    }
    if (!more)
      throw mpc::InputError(
          fmt::format("{}: gzip data is cut short: expected more, found the end of the file after byte {}", path_, offset));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(pending_.data()));
    stream.avail_in = static_cast<uInt>(pending_.size());
    const auto room = std::min<std::size_t>(into.size() - done, std::size_t{1} << 30);
    stream.next_out = reinterpret_cast<Bytef*>(into.data() + done);
    stream.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream, Z_NO_FLUSH);
    pending_ = pending_.last(stream.avail_in);
    done += room - stream.avail_out;
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (code == Z_STREAM_END) {
      inflater_->between_members = true;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      throw mpc::InputError(fmt::format("{}: gzip data is damaged near byte {}: expected valid data, found {}", path_,
                                        taken_ - pending_.size(), stream.msg != nullptr ? stream.msg : "an unknown block"));
    }
  }
  return done;
}

}  // namespace protocols
