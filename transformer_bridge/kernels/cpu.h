#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "transformer_bridge/kernels/kernels.h"

/// Kernels of the program's own memory: own loops in the instructions of the processor, on threads of their own. For
/// one caller at a time: they keep what they compute with for the next call.
namespace bridge {

/// What the loops are compiled for, the fastest last.
enum class InstructionSet { portable, avx2, avx512 };

/// Those that this processor has.
std::vector<InstructionSet> instruction_sets();

/// On so many threads, of which the caller is one; at least 1.
template <class Real>
std::unique_ptr<Kernels<Real>> cpu_kernels(std::size_t threads);
/// The same in these instructions. Throws mpc::UsageError where the processor lacks them.
template <class Real>
std::unique_ptr<Kernels<Real>> cpu_kernels(std::size_t threads, InstructionSet instructions);

}  // namespace bridge
