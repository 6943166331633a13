#include "mpc/checkpoint/checkpoints.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "mpc/checkpoint/word_file.h"
#include "mpc/clock.h"
#include "mpc/error.h"

namespace mpc {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t batch_words = std::size_t{1} << 17;

std::string read_text(const fs::path& path) {
  std::error_code none;
  if (fs::is_directory(path, none)) throw InputError(fmt::format("{}: is a folder", path.string()));
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(fmt::format("{}: {}", path.string(), std::strerror(errno)));
  return {std::istreambuf_iterator<char>(file), {}};
}

Manifest read_manifest(const fs::path& checkpoint) {
  const auto path = checkpoint / Manifest::file_name;
  return Manifest::parse(read_text(path), path.string());
}

const Manifest::File& history_of(const Manifest& manifest, const fs::path& checkpoint) {
  const auto it = std::ranges::find(manifest.files, Manifest::history_name, &Manifest::File::name);
  if (it == manifest.files.end()) throw InputError((checkpoint / Manifest::file_name).string() + ": names no history");
  return *it;
}

bool intact(const fs::path& checkpoint) {
  try {
    for (const auto& file : read_manifest(checkpoint).files) verify(checkpoint / file.name, file.seal);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// The checkpoint that a path means: itself, or the last one in it.
fs::path checkpoint_at(const fs::path& path) {
  if (fs::exists(path / Manifest::file_name) || checkpoint_round(path)) return path;
  if (!fs::is_directory(path)) throw InputError(fmt::format("{}: there is no such folder to resume from", path.string()));
  const CheckpointFolder folder(path);
  const auto rounds = folder.rounds();
  if (rounds.empty())
    throw InputError(
        fmt::format("{}: holds no checkpoint, which would be a folder such as {}", path.string(), folder.of(10).filename().string()));
  return folder.of(rounds.front());
}

/// What to do about a checkpoint that cannot be resumed: the one before it, if that one can.
std::string advice(const fs::path& damaged) {
  const CheckpointFolder folder(damaged.parent_path());
  const auto round = checkpoint_round(damaged);
  for (const auto before : folder.rounds()) {
    if (!round || before >= *round || !intact(folder.of(before))) continue;
    return fmt::format("; an older checkpoint is whole: --resume {}", folder.of(before).string());
  }
  return "; there is no older checkpoint that is whole";
}

/// A block of machines: what each holds, one after the other; then where each begins.
Manifest::File write_machines(const fs::path& folder, MachineBlock mine, const Checkpoints::Pack& pack) {
  auto name = fmt::format("machines-{}", mine.first);
  WordFileWriter file(folder / name);
  std::vector<Word> words, begins;
  for (std::size_t local = 0; local < mine.count; ++local) {
    begins.push_back(file.words());
    words.clear();
    pack(local, words);
    file.write(words);
  }
  file.write(begins);
  return {std::move(name), file.close(), mine};
}

/// Hands the machines that a file and this rank have in common to unpack, a batch at a time.
void read_machines(const fs::path& folder, const Manifest::File& from, MachineBlock mine, const Checkpoints::Unpack& unpack) {
  const auto first = std::max(mine.first, from.machines.first);
  const auto end = std::min(mine.first + mine.count, from.machines.first + from.machines.count);
  if (first >= end) return;
  const WordFileReader file(folder / from.name, from.seal.words);
  const auto index = from.seal.words - from.machines.count;
  std::vector<Word> begins(static_cast<std::size_t>(end - first) + 1, index);
  const bool to_the_end = end == from.machines.first + from.machines.count;
  file.read(index + (first - from.machines.first), std::span(begins).first(begins.size() - (to_the_end ? 1 : 0)));
  std::vector<Word> words;
  for (std::size_t i = 0; i + 1 < begins.size();) {
    auto next = i + 1;
    while (next + 1 < begins.size() && begins[next + 1] - begins[i] <= batch_words) ++next;
    words.resize(static_cast<std::size_t>(begins[next] - begins[i]));
    file.read(begins[i], words);
    for (const auto base = begins[i]; i < next; ++i) {
      unpack(static_cast<std::size_t>(first + i - mine.first),
             std::span<const Word>(words).subspan(static_cast<std::size_t>(begins[i] - base),
                                                  static_cast<std::size_t>(begins[i + 1] - begins[i])));
    }
  }
}

}  // namespace

/// Every rank knows the manifest; each checks its part of the files.
Checkpoints::Opened Checkpoints::open(const fs::path& path) {
  std::string text;
  together(ranks_, [&] {
    if (ranks_.rank() == 0) text = read_text(path / Manifest::file_name);
  });
  ranks_.broadcast(text, 0);
  Opened opened{path, Manifest::parse(text, (path / Manifest::file_name).string())};
  const auto& files = opened.manifest.files;
  together(ranks_, [&] {
    history_of(opened.manifest, path);
    const auto size = static_cast<std::size_t>(ranks_.size());
    for (auto i = static_cast<std::size_t>(ranks_.rank()); i < files.size(); i += size) verify(path / files[i].name, files[i].seal);
  });
  return opened;
}

void Checkpoints::resume_from(const fs::path& path) {
  const Timer timer(seconds_);
  std::string chosen;
  together(ranks_, [&] {
    if (ranks_.rank() == 0) chosen = checkpoint_at(path).string();
  });
  ranks_.broadcast(chosen, 0);
  try {
    opened_ = open(chosen);
    std::vector<Word> words;
    std::string bytes;
    together(ranks_, [&] {
      if (ranks_.rank() != 0) return;
      const auto& file = history_of(opened_->manifest, chosen);
      words.resize(static_cast<std::size_t>(file.seal.words));
      WordFileReader(fs::path(chosen) / file.name, file.seal.words).read(0, words);
      bytes.assign(reinterpret_cast<const char*>(words.data()), words.size() * sizeof(Word));
    });
    ranks_.broadcast(bytes, 0);
    words.resize(bytes.size() / sizeof(Word));
    std::memcpy(words.data(), bytes.data(), bytes.size());
    try {
      history_ = History(words);
    } catch (const std::length_error&) {
      throw InputError(fmt::format("{}/{}: is no history", chosen, Manifest::history_name));
    }
  } catch (const Error& error) {
    if (error.exit() != Exit::bad_input) throw;
    std::string text = error.what();
    together(ranks_, [&] {
      if (ranks_.rank() == 0) text += advice(chosen);
    });
    ranks_.broadcast(text, 0);
    throw InputError(text);
  }
}

void Checkpoints::write_to(CheckpointPlan plan) {
  const CheckpointFolder folder(plan.folder);
  // Of a folder that is resumed, the checkpoint that is resumed stays until there are enough newer ones.
  bool resumed_here = false;
  together(ranks_, [&] {
    if (ranks_.rank() != 0) return;
    folder.create();
    std::error_code none;
    resumed_here = opened_ && fs::equivalent(folder.of(opened_->manifest.round), opened_->path, none);
    const auto rounds = folder.rounds();
    if (resumed_here || rounds.empty()) return;
    throw InputError(fmt::format("{}: holds checkpoints already, the last of round {}: resume from them, or choose another folder",
                                 plan.folder.string(), rounds.front()));
  });
  if (resumed_here) kept_ = {opened_->manifest.round};  // on rank 0, which removes
  plan_ = std::move(plan);
}

void Checkpoints::begin(const Model& model) {
  run_.insert(run_.end(), {{"machines", std::to_string(model.machines)},
                           {"words", std::to_string(model.memory.count)},
                           {"word-bits", std::to_string(model.word_bits)},
                           {"input-words", std::to_string(model.input_words)},
                           {"ids", std::to_string(model.n)},
                           {"seed", std::to_string(model.seed)}});
  for (auto it = run_.begin(); it != run_.end(); ++it) {
    const bool again = std::any_of(std::next(it), run_.end(), [&](const auto& other) { return other.first == it->first; });
    if (again) throw std::logic_error("what tells a run from others names its " + it->first + " twice");
  }
  if (opened_) opened_->manifest.expect(run_, path_of_opened());
}

Word Checkpoints::replay(const Call& call, const std::string& label) { return history_.replay(call, label, path_of_opened()); }

void Checkpoints::unpack(MachineBlock mine, const Unpack& unpack) {
  const Timer timer(seconds_);
  together(ranks_, [&] {
    std::uint64_t seen = 0;
    std::uint64_t machine = mine.first;
    try {
      for (const auto& file : opened_->manifest.files) {
        read_machines(opened_->path, file, mine, [&](std::size_t local, std::span<const Word> words) {
          machine = mine.first + local;
          ++seen;
          unpack(local, words);
        });
      }
    } catch (const std::length_error&) {
      throw InputError(fmt::format("{}: what it holds of machine {} is not what this program's types say", path_of_opened(), machine));
    }
    if (seen != mine.count) throw InputError(fmt::format("{}: does not hold all machines", path_of_opened()));
  });
}

void Checkpoints::write(const Ledger& ledger, MachineBlock mine, const Pack& pack) {
  const Timer timer(seconds_);
  const CheckpointFolder folder(plan_->folder);
  const auto round = ledger.rounds.size();
  std::string place;
  try {
    together(ranks_, [&] {
      if (ranks_.rank() == 0) place = folder.begin(round).string();
    });
    ranks_.broadcast(place, 0);
    std::vector<std::uint64_t> written;
    together(ranks_, [&] {
      if (mine.count == 0) return;
      const auto file = write_machines(place, mine, pack);
      written = {mine.first, mine.count, file.seal.words, file.seal.checksum};
    });
    written = ranks_.gather(written);
    together(ranks_, [&] {
      if (ranks_.rank() != 0) return;
      Manifest manifest{round, fmt::format("{}, {} rank{}", written_by_, ranks_.size(), ranks_.size() == 1 ? "" : "s"), run_, {}};
      for (std::size_t i = 0; i < written.size(); i += 4) {
        const MachineBlock block{written[i], written[i + 1]};
        manifest.files.push_back({fmt::format("machines-{}", block.first), {written[i + 2], written[i + 3]}, block});
        std::error_code error;
        if (fs::file_size(fs::path(place) / manifest.files.back().name, error) != written[i + 2] * sizeof(Word)) {
          throw Fault(fmt::format("cannot see {}/{}, which another rank has written: a checkpoint needs a folder that all ranks share",
                                  place, manifest.files.back().name));
        }
      }
      history_.set_rounds(ledger.rounds);
      WordFileWriter file(fs::path(place) / Manifest::history_name);
      file.write(history_.words());
      manifest.files.push_back({Manifest::history_name, file.close(), {}});
      write_durably(fs::path(place) / Manifest::file_name, manifest.text());
      folder.publish(round);
    });
  } catch (...) {
    if (ranks_.rank() == 0) folder.abandon(round);
    throw;
  }
  kept_.push_back(round);
  written_.push_back(round);
  if (kept_.size() > plan_->keep) kept_.erase(kept_.begin(), kept_.end() - static_cast<std::ptrdiff_t>(plan_->keep));
  together(ranks_, [&] {
    if (ranks_.rank() == 0) folder.keep_only(kept_);
  });
}

void Checkpoints::inspected() {
  if (replaying()) replay({Call::Kind::inspect});
  inspected_ = true;
}

void Checkpoints::ended() {
  if (replaying()) replay({Call::Kind::end});
}

}  // namespace mpc
