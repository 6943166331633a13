#!/usr/bin/env bash
# The README shows my_protocol.cc: the code block after the line <!-- my_protocol.cc --> is that file.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly readme=$here/../../README.md

shown=$(awk '/^<!-- my_protocol.cc -->$/ { marked = 1; next }
             marked && !inside && /^```/ { inside = 1; next }
             inside && /^```$/ { exit }
             inside { print }' "$readme")
if ! diff <(echo "$shown") "$here/my_protocol.cc"; then
  echo "readme_test.sh: README.md (<) does not show tests/package/my_protocol.cc (>)" >&2
  exit 1
fi
