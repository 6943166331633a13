#!/usr/bin/env bash
# tests/run.sh [quick]
# Installs what is missing, then builds and runs every test: the release build, then the same tests under AddressSanitizer and UBSan
# (not with `quick`). Ends with one line, "N passed, N failed", and exit code 0 only if everything passed.
# From the environment: JOBS, and ROUNDTRIP_WERROR=ON to make warnings errors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/environment.sh

presets=(release asan)
case "$#:${1:-}" in
  0:) ;;
  1:quick) presets=(release) ;;
  *)
    echo "usage: tests/run.sh [quick]" >&2
    exit 2
    ;;
esac

# count NAME REPORT: a number from the first element of a JUnit report; ends the script if it is not there.
count() {
  local number
  number=$(awk -v name="$1" '/<testcase/ { exit } match($0, "[ \t]" name "=\"[0-9]+\"") { gsub(/[^0-9]/, ""); print }' "$2")
  if [[ ! "$number" =~ ^[0-9]+$ ]]; then
    echo "run.sh: $2 does not say how many: $1" >&2
    exit 1
  fi
  echo "$number"
}

step "what is missing" bench/install_dependencies.sh
step "models and peers" bench/models/install.sh
passed=0 failed=0
for preset in "${presets[@]}"; do
  step "configure ($preset)" cmake --preset "$preset" --log-level=WARNING -DROUNDTRIP_WERROR="${ROUNDTRIP_WERROR:-OFF}"
  step "build ($preset)" cmake --build --preset "$preset" --parallel "$JOBS"
  report=$PWD/build/$preset/tests.xml
  rm -f "$report"
  echo "== test ($preset)" >&2
  code=0
  ctest --preset "$preset" --parallel "$JOBS" --output-junit "$report" || code=$?
  if [[ ! -s "$report" ]]; then
    echo "run.sh: ctest ($preset) wrote no report; exit code $code" >&2
    exit 1
  fi
  all=$(count tests "$report")
  bad=$(count failures "$report")
  disabled=$(count disabled "$report")
  skipped=$(count skipped "$report")
  off=$((disabled + skipped))
  good=$((all - bad - off))
  if ((off > 0)); then echo "run.sh: $off tests ($preset) did not run" >&2; fi
  # ctest's exit code has the last word: it also counts what a report may leave out.
  if ((code != 0 && bad == 0)); then bad=1; fi
  if ((good == 0)); then
    echo "run.sh: no test passed ($preset)" >&2
    bad=$((bad > 0 ? bad : 1))
  fi
  passed=$((passed + good)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
((failed == 0))
