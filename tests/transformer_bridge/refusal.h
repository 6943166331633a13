#pragma once

#include <exception>
#include <string>

#include "mpc/error.h"

namespace tests {

/// How work() was refused: "usage: text", "input: text" or "fault: text", or what else became of it.
template <class Work>
std::string refusal(Work&& work) {
  try {
    work();
  } catch (const mpc::Error& error) {
    const auto exit = error.exit();
    const auto* kind = exit == mpc::Exit::usage       ? "usage: "
                       : exit == mpc::Exit::bad_input ? "input: "
                       : exit == mpc::Exit::fault     ? "fault: "
                                                      : "? ";
    return std::string(kind) + error.what();
  } catch (const std::exception& error) {
    return std::string("an exception: ") + error.what();
  }
  return "not refused";
}

}  // namespace tests
