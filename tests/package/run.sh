#!/usr/bin/env bash
# run.sh BUILD_FOLDER GENERATOR COMPILER
# Installs the build, moves what was installed, builds the program in this folder against it, and runs that program.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../bench/environment.sh
source "$here/../../bench/environment.sh"

build=$(cd "$1" && pwd)
readonly generator=$2 compiler=$3
readonly folder=$build/tests/package_test
rm -rf "$folder"
mkdir -p "$folder"

step "install" cmake --install "$build" --prefix "$folder/staging"
mv "$folder/staging" "$folder/moved"
readonly prefix=$folder/moved

# Nothing that was installed for CMake may name a folder of this machine's build.
if grep -rnF -e "$build" -e "$(cd "$here/../.." && pwd)" "$prefix" --include='*.cmake'; then
  echo "run.sh: the package names folders of the build (above)" >&2
  exit 1
fi

step "configure" cmake -S "$here" -B "$folder/build" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$prefix"
if ! grep -qE "^roundtrip_DIR:PATH=$prefix/" "$folder/build/CMakeCache.txt"; then
  echo "run.sh: another roundtrip was found: $(grep ^roundtrip_DIR "$folder/build/CMakeCache.txt")" >&2
  exit 1
fi
step "build" cmake --build "$folder/build"

step "the installed command" "$prefix/bin/roundtrip" --version
readonly program=$folder/build/my_protocol

# The program's own protocol is listed, runs, and is verified; beside those of the package.
listed=$("$program" list)
for protocol in largest-degree connectivity cycles; do
  if ! grep -qx "$protocol" <<<"$listed"; then
    echo "run.sh: 'list' does not name $protocol:" >&2
    echo "$listed" >&2
    exit 1
  fi
done

# runs DEGREE COMMAND...: the exit code is 0, the answer is DEGREE, and an oracle has verified it.
runs() {
  local degree=$1 output
  shift
  echo "== $*" >&2
  output=$("$@")
  for line in "answer     degree: $degree" "verified   yes, by a serial oracle"; do
    if ! grep -qE "^$line(;|\$)" <<<"$output"; then
      echo "run.sh: no line '$line' from: $*" >&2
      echo "$output" >&2
      exit 1
    fi
  done
}
for ranks in 1 2; do
  runs 4 mpirun --oversubscribe -np "$ranks" "$program" run largest-degree --graph grid:20x20
  runs 999 mpirun --oversubscribe -np "$ranks" "$program" run largest-degree --graph star:1000
done
runs 999 "$program" run largest-degree --graph star:1000 --words min
runs 0 "$program" run largest-degree --graph er:10,0 --words min

# A protocol of one's own in weights, in a file.
echo "== my_weights" >&2
said=$(cd "$folder/build" && ./my_weights)
if [[ "$said" != "4 layers; machine 9 answers 15" || ! -s "$folder/build/largest.onnx" ]]; then
  echo "run.sh: my_weights said '$said', and wrote $(stat -c %s "$folder/build/largest.onnx" 2>&1) bytes" >&2
  exit 1
fi
