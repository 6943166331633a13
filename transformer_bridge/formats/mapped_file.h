#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace bridge {

/// A file's bytes, mapped into memory for as long as this lives: read from the disk where they are first touched. A file that another
/// process shortens meanwhile ends this one.
class MappedFile {
 public:
  /// No bytes.
  MappedFile() = default;
  /// Throws mpc::InputError, with the path and the reason, if it is not a regular file that can be read.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace bridge
