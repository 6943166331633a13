#!/usr/bin/env bash
# install_dependencies.sh [peers|models]
# Installs what building, testing and running roundtrip needs and this machine lacks, with apt-get: as root, or through sudo. With `peers`
# also what bench/peers.sh and the benchmarks compare with, with `models` also what bench/models/install.sh makes its virtual environment of,
# from $ROUNDTRIP_PYTHON (by default /usr/bin/python3).
# Where nothing is missing it does nothing, and needs neither root nor a network.
# Exit codes: 0 everything is there, 2 usage, or something is missing and cannot be installed from here, otherwise apt-get's.
set -euo pipefail

# A Debian package, and the command (a plain name), the header (a path) or the Python module (module:NAME) that shows it is there without
# the package manager.
needed=(
  "g++ g++"
  "cmake cmake"
  "ninja-build ninja"
  "openmpi-bin mpirun"
  "libopenmpi-dev mpicxx"
  "libboost-serialization-dev boost/serialization/serialization.hpp"
  "libfmt-dev fmt/core.h"
  "zlib1g-dev zlib.h"
  "libonnx-dev onnx/onnx_pb.h"
  "libprotobuf-dev google/protobuf/message.h"
  "libcli11-dev CLI/CLI.hpp"
  "nlohmann-json3-dev nlohmann/json.hpp"
  "libgtest-dev gtest/gtest.h"
  "libbenchmark-dev benchmark/benchmark.h"
)
case "$#:${1:-}" in
  0:) ;;
  1:peers)
    needed+=(
      "libboost-graph-parallel-dev boost/graph/distributed/connected_components.hpp"
      "libboost-mpi-dev boost/mpi.hpp"
      "libopenblas-dev cblas-openblas.h"
      "libxsmm-dev libxsmm.h"
      "python3 python3"
    )
    ;;
  1:models)
    needed+=(
      "python3-venv module:ensurepip"
      "python3-numpy module:numpy"
      "python3-torch module:torch"
    )
    ;;
  *)
    echo "usage: install_dependencies.sh [peers|models]" >&2
    exit 2
    ;;
esac

is_there() {
  local package=$1 probe=$2
  if [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" == installed ]]; then return 0; fi
  if [[ "$probe" == *.h || "$probe" == *.hpp ]]; then
    [[ -e "/usr/include/$probe" || -e "/usr/local/include/$probe" ]]
  elif [[ "$probe" == module:* ]]; then
    local find="import importlib.util, sys; sys.exit(importlib.util.find_spec('${probe#module:}') is None)"
    "${ROUNDTRIP_PYTHON:-/usr/bin/python3}" -c "$find" 2>/dev/null
  else
    command -v "$probe" >/dev/null
  fi
}

missing=()
for entry in "${needed[@]}"; do
  read -r package probe <<<"$entry"
  if ! is_there "$package" "$probe"; then missing+=("$package"); fi
done
if ((${#missing[@]} == 0)); then exit 0; fi

as_root=()
if [[ "$(id -u)" != 0 ]]; then as_root=(sudo); fi
if ! command -v apt-get >/dev/null; then
  echo "install_dependencies: missing, by their Debian names: ${missing[*]}" >&2
  echo "install_dependencies: there is no apt-get here; install them with this system's package manager, then start again" >&2
  exit 2
fi
if [[ "$(id -u)" != 0 ]] && ! { command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; }; then
  echo "install_dependencies: missing: ${missing[*]}" >&2
  echo "install_dependencies: as root, run: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
  exit 2
fi

echo "install_dependencies: installing ${missing[*]}" >&2
# An update that fails (no network) need not matter: the package lists may be there already.
"${as_root[@]}" apt-get update -qq >&2 || echo "install_dependencies: apt-get update failed; going on with the package lists there are" >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
