#include "mpc/checkpoint/folder.h"

#include <algorithm>
#include <functional>
#include <system_error>

#include <fmt/core.h>

#include "mpc/checkpoint/word_file.h"
#include "mpc/error.h"

namespace mpc {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "round-";
constexpr std::string_view unfinished = ".writing-", replaced = ".replaced-";
constexpr std::size_t digits = 6, most_digits = 18;

void check(const std::error_code& error, const char* what, const fs::path& path) {
  if (error) throw Fault(fmt::format("cannot {} {}: {}", what, path.string(), error.message()));
}

void erase(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  check(error, "remove", path);
}

void move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  check(error, "rename", from);
}

std::string name_of(std::uint64_t round) { return fmt::format("{}{:0{}}", prefix, round, digits); }

/// Calls visit(path) for what is in the folder.
void each_in(const fs::path& folder, const std::function<void(const fs::path&)>& visit) {
  std::error_code error;
  std::vector<fs::path> all;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) all.push_back(it->path());
  if (error == std::errc::no_such_file_or_directory) return;
  check(error, "read", folder);
  std::ranges::for_each(all, visit);
}

}  // namespace

std::optional<std::uint64_t> checkpoint_round(const fs::path& folder) {
  const auto name = folder.filename().string();
  if (!name.starts_with(prefix)) return {};
  const auto number = name.substr(prefix.size());
  if (number.size() < digits || number.size() > most_digits || !std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; }))
    return {};
  return std::stoull(number);
}

fs::path CheckpointFolder::of(std::uint64_t round) const { return path_ / name_of(round); }

fs::path CheckpointFolder::hidden(std::uint64_t round) const { return path_ / (std::string(unfinished) + name_of(round)); }

std::vector<std::uint64_t> CheckpointFolder::rounds() const {
  std::vector<std::uint64_t> rounds;
  each_in(path_, [&](const fs::path& path) {
    if (const auto round = checkpoint_round(path)) rounds.push_back(*round);
  });
  std::ranges::sort(rounds, std::greater<>());
  return rounds;
}

void CheckpointFolder::create() const {
  std::error_code error;
  fs::create_directories(path_, error);
  check(error, "create", path_);
  begin(0);
  erase(hidden(0));
}

fs::path CheckpointFolder::begin(std::uint64_t round) const {
  const auto path = hidden(round);
  erase(path);
  std::error_code error;
  fs::create_directory(path, error);
  check(error, "create", path);
  return path;
}

void CheckpointFolder::publish(std::uint64_t round) const {
  settle_folder(hidden(round));
  const auto path = of(round);
  if (fs::exists(path)) {
    const auto aside = path_ / (std::string(replaced) + name_of(round));
    erase(aside);
    move(path, aside);
  }
  move(hidden(round), path);
  settle_folder(path_);
}

void CheckpointFolder::abandon(std::uint64_t round) const noexcept {
  std::error_code ignored;
  fs::remove_all(hidden(round), ignored);
}

void CheckpointFolder::keep_only(const std::vector<std::uint64_t>& rounds) const {
  each_in(path_, [&](const fs::path& path) {
    const auto name = path.filename().string();
    const auto round = checkpoint_round(path);
    if (name.starts_with(unfinished) || name.starts_with(replaced) || (round && std::ranges::find(rounds, *round) == rounds.end()))
      erase(path);
  });
}

}  // namespace mpc
