#include "transformer_bridge/trace/allocate.h"

#include <algorithm>
#include <set>

namespace bridge {
namespace {

/// The lowest columns that are not in use, one after the other.
class Free {
 public:
  explicit Free(const std::map<Atom, std::size_t>& in_use) {
    for (const auto& [atom, column] : in_use) used_.insert(column);
  }
  std::size_t take() {
    while (used_.contains(next_)) ++next_;
    return next_++;
  }

 private:
  std::set<std::size_t> used_;
  std::size_t next_ = 0;
};

}  // namespace

Allocation allocate(const Schedule& schedule) {
  Allocation result;
  std::map<Atom, std::size_t> now;
  Free first(now);
  for (const auto atom : schedule.layers.front().held) now.emplace(atom, first.take());
  for (std::size_t l = 0; l < schedule.layers.size(); ++l) {
    const auto& layer = schedule.layers[l];
    result.held.push_back(now);
    std::map<Atom, std::size_t> received;
    Free beside(now);
    for (const auto atom : layer.received) received.emplace(atom, beside.take());
    result.received.push_back(received);

    const auto& next = l + 1 < schedule.layers.size() ? schedule.layers[l + 1].held : schedule.end;
    std::map<Atom, std::size_t> after;
    for (const auto atom : next) {
      if (const auto it = now.find(atom); it != now.end()) after.emplace(atom, it->second);
      if (const auto it = received.find(atom); it != received.end()) after.emplace(atom, it->second);
    }
    Free free(after);
    for (const auto& column : layer.made) after.emplace(column.atom, free.take());
    now = std::move(after);
  }
  result.held.push_back(now);
  for (const auto* maps : {&result.held, &result.received}) {
    for (const auto& map : *maps) {
      for (const auto& [atom, column] : map) result.width = std::max(result.width, column + 1);
    }
  }
  return result;
}

}  // namespace bridge
