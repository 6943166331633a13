#pragma once

#include <string>

namespace mpc {

/// Where in the source a round was asked for; a default argument fills it in.
struct CallSite {
  const char* file = "";
  int line = 0;
  std::string text() const { return std::string(file) + ':' + std::to_string(line); }
};

}  // namespace mpc
