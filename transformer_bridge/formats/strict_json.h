#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

/// JSON as the readers of files take it. Only sources include this header: the package does without the JSON library.
namespace bridge {

/// The text as one JSON object. Throws mpc::InputError, "PATH: ...", a line of plain text, for text that is anything else or is not UTF-8,
/// for a key that is twice in an object at any depth, and for values nested more than 64 deep.
nlohmann::json parse_json_object(std::string_view text, const std::string& path);

/// A value as an error shows it: plain text, whatever bytes it holds, and not all of it if it is long.
std::string shown(const nlohmann::json& value);

}  // namespace bridge
