#pragma once

#include <string>

namespace roundtrip {

/// `roundtrip list`: every protocol with its variants and what they declare.
std::string list();

}  // namespace roundtrip
