#!/usr/bin/env bash
# mpi_test.sh RANKS SECONDS EXECUTABLE [argument...]
# Runs a test executable under mpirun and passes only if mpirun says so and rank 0 printed, exactly once,
#   [ RANKS ] N tests on R ranks, 0 failed
# with N > 0 and the R that was asked for. A run that never started, or that started R separate programs of one rank, prints no such line.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../bench/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../bench/environment.sh"

readonly ranks=$1 seconds=$2
shift 2
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# Open MPI keeps memory when a program ends, from plugins it has unloaded by then, so no suppression can name it. Leaks of this tree's own
# are left to the tests that do not start MPI.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

code=0
timeout --kill-after=10 "$seconds" mpirun --oversubscribe -np "$ranks" "$@" </dev/null >"$output" 2>&1 || code=$?
cat "$output"
if ((code == 124 || code == 137)); then
  echo "mpi_test.sh: not done after $seconds seconds on $ranks ranks" >&2
  exit 1
fi
if ((code != 0)); then
  echo "mpi_test.sh: mpirun -np $ranks ended with exit code $code" >&2
  exit 1
fi
good=$(grep -cE "^\[ RANKS \] [1-9][0-9]* tests on $ranks ranks, 0 failed\$" "$output" || true)
any=$(grep -cF '[ RANKS ]' "$output" || true)
if [[ "$good" != 1 || "$any" != 1 ]]; then
  echo "mpi_test.sh: exit code 0, but not exactly one line '[ RANKS ] N tests on $ranks ranks, 0 failed' with N > 0" >&2
  exit 1
fi
