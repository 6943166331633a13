#pragma once

#include <string>
#include <string_view>

struct gzFile_s;

namespace protocols {

/// When a regular file appears under its name.
enum class Appears {
  complete,  ///< when it is closed, and not at all if it never is
  at_once,   ///< empty, and then with every write
};

/// A text file to write: plain, or gzip if the path ends in ".gz"; "-" is standard output. Every failure is an mpc::Fault with the path and
/// the reason.
class TextSink {
 public:
  explicit TextSink(const std::string& path, Appears appears = Appears::complete);
  /// Removes what was written if close() was not called, unless it appeared at once.
  ~TextSink();
  TextSink(const TextSink&) = delete;
  TextSink& operator=(const TextSink&) = delete;

  void write(std::string_view text);
  void close();

 private:
  void write_plain(std::string_view text);
  [[noreturn]] void fail(int error) const;

  std::string path_, temporary_;  // no temporary: written in place
  Appears appears_;
  int file_ = -1;
  gzFile_s* gzip_ = nullptr;
};

}  // namespace protocols
