#include "mpc/checkpoint/manifest.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "mpc/error.h"

namespace mpc {
namespace {

constexpr std::string_view headline = "roundtrip checkpoint, format ";
constexpr std::string_view last_line = "checksum ";

/// What the identity says under this name; nothing: not there.
const std::string* find(const Identity& identity, const std::string& name) {
  const auto it = std::ranges::find(identity, name, &Identity::value_type::first);
  return it == identity.end() ? nullptr : &it->second;
}

}  // namespace

std::string Manifest::text() const {
  auto text = fmt::format("{}{}\nround {}\nwritten-by {}\n", headline, format, round, written_by);
  for (const auto& [name, value] : run) text += fmt::format("run {} {}\n", name, value);
  for (const auto& [name, seal, machines] : files) {
    text += fmt::format("file {} {} {:016x} {} {}\n", name, seal.words, seal.checksum, machines.first, machines.count);
  }
  return text + fmt::format("{}{:016x}\n", last_line, checksum_of(text));
}

Manifest Manifest::parse(const std::string& text, const std::string& where) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || !line.starts_with(headline)) throw InputError(where + ": is no manifest of a checkpoint");
  if (const auto written = line.substr(headline.size()); written != std::to_string(format)) {
    throw InputError(fmt::format("{}: is in format {}; this program reads format {}", where, written, format));
  }
  const auto end = text.rfind(last_line);
  if (end == std::string::npos || text.substr(end) != fmt::format("{}{:016x}\n", last_line, checksum_of(text.substr(0, end)))) {
    throw InputError(where + ": is damaged: it does not end with the checksum of its lines");
  }
  Manifest manifest;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string what, name;
    words >> what;
    if (what == "round") words >> manifest.round;
    if (what == "written-by") manifest.written_by = line.substr(what.size() + 1);
    if (what == "run") {
      words >> name;
      manifest.run.emplace_back(name, line.substr(std::min(line.size(), what.size() + name.size() + 2)));
    }
    if (what == "file") {
      auto& file = manifest.files.emplace_back();
      words >> file.name >> file.seal.words >> std::hex >> file.seal.checksum >> std::dec >> file.machines.first >> file.machines.count;
    }
    if (!words) throw InputError(fmt::format("{}: cannot read the line '{}'", where, line));
  }
  return manifest;
}

void Manifest::expect(const Identity& here, const std::string& where) const {
  std::vector<std::string> differences;
  for (const auto& [name, value] : here) {
    const auto* there = find(run, name);
    if (there == nullptr) differences.push_back(fmt::format("it does not say its {}", name));
    if (there != nullptr && *there != value) differences.push_back(fmt::format("its {} is {}, and here it is {}", name, *there, value));
  }
  for (const auto& [name, value] : run) {
    if (find(here, name) == nullptr) differences.push_back(fmt::format("its {} is {}, and here is none", name, value));
  }
  if (!differences.empty()) throw InputError(fmt::format("{}: is of another run: {}", where, fmt::join(differences, "; ")));
}

}  // namespace mpc
