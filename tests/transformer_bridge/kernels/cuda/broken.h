#pragma once

#include "transformer_bridge/kernels/cuda/kl.h"

/// Kernels that break one rule each: what the simulator is for. Blocks of 64 threads, x and out [64].
namespace tests::broken {

void barrier_in_a_branch(const float* x, float* out);
void barriers_at_two_lines(const float* x, float* out);
void lane_missing(const float* x, float* out);
void lane_not_in_its_mask(const float* x, float* out);
void read_of_an_exited_lane(const float* x, float* out);
void too_many_threads(const float* x, float* out);
void no_blocks(const float* x, float* out);
void too_much_shared_memory(const float* x, float* out);
void order_of_arrival(const float* x, float* out);

// For the tracer; with AddressSanitizer the first ends the program.
void out_of_bounds(const float* x, float* out);
void uninitialised(const float* x, float* out);
void race_in_a_block(const float* x, float* out);
void race_in_a_warp(const float* x, float* out);
void race_between_blocks(const float* x, float* out);
void host_memory(const float* x, float* out);

}  // namespace tests::broken
