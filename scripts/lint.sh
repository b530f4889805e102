#!/usr/bin/env bash
# Formatting, vet and linters; prints what to run to mend it.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then
	printf 'not formatted (gofmt -w):\n%s\n' "$unformatted"
	exit 1
fi
go vet ./...
go run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...
if [ -d web/node_modules ]; then
	(cd web && npm run --silent lint && npm run --silent check)
fi
