#!/usr/bin/env bash
# package.sh DEB…: installs the packages on this machine, tries what they installed, and removes
# them. Exits 77 without having touched anything if that cannot be tried here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
skip() { printf 'SKIPPED: packages: %s\n' "$*" >&2; exit 77; }
fail() { printf 'packages: %s\n' "$*" >&2; exit 1; }

names=(faultline libfaultline-dev)
[[ $(id -u) == 0 ]] || skip "installing one wants root"
command -v apt-get >/dev/null || skip "there is no apt-get"
for name in "${names[@]}"; do
  ! dpkg-query -W "$name" >/dev/null 2>&1 || skip "$name is installed here already; not touching it"
done

folder=$(mktemp -d)
remove() {
  dpkg --purge "${names[@]}" >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap remove EXIT
# The packages' own dependencies are among those of the build; --no-remove in case they are not.
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-remove --no-install-recommends \
  "${@/#/$PWD/}" >"$folder/apt.log" 2>&1 || { cat "$folder/apt.log" >&2; fail "do not install"; }
for name in "${names[@]}"; do dpkg -L "$name"; done | sort -u >"$folder/files"

for file in man/man1/faultline.1 man/man1/faultline-run.1 bash-completion/completions/faultline \
  zsh/vendor-completions/_faultline fish/vendor_completions.d/faultline.fish; do
  grep -qx "/usr/share/$file" "$folder/files" || fail "/usr/share/$file is not in the package"
done

# As a user who has only the package: no environment, not in this tree, nothing built.
installed() { (cd "$folder" && env -i PATH=/usr/bin:/bin HOME="$folder" "$@"); }
# expect CODE COMMAND…
expect() {
  local expected=$1 code=0
  shift
  installed "$@" >"$folder/out" 2>&1 || code=$?
  [[ $code == "$expected" ]] ||
    { cat "$folder/out" >&2; fail "$*: exit code $code, expected $expected"; }
}
expect 0 faultline doctor
expect 0 faultline check "$PWD/tests/histories/tuples.valid.jsonl"
expect 1 faultline check "$PWD/tests/histories/stale-read.invalid.jsonl"
expect 0 faultline run /usr/share/faultline/configs/refkv-register-mixed.yaml --time 5s --seed 1
tail -n 4 "$folder/out" >&2
grep -q '"/usr/libexec/faultline/refkv"' "$folder"/runs/*/latest/meta.json ||
  fail "the run used another refkv than the installed one"
cmake -S examples/check_history -B "$folder/example" -G Ninja >/dev/null
cmake --build "$folder/example" >/dev/null
expect 0 example/check_history

dpkg --purge "${names[@]}" >/dev/null
count=0
while read -r path; do
  count=$((count + 1))
  [[ $path != *faultline* || ! -e $path ]] || fail "$path is still there after removal"
done <"$folder/files"
[[ $count -gt 40 ]] || fail "only $count files were installed"
printf '%d paths installed and gone again\n' "$count" >&2
