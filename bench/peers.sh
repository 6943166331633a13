#!/usr/bin/env bash
# bench/peers.sh [options]
# Times `roundtrip run connectivity` beside other programs on the same edge file: serial union-find, the Parallel Boost Graph Library, and
# the binaries of GAP and CombBLAS that it is given. Installs Boost.Graph parallel if it is missing, builds into build/release, runs all in
# turn and prints ratios. Options: bench/peers.sh --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/environment.sh

if [[ " $* " != *" --help "* && " $* " != *" -h "* ]]; then
  step "what is missing" bench/install_dependencies.sh peers
  # Standard output is for results.
  step "configure" cmake --preset release --log-level=WARNING -DROUNDTRIP_PEERS=ON >&2
  step "build" cmake --build --preset release --parallel "$JOBS" --target roundtrip_peers >&2
fi
exec python3 bench/peers/peers.py "$@"
