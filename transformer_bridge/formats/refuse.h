#pragma once

#include <string>

#include <fmt/core.h>

#include "mpc/error.h"

namespace bridge {

/// A file that cannot be taken: "PATH: WHAT".
[[noreturn]] inline void refuse(const std::string& path, const std::string& what) {
  throw mpc::InputError(fmt::format("{}: {}", path, what));
}

}  // namespace bridge
