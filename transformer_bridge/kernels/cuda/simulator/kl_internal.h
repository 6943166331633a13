#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "transformer_bridge/kernels/cuda/simulator/kl_sim.h"

/// What the simulator (kl_sim.cc) shows to the tracer (kl_trace.cc).
namespace kl::sim {

/// The thread that runs now, and what it has synchronised with: the barriers it has passed, and of each lane of its warp the latest
/// interval between __syncwarps that is known to have ended.
struct Here {
  std::uint64_t launch = 0;
  int block = 0, thread = 0;
  unsigned epoch = 0;
  std::array<unsigned, 32> clock{};

  int warp() const { return thread / 32; }
  int lane() const { return thread % 32; }
};
/// nullptr outside a kernel, and within the simulator.
const Here* here();
/// The running thread is within the simulator, whose own accesses are not the kernel's: it may share instrumented functions with the
/// kernels, those of std::string for example.
class Inside {
 public:
  Inside();
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

struct Access {
  int block = -1, thread = -1;
  unsigned epoch = 0, clock = 0;
  const void* from = nullptr;  ///< the instruction
  unsigned bytes = 0;          ///< of the cell, as bits
  bool atomic = false;

  int warp() const { return thread / 32; }
  int lane() const { return thread % 32; }
};
/// The history of four bytes. The latest reader, the latest other thread and the latest other warp are enough to see a race with any
/// later writer.
struct Cell {
  std::uint64_t launch = 0;
  Access write;
  std::array<Access, 3> read;
  unsigned initialised = 0;  ///< bytes that a kernel has written, as bits
};

/// An allocation, or a shared array of the block that runs.
struct Region {
  static constexpr std::uintptr_t page_cells = 64;

  std::uintptr_t begin = 0, end = 0;
  std::string name;
  bool shared = false;
  std::map<std::uintptr_t, std::uintptr_t> host_wrote;  ///< begin: end, disjoint
  std::unordered_map<std::uintptr_t, std::unique_ptr<std::array<Cell, page_cells>>> pages;

  Cell& cell(std::uintptr_t word) {
    auto& page = pages[word / page_cells];
    if (!page) page = std::make_unique<std::array<Cell, page_cells>>();
    return (*page)[word % page_cells];
  }
  bool host_wrote_all(std::uintptr_t from, std::uintptr_t to) const {
    const auto after = host_wrote.upper_bound(from);
    return after != host_wrote.begin() && std::prev(after)->second >= to;
  }
};
/// nullptr: no memory of a kernel.
Region* region(std::uintptr_t address);
/// Whether it is a local variable of some thread.
bool on_a_stack(std::uintptr_t address);
/// A violation; the kernel goes on.
void report(const std::string& text);
/// A violation that ends the kernel.
[[noreturn]] void die(const std::string& text);
/// A block has ended: the tracer counts what it moved. Null without the tracer.
using BlockEnded = void (*)(const std::string& kernel);
void at_block_end(BlockEnded ended);

}  // namespace kl::sim
