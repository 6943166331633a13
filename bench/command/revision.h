#pragma once

#include <string_view>

namespace roundtrip {

/// The git revision this binary was built from: 12 hexadecimal digits, with "-dirty" after them where a tracked file had been changed;
/// "unknown" for a build outside a repository.
std::string_view revision();

/// The version of the release, as in the package.
std::string_view version_number();

}  // namespace roundtrip
