#!/usr/bin/env bash
# Builds parley-runsc (gVisor, a module of its own in sandbox/runsc) into the cache, unless it is there from the same sources,
# and puts it beside bin/parley. The first build fetches about 70 modules' worth of sources and takes a minute or two on two cores.
#   scripts/sandbox-build.sh [--if-linux]     with --if-linux it does nothing elsewhere
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(go env GOOS)" != linux ]; then
	echo "Code Interpreter's sandbox runs on Linux only." >&2
	[ "${1:-}" = --if-linux ] && exit 0
	exit 1
fi
cache=${PARLEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/parley}
mkdir -p "$cache/bin" bin
sum=$({ cat sandbox/runsc/go.mod sandbox/runsc/go.sum sandbox/runsc/*.go && go env GOARCH GOVERSION; } | sha256sum | cut -d' ' -f1)
if [ ! -x "$cache/bin/parley-runsc" ] || [ "$(cat "$cache/bin/parley-runsc.sum" 2>/dev/null)" != "$sum" ]; then
	echo "building parley-runsc (gVisor); once, a minute or two"
	tmp=$(mktemp "$cache/bin/making-XXXXXX")
	trap 'rm -f "$tmp"' EXIT
	(cd sandbox/runsc && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$tmp" .)
	chmod 755 "$tmp"
	mv "$tmp" "$cache/bin/parley-runsc"
	echo "$sum" >"$cache/bin/parley-runsc.sum"
	trap - EXIT
fi
cmp -s "$cache/bin/parley-runsc" bin/parley-runsc || install -m 755 "$cache/bin/parley-runsc" bin/parley-runsc
