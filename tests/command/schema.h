#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tests {

using Json = nlohmann::json;

/// Keys of a JSON object and their types: u whole number, f number, s text, b true or false, o object, a array; ? may be null.
using Schema = std::vector<std::pair<std::string, std::string>>;

/// The object has these keys, of these types, and no others.
inline void expect_schema(const Json& json, const Schema& schema) {
  ASSERT_TRUE(json.is_object()) << json;
  EXPECT_EQ(json.size(), schema.size());
  for (const auto& [key, type] : schema) {
    ASSERT_TRUE(json.contains(key)) << key;
    const auto& value = json[key];
    const bool right = (type.ends_with('?') && value.is_null()) || (type[0] == 'u' && value.is_number_unsigned()) ||
                       (type[0] == 'f' && value.is_number()) || (type[0] == 's' && value.is_string()) ||
                       (type[0] == 'b' && value.is_boolean()) || (type[0] == 'o' && value.is_object()) ||
                       (type[0] == 'a' && value.is_array());
    EXPECT_TRUE(right) << key << ": " << value;
  }
}

}  // namespace tests
