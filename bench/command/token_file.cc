#include "bench/command/token_file.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>

#include <fmt/core.h>

#include "mpc/error.h"

namespace roundtrip {
namespace {

constexpr std::string_view blanks = " \t\r";

/// A word as an error shows it.
std::string shown(std::string_view word) {
  constexpr std::size_t longest = 40;
  std::string text;
  for (const char letter : word.substr(0, longest)) text += letter >= ' ' && letter <= '~' ? letter : '?';
  return word.size() <= longest ? text : text + "...";
}

TokenSequence parse_line(std::string_view line, const bridge::ModelConfig& model, const std::string& place) {
  TokenSequence sequence;
  for (auto at = line.find_first_not_of(blanks); at != std::string_view::npos; at = line.find_first_not_of(blanks, at)) {
    const auto end = std::min(line.find_first_of(blanks, at), line.size());
    const auto word = line.substr(at, end - at);
    std::uint64_t id = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || stop != word.data() + word.size() || id >= model.vocabulary) {
      throw mpc::InputError(fmt::format("{}: expected ids below the {} of the vocabulary, got '{}'", place, model.vocabulary, shown(word)));
    }
    if (sequence.ids.size() == model.positions) {
      throw mpc::InputError(
          fmt::format("{}: expected at most {} ids, which is the model's longest sequence, got more", place, model.positions));
    }
    sequence.ids.push_back(static_cast<std::uint32_t>(id));
    at = end;
  }
  if (sequence.ids.empty()) throw mpc::InputError(fmt::format("{}: expected a sequence of ids, got an empty line", place));
  sequence.shown = sequence.ids.size();
  while (model.padding_id && sequence.shown > 0 && sequence.ids[sequence.shown - 1] == *model.padding_id) --sequence.shown;
  if (sequence.shown == 0) throw mpc::InputError(fmt::format("{}: expected ids besides the padding id {}", place, *model.padding_id));
  return sequence;
}

}  // namespace

std::vector<TokenSequence> parse_tokens(std::string_view text, const bridge::ModelConfig& model, const std::string& path) {
  std::vector<TokenSequence> sequences;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = std::min(text.find('\n'), text.size());
    sequences.push_back(parse_line(text.substr(0, end), model, fmt::format("{}:{}", path, line)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (sequences.empty()) throw mpc::InputError(fmt::format("{}: expected a sequence of ids a line, got an empty file", path));
  return sequences;
}

std::vector<TokenSequence> read_tokens(const std::string& path, const bridge::ModelConfig& model, mpc::Ranks& ranks) {
  std::string text;
  mpc::together(ranks, [&] {
    if (ranks.rank() != 0) return;
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string piece(std::size_t{1} << 16, ' ');
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())), file.gcount() > 0) {
      text.append(piece, 0, static_cast<std::size_t>(file.gcount()));
    }
    if (!file.is_open() || file.bad()) throw mpc::InputError(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  });
  ranks.broadcast(text, 0);
  return parse_tokens(text, model, path);
}

}  // namespace roundtrip
