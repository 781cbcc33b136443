#!/usr/bin/env bash
# run.sh BUILD SECONDS NAME…: each fuzzer for that long, one on every processor, beginning with the
# seeds in corpus/ and with what earlier runs in this build found. Fails on a crash, a leak, a hang
# or a memory hog.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=$1 seconds=$2
shift 2

# Names in reports come from binutils' addr2line: there is no need for LLVM's symbolizer.
addr2line=$(command -v addr2line)
export ASAN_OPTIONS=detect_leaks=1:external_symbolizer_path=$addr2line
export UBSAN_OPTIONS=print_stacktrace=1:external_symbolizer_path=$addr2line
fuzz() {
  local name=$1 program seeds log failed executions features
  program=$build/tests/fuzz/fuzz_$name
  mkdir -p "$build/corpus/$name" "$build/found"
  seeds=$(mktemp -d)
  case $name in
    jsonl) cp tests/histories/*.jsonl tests/fuzz/corpus/jsonl/* "$seeds" ;;
    edn) cp tests/histories/*.edn tests/histories/*.json tests/fuzz/corpus/edn/* "$seeds" ;;
    yaml) cp configs/*.yaml tests/e2e/*.yaml tests/fuzz/corpus/yaml/* "$seeds" ;;
    *) cp "tests/fuzz/corpus/$name"/* "$seeds" ;;
  esac
  log=$build/fuzz_$name.log
  failed=0
  "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -dict="tests/fuzz/$name.dict" -artifact_prefix="$build/found/$name-" \
    "$build/corpus/$name" "$seeds" >"$log" 2>&1 || failed=$?
  rm -rf "$seeds"
  executions=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
  features=$(sed -n 's/.* ft: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  if [[ $failed != 0 ]]; then
    grep -a -A 40 -m 1 -E 'check failed|ERROR:|runtime error:' "$log" >&2 || tail -n 40 "$log" >&2
    printf 'fuzz_%s: failed; again with: %s FILE, where FILE is\n' "$name" "$program" >&2
    sed -n 's/.*Test unit written to /  /p' "$log" >&2
    return 1
  elif [[ ${executions:-0} -lt 1000 || ${features:-0} -lt 500 ]]; then
    # Not instrumented, or stuck: an hour of this would find nothing.
    printf 'fuzz_%s: %s executions, %s features reached: it does not get anywhere\n' \
      "$name" "${executions:-0}" "${features:-0}" >&2
    return 1
  else
    printf 'fuzz_%s: %s executions in %s s, %s features reached, nothing found\n' \
      "$name" "$executions" "$seconds" "$features" >&2
  fi
}

running=0 status=0
for name in "$@"; do
  if [[ $running -ge $(nproc) ]]; then
    wait -n || status=1
    running=$((running - 1))
  fi
  fuzz "$name" &
  running=$((running + 1))
done
for ((; running > 0; running--)); do wait -n || status=1; done
exit $status
