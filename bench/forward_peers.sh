#!/usr/bin/env bash
# bench/forward_peers.sh [options]
# Times this tree's forward pass and attention beside onnxruntime and PyTorch, on the same inputs and threads, in turn, and prints ratios.
# Installs the models and peers if they are missing, builds into build/release, and exports the graphs that onnxruntime runs.
# Options: bench/forward_peers.sh --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/environment.sh

step "models and peers" bench/models/install.sh
python=build/models/venv/bin/python
if [[ " $* " != *" --help "* && " $* " != *" -h "* ]]; then
  for graph in all-MiniLM-L6-v2 attention; do
    if [[ ! build/models/$graph.onnx -nt bench/models/export_onnx.py ]]; then
      step "export graphs" "$python" bench/models/export_onnx.py
      break
    fi
  done
  if [[ " $* " != *" --peers-only "* && " $* " != *" --ours"* ]]; then
    # Standard output is for results.
    step "configure" cmake --preset release --log-level=WARNING >&2
    step "build" cmake --build --preset release --parallel "$JOBS" --target forward_pass >&2
  fi
fi
exec "$python" bench/peers/forward_peers.py "$@"
