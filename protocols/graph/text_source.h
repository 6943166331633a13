#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace protocols {

/// The text of a file, plain or gzip, in blocks. A file is gzip if it starts like one; if its name ends in ".gz" it has to.
class TextSource {
 public:
  /// Throws mpc::InputError if there is no such file, or it is not one that can be read.
  explicit TextSource(std::string path);
  ~TextSource();
  TextSource(const TextSource&) = delete;
  TextSource& operator=(const TextSource&) = delete;

  /// Fills `into` and returns the bytes read: fewer only at the end of the text. Throws mpc::InputError for gzip data that is damaged,
  /// cut short or followed by something else, and mpc::Fault if the file cannot be read on.
  std::size_t read(std::span<char> into);

 private:
  struct Inflater;

  std::size_t read_file(std::span<char> into);
  std::size_t inflate_into(std::span<char> into);
  bool refill();

  std::string path_;
  int file_ = -1;
  std::size_t taken_ = 0;               // bytes of the file read so far
  std::unique_ptr<char[]> block_;       // of the file
  std::span<const char> pending_;       // the part of block_ not used yet
  std::unique_ptr<Inflater> inflater_;  // null for plain text
};

}  // namespace protocols
