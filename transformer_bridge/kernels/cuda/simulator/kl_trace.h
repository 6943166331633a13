#pragma once

#include <cstdint>
#include <string>

/// What the tracer (kl_trace.cc) has counted.
namespace kl::sim {

/// What the first blocks of every launch have moved, of all kernels with a word in their name; sectors are 32 bytes.
struct Traffic {
  std::uint64_t sectors = 0, ideal_sectors = 0;              ///< of global memory
  std::uint64_t shared_passes = 0, ideal_shared_passes = 0;  ///< over the 32 banks
};
Traffic traffic(const std::string& kernel);
/// Counts from 0 again.
void forget_traffic();
/// The same by line of the source, on stdout.
void print_traffic();

}  // namespace kl::sim
