#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "transformer_bridge/kernels/kernels.h"
#include "transformer_bridge/transformer/row_function.h"

namespace bridge {

/// Arrays of a device for what lives during a call: given back, they serve the next call, so that in the long run none is allocated.
template <class Real>
class Workspace {
 public:
  explicit Workspace(Memory& memory) : memory_(&memory) {}

  /// An array while it is in scope.
  class Scratch {
   public:
    Scratch(Workspace& workspace, std::size_t size) : workspace_(workspace), array_(workspace.take(size)), size_(size) {}
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { workspace_.free_.push_back(std::move(array_)); }
    std::span<Real> span() { return array_.span().first(size_); }

   private:
    Workspace& workspace_;
    Array<Real> array_;
    std::size_t size_;
  };

 private:
  Array<Real> take(std::size_t size) {
    for (auto& array : free_) {
      if (array.size() < size) continue;
      std::swap(array, free_.back());
      auto taken = std::move(free_.back());
      free_.pop_back();
      return taken;
    }
    return Array<Real>(*memory_, size);
  }

  Memory* memory_;
  std::vector<Array<Real>> free_;
};

/// Where in a transformer a row function stands, for errors.
struct Place {
  std::size_t layer = 0;
  const char* part = "";
  std::string text() const;  ///< "layer 3, after"
};

/// A row function whose weights lie on a device.
template <class Real>
class DeviceRows {
 public:
  /// The function has been checked, and outlives this.
  DeviceRows(const RowFunction<Real>& function, const Kernels<Real>& kernels);

  std::size_t in() const { return function_->in(); }
  std::size_t out() const { return function_->out(); }

  /// out = f(x) + residual, for the tokens from `first` on. Errors as of RowFunction::apply.
  ///   x [n, in()], residual [n, out()] or empty, out [n, out()], none of them the same
  void apply(std::size_t first, std::size_t n, std::span<const Real> x, std::span<const Real> residual, std::span<Real> out,
             Workspace<Real>& workspace, const Place& place) const;

 private:
  // From step i on, of an Mlp's linear maps or of a Sequence.
  void linears_from(std::size_t i, std::size_t first, std::size_t n, std::span<const Real> x, std::span<const Real> residual,
                    std::span<Real> out, Workspace<Real>& workspace) const;
  void steps_from(std::size_t i, std::size_t first, std::size_t n, std::span<const Real> x, std::span<const Real> residual,
                  std::span<Real> out, Workspace<Real>& workspace, const Place& place) const;
  void embed(const Embedding<Real>& embedding, std::size_t first, std::size_t n, std::span<const Real> x, std::span<Real> out,
             const Place& place) const;
  /// What has no weights runs where the program runs.
  void call(std::size_t first, std::size_t n, std::span<const Real> x, std::span<Real> out, const Place& place) const;

  const RowFunction<Real>* function_;
  const Kernels<Real>* kernels_;
  std::vector<std::unique_ptr<PackedLinear<Real>>> linears_;  // of a Linear or an Mlp
  std::vector<Array<Real>> arrays_;                           // gain and bias, or table and positions
  std::vector<DeviceRows> steps_;                             // of a Sequence
};

}  // namespace bridge
