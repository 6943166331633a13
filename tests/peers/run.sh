#!/usr/bin/env bash
# run.sh PROGRAM.py [argument...]
# Runs a Python program of this tree, by its path in it, in the virtual environment that bench/models/install.sh makes. Fails without it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source bench/environment.sh
python=build/models/venv/bin/python
if [[ ! -x "$python" || ! -e build/models/installed ]]; then
  echo "tests/peers/run.sh: the models and peers are not there; run bench/models/install.sh" >&2
  exit 1
fi
# Threads of PyTorch, of OpenBLAS below it and of tests beside this one would spin for each other's cores.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
exec "$python" "$@"
