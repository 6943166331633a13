#!/usr/bin/env bash
# architecture.sh [--self-test | FOLDER]
# Checks what the folders promise each other, in this tree or in FOLDER: which layer may include which, where MPI and CUDA appear, and
# that every source is named in its folder's CMakeLists.txt. --self-test breaks each rule once, and wants each to be found.
set -euo pipefail

readonly layers=(mpc protocols transformer_bridge bench tests)  # lowest first: a layer includes itself and those before it

root=
problems=0
problem() {  # problem RULE LINE...: one line for each
  local rule=$1 line
  shift
  for line in "$@"; do
    echo "$rule: $line"
    problems=$((problems + 1))
  done
}

# The sources under some folders, as paths relative to the root.
sources() {
  local folder
  for folder in "$@"; do
    if [[ -d "$root/$folder" ]]; then
      (cd "$root" && find "$folder" -type f \( -name '*.h' -o -name '*.cc' -o -name '*.cu' -o -name '*.cuh' \)) | sort
    fi
  done
}

# search REGEX: "file:line: text" for each line that matches, of the files named on stdin, comments left out.
search() {
  local regex=$1 file
  while IFS= read -r file; do
    sed -e 's,//.*,,' "$root/$file" | grep -nE -- "$regex" | sed "s,^,$file:," || true
  done
}

check() {
  root=$1
  local found layer above

  # A misspelt folder must not turn a rule into one that holds for nothing.
  mapfile -t found < <(sources mpc)
  if ((${#found[@]} == 0)); then problem "no sources" "$root/mpc"; fi

  # Includes go down only.
  for ((layer = 0; layer < ${#layers[@]}; ++layer)); do
    above=$(IFS='|' && echo "${layers[*]:layer+1}")
    if [[ -n "$above" ]]; then
      mapfile -t found < <(sources "${layers[layer]}" | search "^ *# *include +[\"<]($above)/")
      problem "includes a layer above" "${found[@]}"
    fi
  done

  # Includes of the tree start at its root.
  mapfile -t found < <(sources "${layers[@]}" | search '^ *# *include +"' | grep -vE "include +\"($(IFS='|' && echo "${layers[*]}"))/" || true)
  problem "include does not start at the root of the tree" "${found[@]}"

  # MPI in one place.
  mapfile -t found < <(sources "${layers[@]}" | grep -vE '^mpc/transport/mpi[^/]*$' | search '\<MPI_|include +[<"]mpi\.h')
  problem "MPI outside mpc/transport/mpi*" "${found[@]}"

  # Kernel launches in one folder.
  mapfile -t found < <(sources "${layers[@]}" | grep -v '^transformer_bridge/kernels/cuda/' | search '<<<')
  problem "kernel launch outside transformer_bridge/kernels/cuda" "${found[@]}"

  # Headers.
  local file
  while IFS= read -r file; do
    if ! grep -q '^#pragma once$' "$root/$file"; then problem "no #pragma once" "$file"; fi
  done < <(sources "${layers[@]}" | grep '\.h$' || true)
  mapfile -t found < <({ sources "${layers[@]}" | grep '\.h$' || true; } | search '^ *using +namespace\>')
  problem "using namespace in a header" "${found[@]}"

  # Every source is listed, so that it is built, tested and installed; tests/package is a project of its own.
  while IFS= read -r file; do
    local list=$root/${file%%/*}/CMakeLists.txt
    if [[ "$file" == tests/package/* ]]; then list=$root/tests/package/CMakeLists.txt; fi
    local name=${file#*/}
    if [[ "$file" == tests/package/* ]]; then name=${name#*/}; fi
    # Helper headers of the tests are included, not listed.
    if [[ "$file" == tests/*.h ]]; then continue; fi
    if ! sed 's/#.*//' "$list" 2>/dev/null | tr -s ' ()' '\n' | grep -xF -- "$name" >/dev/null; then  # not -q: it closes the pipe early
      problem "not listed in ${list#"$root"/}" "$file"
    fi
  done < <(sources "${layers[@]}")
  mapfile -t found < <(cd "$root" && find . -path ./build -prune -o -name CMakeLists.txt -print | sed 's,^\./,,' | sort |
    while IFS= read -r file; do grep -niE '^[^#]*file *\( *GLOB' "$file" | sed "s,^,$file:," || true; done)
  problem "list sources by name, not by file(GLOB)" "${found[@]}"
}

self_test() {
  local tree missed=0
  tree=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$tree'" EXIT

  fresh() {  # a small tree without a fault
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{mpc/transport,protocols,transformer_bridge/kernels/cuda,bench,tests}
    echo 'roundtrip_library(roundtrip_mpc HEADERS a.h SOURCES a.cc transport/mpi.cc)' >"$tree/mpc/CMakeLists.txt"
    printf '#pragma once\n#include <vector>\n// MPI_Send and a <<< launch may be spoken of\n' >"$tree/mpc/a.h"
    echo '#include "mpc/a.h"' >"$tree/mpc/a.cc"
    printf '#include <mpi.h>\nint rank() { int r; MPI_Comm_rank(MPI_COMM_WORLD, &r); return r; }\n' >"$tree/mpc/transport/mpi.cc"
    printf 'cuda_library(\n  kernels/cuda/k.cu)\n' >"$tree/transformer_bridge/CMakeLists.txt"
    printf '#include "protocols/p.h"\nvoid f() { k<<<1, 1>>>(); }\n' >"$tree/transformer_bridge/kernels/cuda/k.cu"
    echo 'roundtrip_library(roundtrip_protocols HEADERS p.h SOURCES p.cc)' >"$tree/protocols/CMakeLists.txt"
    printf '#pragma once\n#include "mpc/a.h"\n' >"$tree/protocols/p.h"
    echo '#include "protocols/p.h"' >"$tree/protocols/p.cc"
    echo 'add_executable(roundtrip main.cc)' >"$tree/bench/CMakeLists.txt"
    echo '#include "protocols/p.h"' >"$tree/bench/main.cc"
    echo 'roundtrip_test(t SOURCES t.cc)' >"$tree/tests/CMakeLists.txt"
    echo '#include "bench/x.h"' >"$tree/tests/t.cc"
  }
  run() { "${BASH_SOURCE[0]}" "$tree"; }
  # wants RULE FILE TEXT: with TEXT at the end of FILE, one problem is found, and it is RULE's.
  wants() {
    fresh
    printf '%s\n' "$3" >>"$tree/$2"
    local output code=0
    output=$(run) || code=$?
    if ((code != 1)) || [[ "$(grep -c . <<<"$output")" != 1 || "$output" != "$1: $2"* ]]; then
      echo "self-test: '$3' in $2 should be the one problem, '$1'; exit code $code and: $output"
      missed=$((missed + 1))
    fi
  }

  fresh
  if ! run; then
    echo "self-test: the tree without a fault has one"
    missed=$((missed + 1))
  fi
  wants "includes a layer above" mpc/a.h '#include "protocols/p.h"'
  wants "includes a layer above" mpc/transport/mpi.cc '#include "tests/t.h"'
  wants "includes a layer above" protocols/p.cc '#include "transformer_bridge/x.h"'
  wants "includes a layer above" protocols/p.h '# include <bench/x.h>'
  wants "includes a layer above" protocols/p.cc '#include "tests/x.h"'
  wants "includes a layer above" transformer_bridge/kernels/cuda/k.cu '#include "bench/x.h"'
  wants "includes a layer above" bench/main.cc '#include "tests/x.h"'
  wants "include does not start at the root of the tree" mpc/a.cc '#include "a.h"'
  wants "include does not start at the root of the tree" protocols/p.cc '#include "../mpc/a.h"'
  wants "MPI outside mpc/transport/mpi*" mpc/a.cc 'int x = MPI_SUCCESS;'
  wants "MPI outside mpc/transport/mpi*" bench/main.cc '#include <mpi.h>'
  wants "MPI outside mpc/transport/mpi*" tests/t.cc 'auto x = MPI_COMM_WORLD;'
  wants "kernel launch outside transformer_bridge/kernels/cuda" protocols/p.cc 'void f() { k<<<1, 1>>>(); }'
  wants "using namespace in a header" mpc/a.h 'using namespace std;'
  wants "no #pragma once" tests/helper.h 'int x;'
  wants "not listed in mpc/CMakeLists.txt" mpc/b.h '#pragma once'
  wants "not listed in protocols/CMakeLists.txt" protocols/q.cc 'int x;'
  wants "not listed in tests/CMakeLists.txt" tests/u.cc 'int x;'
  wants "list sources by name, not by file(GLOB)" bench/CMakeLists.txt 'file(GLOB s *.cc)'
  if ((missed > 0)); then return 1; fi
  echo "self-test: every rule is found when broken"
}

if [[ "${1:-}" == --self-test ]]; then
  self_test
  exit
fi
check "$(cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}" && pwd)"
if ((problems > 0)); then exit 1; fi
