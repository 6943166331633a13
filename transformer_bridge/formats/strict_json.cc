#include "transformer_bridge/formats/strict_json.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <vector>

#include <fmt/core.h>

#include "transformer_bridge/formats/refuse.h"

namespace bridge {
namespace {

using Json = nlohmann::json;

constexpr int deepest = 64;  // values may be printed, by recursion

std::string shortened(const std::string& text, std::size_t longest) {
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

/// What the library says quotes the file, as it stands there.
std::string plain(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

std::string shown(const Json& value) { return shortened(value.dump(-1, ' ', true, Json::error_handler_t::replace), 60); }

Json parse_json_object(std::string_view text, const std::string& path) {
  // To the library this is the end of the text, whatever follows.
  if (text.find('\0') != std::string_view::npos) refuse(path, fmt::format("expected JSON: byte {} is zero", text.find('\0')));
  // It keeps the last of two values under one key; here that is an error.
  std::vector<std::set<std::string>> keys;
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > deepest) refuse(path, fmt::format("expected values nested at most {} deep", deepest));
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      refuse(path, fmt::format("{} is there twice", shown(parsed)));
    }
    return true;
  };
  Json root;
  try {
    root = Json::parse(text, callback);
  } catch (const Json::exception& error) {
    refuse(path, fmt::format("expected JSON: {}", plain(shortened(error.what(), 200))));
  }
  if (!root.is_object()) refuse(path, fmt::format("expected a JSON object, got {}", root.type_name()));
  return root;
}

}  // namespace bridge
