#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpc/checkpoint/folder.h"
#include "mpc/checkpoint/history.h"
#include "mpc/checkpoint/manifest.h"
#include "mpc/ledger.h"
#include "mpc/machine.h"
#include "mpc/model.h"
#include "mpc/ranks.h"
#include "mpc/word.h"

namespace mpc {

/// When a run writes a checkpoint, and where.
struct CheckpointPlan {
  std::filesystem::path folder;
  std::uint64_t every = 10;  ///< rounds
  std::size_t keep = 2;      ///< the last so many checkpoints are kept
};

/// The checkpoints of a run: writes what the machines hold after every so many rounds, and gives it back to a run that is resumed, on
/// any number of ranks. Hand it to a cluster before the protocol runs (Cluster::use), after resume_from() and write_to(), either or both.
///
/// A checkpoint holds the calls of the protocol and what they returned (History), and of every machine whether it is awake, its inbox
/// and its variables: a file for the machines of each rank that wrote it. It is complete, on the disk and checked by a checksum per file,
/// or it does not bear its name. Nothing of it is charged; the ledger does not show it.
///
/// All members are collective, and an error is the same on every rank: InputError for a checkpoint that cannot be resumed, Fault for what
/// cannot be written.
class Checkpoints {
 public:
  /// `written_by`: the program, for people who read a manifest.
  explicit Checkpoints(Ranks& ranks, std::string written_by = {}) : ranks_(ranks), written_by_(std::move(written_by)) {}
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  /// Opens a checkpoint, or the last one in a folder, and checks all of its files. If it is damaged, the error names the one before it.
  void resume_from(const std::filesystem::path& path);
  /// Makes the folder. Throws InputError if it holds checkpoints of which none is resumed.
  void write_to(CheckpointPlan plan);
  /// What tells the run from others, beside its model, and must be the same when it is resumed: protocol, settings, input.
  void identify(Identity run) { run_ = std::move(run); }

  /// The round after which the run went on.
  std::optional<std::uint64_t> resumed_after() const { return opened_ ? std::optional(opened_->manifest.round) : std::nullopt; }
  /// Rounds of which this run wrote checkpoints.
  const std::vector<std::uint64_t>& written() const { return written_; }
  /// Seconds that writing and reading took, on this rank.
  double seconds() const { return seconds_; }

  // What follows is the cluster's.

  /// Appends what a machine holds.
  using Pack = std::function<void(std::size_t local, std::vector<Word>& to)>;
  /// Puts it back; throws std::length_error if it is not what the program's types say.
  using Unpack = std::function<void(std::size_t local, std::span<const Word> words)>;

  /// Throws InputError if the opened checkpoint is of another run.
  void begin(const Model& model);
  bool replaying() const { return history_.replaying(); }
  Word replay(const Call& call, const std::string& label = {});
  const RoundEntry& replayed_round() const { return history_.replayed_round(); }
  void unpack(MachineBlock mine, const Unpack& unpack);

  void record(const Call& call) { history_.record(call); }
  bool due(std::uint64_t round) const { return plan_ && !inspected_ && round % plan_->every == 0; }
  /// `ledger`: of all ranks.
  void write(const Ledger& ledger, MachineBlock mine, const Pack& pack);
  /// What the protocol read out of the machines is nowhere but in this process: from here on no checkpoint would be whole.
  void inspected();
  void ended();

 private:
  struct Opened {
    std::filesystem::path path;
    Manifest manifest;
  };
  Opened open(const std::filesystem::path& path);
  std::string path_of_opened() const { return opened_->path.string(); }

  Ranks& ranks_;
  std::string written_by_;
  Identity run_;
  std::optional<CheckpointPlan> plan_;
  std::optional<Opened> opened_;
  History history_;
  std::vector<std::uint64_t> kept_;  // rounds of the checkpoints in the plan's folder that are kept, the oldest first
  std::vector<std::uint64_t> written_;
  bool inspected_ = false;
  double seconds_ = 0;
};

}  // namespace mpc
