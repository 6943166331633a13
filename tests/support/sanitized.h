#pragma once

namespace tests {

/// Whether sanitizers look on, for whom one case of a kind says as much as a hundred, and who use memory of their own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace tests
