#!/usr/bin/env bash
# compile_fail.sh FILE CASE REGEX COMPILER [flag...]
# With - as CASE, FILE must compile. With one, FILE must not compile with -DCASE, and an error must match REGEX.
set -euo pipefail

readonly file=$1 name=$2 regex=$3
shift 3
if [[ "$name" == - ]]; then exec "$@" -fsyntax-only "$file"; fi

code=0
messages=$("$@" -fsyntax-only "-D$name" "$file" 2>&1) || code=$?
if ((code == 0)); then
  echo "compile_fail.sh: $file compiles with -D$name, and must not" >&2
  exit 1
fi
if ! grep -E 'error:' <<<"$messages" | grep -E -- "$regex" >/dev/null; then
  echo "$messages"
  echo "compile_fail.sh: $file does not compile with -D$name, but no error matches: $regex" >&2
  exit 1
fi
