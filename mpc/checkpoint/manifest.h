#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "mpc/checkpoint/word_file.h"
#include "mpc/machine.h"

namespace mpc {

/// What tells one run from another, as names and values: a checkpoint is resumed only by a run of which all are the same. Names are
/// distinct and hold no blanks, and neither holds line breaks.
using Identity = std::vector<std::pair<std::string, std::string>>;

/// What a checkpoint holds, as its file `manifest` says in lines of text; the last one is the checksum of those before it.
struct Manifest {
  static constexpr std::uint64_t format = 2;
  static constexpr const char* file_name = "manifest";
  static constexpr const char* history_name = "history";

  /// A file beside the manifest: the history, or a block of machines.
  struct File {
    std::string name;
    Seal seal;
    MachineBlock machines;  ///< none: the history
  };

  std::uint64_t round = 0;
  std::string written_by;  ///< for people
  Identity run;
  std::vector<File> files;

  std::string text() const;
  /// Reads what text() wrote. Throws InputError that begins with `where`: no manifest, another format, damaged.
  static Manifest parse(const std::string& text, const std::string& where);

  /// Throws InputError, with what differs, if the manifest is of another run than this one.
  void expect(const Identity& here, const std::string& where) const;
};

}  // namespace mpc
