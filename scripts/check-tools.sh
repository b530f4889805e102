#!/usr/bin/env bash
# Says in one line what is missing before anything is built. The minimum versions come from the Makefile.
set -eu

older() { # older HAVE WANT: true when HAVE < WANT
	[ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

missing=()
if ! command -v go >/dev/null; then
	missing+=("Go $GO_MIN or newer")
else
	have=$(go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
	older "$have" "$GO_MIN" && missing+=("Go $GO_MIN or newer (this is $have)")
fi
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	missing+=("Node.js $NODE_MIN or newer with npm")
else
	have=$(node --version | sed 's/^v//')
	older "$have" "$NODE_MIN" && missing+=("Node.js $NODE_MIN or newer (this is $have)")
fi
if ! command -v python3 >/dev/null; then
	missing+=("Python $PYTHON_MIN or newer with pip")
else
	have=$(python3 -c 'import platform; print(platform.python_version())')
	older "$have" "$PYTHON_MIN" && missing+=("Python $PYTHON_MIN or newer (this is $have)")
	python3 -m pip --version >/dev/null 2>&1 || missing+=("pip for Python 3 (Debian: apt-get install python3-pip python3-venv)")
fi
if [ ${#missing[@]} -gt 0 ]; then
	printf 'Parley needs'
	printf ' %s;' "${missing[@]}"
	printf ' install and run make again.\n'
	exit 1
fi >&2
