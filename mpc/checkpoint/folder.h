#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mpc {

/// A folder that holds the checkpoints of a run, each a folder of its own: round-000010 is what was after round 10. A checkpoint has its
/// name only when it is complete; until then it is written in a hidden folder beside it. Failures of the file system are Faults.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  /// Where the checkpoint of this round is, if there is one.
  std::filesystem::path of(std::uint64_t round) const;
  /// The rounds of which there are checkpoints, whole or not, the last first. A folder that is not there has none.
  std::vector<std::uint64_t> rounds() const;

  /// Makes the folder, if it is not there, and makes sure that something can be written in it.
  void create() const;
  /// Where the checkpoint of this round is written: always a new, empty folder.
  std::filesystem::path begin(std::uint64_t round) const;
  /// Gives what was written there its name, at once and for good; a checkpoint that had the name is replaced.
  void publish(std::uint64_t round) const;
  /// Removes what was written there, if it was not published; never throws.
  void abandon(std::uint64_t round) const noexcept;
  /// Removes every checkpoint but these, and what was left unfinished.
  void keep_only(const std::vector<std::uint64_t>& rounds) const;

 private:
  std::filesystem::path hidden(std::uint64_t round) const;

  std::filesystem::path path_;
};

/// The round of a folder that is called as a checkpoint is.
std::optional<std::uint64_t> checkpoint_round(const std::filesystem::path& folder);

}  // namespace mpc
