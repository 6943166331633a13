#!/usr/bin/env bash
# Builds roundtrip and shows it on a real graph, on the problem whose hardness the field conjectures (one cycle or two?), on protocols that
# run as transformers, and on a transformer that runs as a protocol, and draws how the rounds grow.
# From any folder: bench/demo.sh. Takes no arguments.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/environment.sh

step "what is missing" bench/install_dependencies.sh
# Standard output is for results.
step "configure" cmake --preset release --log-level=WARNING >&2
step "build" cmake --build --preset release --parallel "$JOBS" --target roundtrip >&2

readonly roundtrip=build/release/roundtrip
readonly graph=bench/data/debian12-depends.el.gz
readonly names=bench/data/debian12-depends.names.gz
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
readonly labels=$folder/labels

# The three largest components, each with the names of its first five packages. A line of the label file is "vertex label" or,
# for vertex 0, 1, 2, ... in order, "label"; line i of the names, from 0, is the name of vertex i.
largest_components() {
  gzip -dc "$names" >"$folder/names"
  awk 'FNR == NR { name[FNR - 1] = $0; next }
       /^#/ || NF == 0 { next }
       { vertex = NF > 1 ? $1 : line++; label = $NF
         if (!(vertex in name)) { print "no package has the number " vertex > "/dev/stderr"; failed = 1; exit 1 }
         if (size[label]++ < 5) first[label] = first[label] " " name[vertex] }
       END { if (failed) exit 1
             for (label in size) { print size[label], label first[label]; any = 1 }
             exit !any }' "$folder/names" "$labels" >"$folder/components"
  sort -k1,1nr -k2,2n "$folder/components" |
    awk 'NR <= 3 { printf "component of %d packages:", $1; for (i = 3; i <= NF; ++i) printf " %s", $i; print ($1 > 5 ? " ..." : "") }'
}

step "components of Debian 12's dependency graph, on 2 ranks" \
  mpirun --oversubscribe -np 2 "$roundtrip" run connectivity --graph "$graph" --delta 0.5 --labels "$labels"
step "packages in the largest components" largest_components
step "one cycle, on 2 ranks" mpirun --oversubscribe -np 2 "$roundtrip" run cycles --graph cycle:1048576
step "two cycles, on 2 ranks" mpirun --oversubscribe -np 2 "$roundtrip" run cycles --graph two-cycles:1048576
readonly plot=build/rounds.svg
draw() { mpirun --oversubscribe -np 2 "$roundtrip" rounds --preset sanford2024 --fit --svg "$plot" && echo "plot: $PWD/$plot"; }
step "rounds against log2 N, measured, declared and for reference" draw
step "two cycles, as a transformer of 1024 machines" \
  mpirun --oversubscribe -np 2 "$roundtrip" compile cycles --variant doubling --graph two-cycles:1024 --machines 1024 --words min
step "protocols on messages and as transformers, compared after every round" \
  mpirun --oversubscribe -np 2 "$roundtrip" check theorem1 --machines 2,5,16,64

# Line i of the sentences is line i of the tokens.
readonly sentences=bench/data/minilm-sentences.txt tokens=bench/data/minilm-sentences.tokens
two_sentences() {
  sed -n 2,3p "$sentences" && sed -n 2,3p "$tokens" >"$folder/tokens" &&
    mpirun --oversubscribe -np 2 "$roundtrip" forward build/models/all-MiniLM-L6-v2 --tokens "$folder/tokens" --scheme theorem2 \
      --words 16384 --pool mean
}
step "the model all-MiniLM-L6-v2, and onnxruntime" bench/models/install.sh
in_weights() {
  "$roundtrip" compile cycles --variant doubling --graph two-cycles:64 --weights --onnx build/cycles.onnx --input-npy "$folder/x.npy" \
    --output-npy "$folder/y.npy" && build/models/venv/bin/python bench/models/run_onnx.py build/cycles.onnx "$folder/x.npy" "$folder/y.npy"
}
step "the same protocol in weights alone, in a file that onnxruntime runs" in_weights
step "protocol -> transformer -> protocol, on 3 ranks" mpirun --oversubscribe -np 3 "$roundtrip" check roundtrip
step "connected components of a random graph by a transformer in weights" \
  "$roundtrip" compile components --graph er:1024,1024 --weights --onnx build/components.onnx
step "how alike two sentences are, by a transformer that runs as a protocol (Theorem 2)" two_sentences
step "transformers as protocols, beside ring attention and Ulysses" mpirun --oversubscribe -np 2 "$roundtrip" check theorem2
