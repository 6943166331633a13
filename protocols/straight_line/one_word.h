#pragma once

namespace protocols {

/// A machine's word.
template <class Word>
struct OneWord {
  static constexpr const char* name = "machine";
  static constexpr const char* names[] = {"value"};
  Word value{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& value;
  }
};

}  // namespace protocols
