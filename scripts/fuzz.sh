#!/usr/bin/env bash
# Fuzzes every decoder for a while, one after the other. A failure leaves its input in testdata/fuzz of the
# package: mend it and commit the input with it.
#   FUZZTIME=30s FUZZWORKERS=2 scripts/fuzz.sh [PATTERN]     PATTERN: of lines like internal/chat:FuzzRequest
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${FUZZTIME:-30s} workers=${FUZZWORKERS:-2} pattern=${1:-.}

mapfile -t targets < <(grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' internal |
	sed -E 's|^(.*)/[^/]*_test\.go:func (Fuzz.*)$|\1:\2|' | sort | grep -E "$pattern")
[ ${#targets[@]} -gt 0 ] || { echo "no fuzz test matches $pattern" >&2; exit 1; }
# execs OUTPUT: how many inputs were tried.
execs() { grep -oE 'execs: [0-9]+' <<<"$1" | tail -n 1 | grep . || echo "only what was found in earlier runs: more time is needed"; }
failed=()
for target in "${targets[@]}"; do
	if out=$(go test "./${target%:*}" -run '^$' -fuzz "^${target#*:}\$" -fuzztime "$fuzztime" -fuzzminimizetime 50x -parallel "$workers" 2>&1); then
		printf '%-55s %s\n' "$target" "$(execs "$out")"
	elif grep -q 'context deadline exceeded' <<<"$out" && ! grep -q 'Failing input written' <<<"$out"; then
		# On a busy machine Go calls a run that is over a failure, though no input failed.
		printf '%-55s %s, ended late\n' "$target" "$(execs "$out")"
	else
		failed+=("$target")
		printf '!! %s\n%s\n' "$target" "$(tail -n 60 <<<"$out")"
	fi
done
echo "fuzzed ${#targets[@]} decoders for $fuzztime each, ${#failed[@]} failed"
[ ${#failed[@]} = 0 ] || { printf '  %s\n' "${failed[@]}"; exit 1; }
