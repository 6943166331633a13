#!/usr/bin/env bash
# The README shows the programs of this folder: the code block after a line <!-- my_protocol.cc --> is that file.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly readme=$here/../../README.md

for program in my_protocol.cc my_weights.cc; do
  shown=$(awk -v mark="<!-- $program -->" '$0 == mark { marked = 1; next }
               marked && !inside && /^```/ { inside = 1; next }
               inside && /^```$/ { exit }
               inside { print }' "$readme")
  if ! diff <(echo "$shown") "$here/$program"; then
    echo "readme_test.sh: README.md (<) does not show tests/package/$program (>)" >&2
    exit 1
  fi
done
