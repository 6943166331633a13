#include "mpc/transport/in_process.h"

#include <algorithm>

namespace mpc {

void InProcess::announce(std::span<const Word> send, std::span<Word> receive, std::size_t) { std::ranges::copy(send, receive.begin()); }

}  // namespace mpc
