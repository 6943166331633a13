#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace protocols {

/// A text that is read from front to back.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills `into` and returns the bytes read: fewer only at the end of the text.
  virtual std::size_t read(std::span<char> into) = 0;
  /// Goes on at this byte of the text, if the source can.
  virtual void seek(std::uint64_t offset) = 0;
};

/// The text of a file, plain or gzip, in blocks. A file is gzip if it starts like one; if its name ends in ".gz" it has to.
class TextSource final : public ByteSource {
 public:
  /// Throws mpc::InputError if there is no such file, or it is not one that can be read.
  explicit TextSource(std::string path);
  ~TextSource() override;
  TextSource(const TextSource&) = delete;
  TextSource& operator=(const TextSource&) = delete;

  /// Throws mpc::InputError for gzip data that is damaged, cut short or followed by something else, and mpc::Fault if the file cannot be
  /// read on.
  std::size_t read(std::span<char> into) override;

  /// The size of a plain file that can be read from any place; nothing for gzip data, pipes, and files that do not say their size.
  std::optional<std::uint64_t> plain_bytes() const;
  /// Only where there are plain_bytes(). Throws mpc::Fault.
  void seek(std::uint64_t offset) override;
  /// Whether opening the path again gives the same text from its start.
  bool reopens() const { return regular_; }

 private:
  struct Inflater;

  std::size_t read_file(std::span<char> into);
  std::size_t inflate_into(std::span<char> into);
  bool refill();

  std::string path_;
  int file_ = -1;
  bool regular_ = false;
  std::uint64_t size_ = 0;
  std::size_t taken_ = 0;               // bytes of the file read so far
  std::unique_ptr<char[]> block_;       // of the file
  std::span<const char> pending_;       // the part of block_ not used yet
  std::unique_ptr<Inflater> inflater_;  // null for plain text
};

}  // namespace protocols
