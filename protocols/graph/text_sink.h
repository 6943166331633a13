#pragma once

#include <string>
#include <string_view>

struct gzFile_s;

namespace protocols {

/// A text file to write: plain, or gzip if the path ends in ".gz"; "-" is standard output. A regular file appears under its name only when
/// it is complete. Every failure is an mpc::Fault with the path and the reason.
class TextSink {
 public:
  explicit TextSink(const std::string& path);
  /// Removes what was written if close() was not called.
  ~TextSink();
  TextSink(const TextSink&) = delete;
  TextSink& operator=(const TextSink&) = delete;

  void write(std::string_view text);
  void close();

 private:
  void write_plain(std::string_view text);
  [[noreturn]] void fail(int error) const;

  std::string path_, temporary_;  // no temporary: written in place
  int file_ = -1;
  gzFile_s* gzip_ = nullptr;
};

}  // namespace protocols
