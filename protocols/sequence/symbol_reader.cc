#include "protocols/sequence/symbol_reader.h"

#include <string_view>
#include <unordered_map>

#include <fmt/core.h>

#include "mpc/error.h"

#include "protocols/graph/text_source.h"
#include "protocols/sequence/sequence.h"

namespace protocols {
namespace {

bool is_space(char letter) { return letter == ' ' || (letter >= '\t' && letter <= '\r'); }

class SymbolReader {
 public:
  explicit SymbolReader(std::string path) : path_(std::move(path)) {}

  void take(std::string_view block) {
    for (const char letter : block) {
      if (is_space(letter)) {
        end_symbol();
        if (letter == '\n') ++line_;
        continue;
      }
      if (letter == '\0') fail("found a zero byte");
      if (symbol_.size() == longest_symbol) fail(fmt::format("found a symbol of more than {} bytes", longest_symbol));
      symbol_ += letter;
    }
  }

  Symbols finish() {
    end_symbol();
    return std::move(symbols_);
  }

 private:
  void end_symbol() {
    if (symbol_.empty()) return;
    if (symbols_.sequence.size() == most_positions) fail(fmt::format("found more than {} symbols", most_positions));
    const auto [it, added] = numbers_.try_emplace(symbol_, symbols_.names.size());
    if (added) symbols_.names.push_back(symbol_);
    symbols_.sequence.push_back(it->second);
    symbol_.clear();
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw mpc::InputError(fmt::format("{}:{}: {}; expected symbols separated by white space", path_, line_, what));
  }

  std::string path_;
  std::uint64_t line_ = 1;
  std::string symbol_;
  std::unordered_map<std::string, std::uint64_t> numbers_;
  Symbols symbols_;
};

}  // namespace

Symbols read_symbols(const std::string& path) {
  TextSource source(path);
  SymbolReader reader(path);
  std::vector<char> block(std::size_t{1} << 18);
  for (;;) {
    const auto got = source.read(block);
    reader.take({block.data(), got});
    if (got < block.size()) return reader.finish();
  }
}

}  // namespace protocols
