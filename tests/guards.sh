#!/usr/bin/env bash
# guards.sh GENERATOR COMPILER
# A guard with a misspelt name never fires. Each configure here must fail, and with its guard's own words.
set -euo pipefail

readonly generator=$1 compiler=$2
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

# must_fail WORDS ARGUMENT...
must_fail() {
  local words=$1 code=0 output
  shift
  rm -rf "$folder/build"
  output=$(cmake -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" "$@" 2>&1) || code=$?
  if ((code == 0)) || ! tr -s ' \n' '  ' <<<"$output" | grep -F -- "$words" >/dev/null; then
    echo "$output"
    echo "guards.sh: exit code $code, and wanted a failure that says: $words" >&2
    failed=1
  fi
}

must_fail "ROUNDTRIP_SANITIZE is 'memory'" -S "$source_dir" -B "$folder/build" -DROUNDTRIP_SANITIZE=memory
must_fail "ROUNDTRIP_CUDA is 'maybe'" -S "$source_dir" -B "$folder/build" -DROUNDTRIP_CUDA=maybe
must_fail "ROUNDTRIP_CUDA is ON, but no CUDA compiler" -S "$source_dir" -B "$folder/build" -DROUNDTRIP_CUDA=ON -DCMAKE_CUDA_COMPILER=NOTFOUND
must_fail "install libprotobuf-dev" -S "$source_dir" -B "$folder/build" -DCMAKE_DISABLE_FIND_PACKAGE_Protobuf=ON
must_fail "install libonnx-dev" -S "$source_dir" -B "$folder/build" -DCMAKE_DISABLE_FIND_PACKAGE_ONNX=ON

# The functions that register libraries and tests, in a project of their own.
mkdir "$folder/tests"
touch "$folder/tests/no_case.cc"
# refused WORDS CALL: a call that must be refused.
refused() {
  cat >"$folder/tests/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(guards LANGUAGES NONE)
CMAKE
  # The function definitions, as they stand.
  for file in "$source_dir/CMakeLists.txt" "$source_dir/tests/CMakeLists.txt"; do
    sed -n '/^function(roundtrip_/,/^endfunction()/p' "$file"
  done >>"$folder/tests/CMakeLists.txt"
  echo "$2" >>"$folder/tests/CMakeLists.txt"
  must_fail "$1" -S "$folder/tests" -B "$folder/build"
}
refused "roundtrip_library(roundtrip_x): wants HEADERS" "roundtrip_library(roundtrip_x SOURCES a.cc)"
refused "roundtrip_library(roundtrip_x): wants HEADERS" "roundtrip_library(roundtrip_x HEADERS a.h)"
refused "roundtrip_library(roundtrip_x): wants HEADERS" "roundtrip_library(roundtrip_x a.cc HEADERS a.h SOURCES a.cc)"
refused "roundtrip_test(x): wants SOURCES" "roundtrip_test(x)"
refused "roundtrip_test(x): wants SOURCES" "roundtrip_test(x a.cc)"
refused "roundtrip_test(x): wants SOURCES" "roundtrip_test(x SOURCES a.cc RANKS)"
refused "roundtrip_compile_fail(no_case.cc): no line" "roundtrip_compile_fail(no_case.cc)"

# A build in the source folder: a copy, so that nothing is left here.
mkdir "$folder/copy"
cp "$source_dir/CMakeLists.txt" "$folder/copy/"
must_fail "The build folder must not be the source folder" -S "$folder/copy" -B "$folder/copy"

exit "$failed"
