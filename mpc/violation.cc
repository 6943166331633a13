#include "mpc/violation.h"

#include <fmt/core.h>

namespace mpc {

const char* name(Resource resource) {
  switch (resource) {
    case Resource::kept: return "kept";
    case Resource::sent: return "sent";
    case Resource::received: return "received";
    case Resource::word_size: return "word size";
    case Resource::destination: return "destination";
    case Resource::agreement: return "agreement";
  }
  return "unknown";
}

std::string Violation::text() const {
  const auto where = fmt::format("machine {}, round {} ({}, {}): ", machine, round, label, site);
  switch (resource) {
    case Resource::kept: return where + fmt::format("keeps {} words; allowed are {}", wanted, allowed);
    case Resource::sent:
      if (kept == 0) return where + fmt::format("sends {} words; allowed are {}", wanted, allowed);
      return where + fmt::format("sends {} words and keeps {}, {} in all; allowed are {}", wanted - kept, kept, wanted, allowed);
    case Resource::received:
      if (kept == 0) return where + fmt::format("receives {} words; allowed are {}", wanted, allowed);
      return where + fmt::format("receives {} words and keeps {}, {} in all; allowed are {}", wanted - kept, kept, wanted, allowed);
    case Resource::word_size: return where + fmt::format("has a value of {} bits; a word holds {} bits", wanted, allowed);
    case Resource::destination: return where + fmt::format("sends to machine {}; there are machines 0 to {}", wanted, allowed);
    case Resource::agreement:
      return where + fmt::format("holds {} where machine 0 holds {}; all machines must hold the same value", wanted, allowed);
  }
  return where;
}

}  // namespace mpc
