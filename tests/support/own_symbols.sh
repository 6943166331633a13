#!/usr/bin/env bash
# own_symbols.sh NM LIBRARY
# The loops for newer processors must leave nothing that the linker may choose for the rest of the program: of the weak symbols that their
# objects define, each must be named after its instruction set.
set -euo pipefail

readonly nm=$1 library=$2
checked=0 failed=0
while IFS= read -r line; do
  [[ "$line" =~ ^[^:]*:(loops_(avx[0-9]+)\.cc\.o):[0-9a-f]*\ ([A-Za-z])\ (.*)$ ]] || continue
  object=${BASH_REMATCH[1]} set=${BASH_REMATCH[2]} kind=${BASH_REMATCH[3]} symbol=${BASH_REMATCH[4]}
  checked=$((checked + 1))
  if [[ "$kind" == [WVu] && "$symbol" != *"bridge::cpu::${set}_loops<"* ]]; then
    echo "$object defines $symbol for all" >&2
    failed=1
  fi
done < <("$nm" --print-file-name --defined-only -C "$library")
if ((checked < 20)); then
  echo "own_symbols.sh: found $checked symbols of loops_avx*.cc.o in $library, and wanted more" >&2
  exit 1
fi
exit "$failed"
