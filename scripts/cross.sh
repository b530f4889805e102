#!/usr/bin/env bash
# Compiles for every platform that the README names; only linux/amd64 is run by the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p dist
tags=
[ -f web/dist/index.html ] && tags=web
for target in ${TARGETS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64}; do
	os=${target%/*} arch=${target#*/} ext=
	[ "$os" = windows ] && ext=.exe
	echo "building $target"
	GOOS=$os GOARCH=$arch CGO_ENABLED=0 go build -trimpath -tags "$tags" -o "dist/parley-$os-$arch$ext" ./cmd/parley
done
