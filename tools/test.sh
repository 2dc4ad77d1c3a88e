#!/usr/bin/env bash
# Formats are checked, the solution is built and every test is run. The last line is "N passed, N failed, N skipped".
#
#   FLORENCE_TEST_DEVICES=cpu,simulator   devices to test; default: every usable one
#   FLORENCE_LONG=1                       also the long rows
#   FLORENCE_FORMAT=0                     no format check
#   FLORENCE_TEST_MINUTES=45              limit of each test program; one that hangs is ended and counts as failed
#   FLORENCE_INSTALL=0                    do not install missing system packages
#   CUDASIM_CHECK=memory,sync             checks of the CUDA emulator, where one is used
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1

passed=0 failed=0 skipped=0 running=
exec 3>&1 # the last line is printed here even when an interrupt comes while a step's output goes to a file
work=$(mktemp -d)

finish() {
  trap - EXIT
  stop_running
  rm -rf "$work"
  echo "$passed passed, $failed failed, $skipped skipped" >&3
  exit $((failed > 0)) # explicit: a bare exit in a trap repeats the status from before it
}

# Each step is the leader of its own session, so that an interrupt ends it with everything it started.
stop_running() {
  [ -n "$running" ] || return 0
  kill -TERM -- "-$running" 2> /dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 -- "-$running" 2> /dev/null || break; sleep 0.3; done
  kill -KILL -- "-$running" 2> /dev/null
  running=
}

run() {
  setsid "$@" < /dev/null 3>&- &
  running=$!
  wait "$running"
  local code=$?
  stop_running
  return $code
}

fail() { failed=$((failed + 1)); echo "FAILED: $1" >&3; }

trap 'fail "interrupted"; exit 130' INT TERM HUP
trap finish EXIT

# A step whose output is shown only when it fails.
quietly() {
  local name=$1 start=$SECONDS
  shift
  if run "$@" > "$work/output" 2>&1; then echo "$name: $((SECONDS - start)) s"; return 0; fi
  tail -n 60 "$work/output"
  fail "$name"
  return 1
}

# Runs GPU tests without a GPU: a driver that executes PTX on the CPU lies beside the repository in development and in CI.
use_emulator() {
  local source=../shared/cudasim sum folder
  [ -d "$source/src" ] || { echo "cuda: no emulator beside the repository; CUDA tests run only on a real GPU"; return; }
  if nvidia-smi -L > /dev/null 2>&1; then echo "cuda: using the GPU of this machine"; return; fi
  if ! command -v make > /dev/null || ! command -v g++ > /dev/null; then echo "cuda: make or g++ is missing; CUDA tests are skipped"; return; fi
  sum=$(find "$source/Makefile" "$source/src" -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-16)
  folder=cache/cudasim-$sum
  if [ ! -f "$folder/lib/libcuda.so.1" ]; then
    rm -rf "$folder" "$folder.partial"
    mkdir -p "$folder.partial"
    cp -r "$source/Makefile" "$source/src" "$folder.partial/"
    quietly "cuda emulator" make -s -j2 -C "$folder.partial" || return
    mv "$folder.partial" "$folder"
  fi
  export LD_LIBRARY_PATH="$PWD/$folder/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" CUDASIM_CHECK=${CUDASIM_CHECK:-memory,sync}
}

# Test executable -> the number after "Total:", "Failed:" … of its last summary line.
count() { grep -a ' Total: ' "$work/output" | tail -n 1 | sed -n "s/.*$1: \([0-9]*\).*/\1/p"; }

run_tests() {
  local project=$1 preload=${2:-} start=$SECONDS code total errors bad skips
  local program=tests/$project/bin/Release/net10.0/FlorenceKernels.Tests.$project.dll
  echo "== $project"
  run env ${preload:+LD_PRELOAD="$preload"} timeout -k 15 "${FLORENCE_TEST_MINUTES:-45}m" dotnet "$program" -noLogo -noColor > "$work/output" 2>&1
  code=$?
  total=$(count Total) errors=$(count Errors) bad=$(count Failed) skips=$(count Skipped)
  grep -aE '\[SKIP\]' -A 1 "$work/output" | grep -avE '\[SKIP\]|^--' | sort | uniq -c | sed 's/^ */  skipped x/' || true
  if [ -z "$total" ]; then
    tail -n 60 "$work/output"
    fail "$project: the test process ended with code $code and no summary"
    return
  fi
  bad=${bad:-0} skips=${skips:-0}
  if [ "$code" -ne 0 ]; then grep -avE '\[SKIP\]|^  (Discover|Start|Finish)' "$work/output" | head -n 400; fi
  [ "$total" -gt 0 ] || fail "$project: no test was found"
  [ "${errors:-0}" -eq 0 ] || fail "$project: $errors errors outside tests"
  if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ] && [ "${errors:-0}" -eq 0 ]; then fail "$project: the test process ended with code $code"; fi
  passed=$((passed + total - bad - skips)) failed=$((failed + bad)) skipped=$((skipped + skips))
  echo "$project: $((total - bad - skips)) passed, $bad failed, $skips skipped, $((SECONDS - start)) s"
}

command -v dotnet > /dev/null || { fail "the .NET 10 SDK is not installed"; exit 1; }
run tools/install-test-packages.sh || true
# The assembler for PTX is a large download from the part of the distribution that is not free: only where all is tested.
if [ "${FLORENCE_LONG:-0}" = 1 ] && [ "${FLORENCE_INSTALL:-1}" = 1 ]; then run tools/get-ptxas.sh > /dev/null || true; fi
use_emulator

quietly "restore" dotnet restore --disable-build-servers -v q || exit 1
if [ "${FLORENCE_FORMAT:-1}" != 0 ]; then quietly "format" dotnet format --verify-no-changes --no-restore; fi
quietly "build" dotnet build -c Release --no-restore --disable-build-servers -v q || exit 1

run_tests Engine
run_tests Models
if ! shim=$(tools/torchsharp-on-debian12.sh tests/Peers/bin/Release/net10.0); then shim=; fi
run_tests Peers "$shim"
exit 0
