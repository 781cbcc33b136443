#!/usr/bin/env bash
# library.sh BUILD: does what `cmake --install` of that build puts into an empty folder serve a
# program that knows nothing of the tree? The program is the one in docs/library.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=$1
fail() { printf 'library: %s\n' "$*" >&2; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/prefix" --component library >/dev/null
grep -rnF "$PWD" "$folder/prefix/lib" --include='*.cmake' && fail "an installed file names this tree"

# use SOURCE: builds that program against the prefix, with the compiler's default flags.
use() {
  cmake -S "$1" -B "$folder/$(basename "$1")" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH="$folder/prefix" --no-warn-unused-cli >/dev/null
  cmake --build "$folder/$(basename "$1")" >/dev/null
}

use examples/check_history
said=$("$folder/check_history/check_history")
printf '%s\n' "$said" >&2
grep -qxF "$said" docs/library.md || fail "docs/library.md says that the example prints otherwise"

use tests/install
installed=$folder/install/installed
for history in tests/histories/{tuples.valid,tuples.invalid,stale-read.invalid}.jsonl; do
  expected=$(basename "$history" .jsonl)
  "$installed" "$history" | grep -qx "linearizable ${expected##*.}" ||
    fail "$history: judged otherwise by the installed library"
done
