#include "mpc/ranks.h"

#include <cstdlib>

namespace mpc {

std::vector<std::uint64_t> SingleRank::exchange(std::span<const std::uint64_t> send, std::span<const std::size_t> counts,
                                                std::vector<std::size_t>& received) {
  received.assign(counts.begin(), counts.end());
  return {send.begin(), send.end()};
}

void SingleRank::abort(Exit exit) { std::_Exit(static_cast<int>(exit)); }

void throw_together(Ranks& ranks, const std::exception_ptr& mine) {
  const auto failed = ranks.minimum(mine ? static_cast<std::uint64_t>(ranks.rank()) : UINT64_MAX);
  if (failed == UINT64_MAX) return;
  std::string text;
  std::uint64_t exit = 0;
  if (mine) {
    try {
      std::rethrow_exception(mine);
    } catch (const Error& error) {
      text = error.what();
      exit = static_cast<std::uint64_t>(error.exit());
    } catch (const std::exception& error) {
      text = error.what();
      exit = static_cast<std::uint64_t>(Exit::fault);
    } catch (...) {
      text = "an exception of unknown type";
      exit = static_cast<std::uint64_t>(Exit::fault);
    }
  }
  // The exit code travels in front of the text.
  std::string bytes = std::string(1, static_cast<char>(exit)) + text;
  ranks.broadcast(bytes, static_cast<int>(failed));
  throw Error(static_cast<Exit>(bytes.front()), bytes.substr(1));
}

}  // namespace mpc
