#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "transformer_bridge/formats/mapped_file.h"
#include "transformer_bridge/transformer/matrix.h"

namespace bridge {

/// A safetensors file: named tensors, row-major and little-endian, and texts about them. What it says of itself is checked in full when it
/// is opened: a header of at most 100,000,000 bytes that is one JSON object, spaces after it, no key twice; known dtypes, at most 8
/// dimensions, sizes in bytes as of dtype and shape; and tensors that fill the rest of the file without a hole and without an overlap.
/// Tensors without values and without dimensions are taken. Every error is an mpc::InputError that begins with the path.
class SafetensorsFile {
 public:
  struct Tensor {
    std::string dtype;  ///< as the file names it: "F32"
    std::vector<std::size_t> shape;
    std::size_t offset = 0, bytes = 0;  ///< where it lies behind the header
  };

  /// Maps the file: values are read from the disk when they are asked for.
  explicit SafetensorsFile(const std::string& path);
  /// The bytes of a file, which must outlive this; `path` is for errors.
  SafetensorsFile(std::span<const std::byte> bytes, const std::string& path);

  const std::string& path() const { return path_; }
  /// By name.
  const std::map<std::string, Tensor, std::less<>>& tensors() const { return tensors_; }
  /// The header's "__metadata__".
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// The tensor's values, one row after the other, if it has this shape and a dtype of F64, F32, F16 and BF16; otherwise the error says
  /// what was expected. Float holds all but F64 exactly, which is rounded, beyond its range to infinity. Compiled for float and double.
  template <class Real>
  std::vector<Real> values(const std::string& name, const std::vector<std::size_t>& shape) const;

  /// The same of shape [rows, columns].
  template <class Real>
  Matrix<Real> matrix(const std::string& name, std::size_t rows, std::size_t columns) const;

 private:
  void open(std::span<const std::byte> bytes);
  void check_layout(std::size_t value_bytes) const;
  const Tensor& expect(const std::string& name, const std::vector<std::size_t>& shape) const;
  template <class Real>
  void read(const Tensor& tensor, std::span<Real> into) const;

  std::string path_;
  MappedFile file_;
  std::span<const std::byte> values_;  // behind the header
  std::map<std::string, Tensor, std::less<>> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// A tensor to write, F32 or F64: values [product of the shape], which must live until it is written.
struct TensorToWrite {
  std::string name;
  std::vector<std::size_t> shape;
  std::variant<std::span<const float>, std::span<const double>> values;
};

/// Writes a safetensors file that SafetensorsFile takes; it appears under its name only when it is complete. The bytes do not depend on the
/// order of the tensors. Throws mpc::Fault, with the path and the reason, if it cannot be written.
void write_safetensors(const std::string& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace bridge
