#!/usr/bin/env bash
# Makes e2e/upgrade/testdata/NAME.tar.zst: what the program of a commit leaves behind when it was used on SQLite and on
# PostgreSQL and then killed, with its backup if it can make one. Once for each release, with its tag:
#
#   scripts/upgrade-fixture.sh NAME COMMIT
#
# It needs PostgreSQL's programs, and the models of `make models` in the cache (PARLEY_CACHE). The secrets in the file are of
# these homes alone.
set -euo pipefail
[ $# = 2 ] || { echo "usage: $0 NAME COMMIT" >&2; exit 2; }
cd "$(dirname "$0")/.."
name=$1
commit=$(git rev-parse --short "$2^{commit}")

tmp=$(mktemp -d)
trap 'git worktree remove --force "$tmp/tree" 2>/dev/null; rm -rf "$tmp"' EXIT
git worktree add --quiet --detach "$tmp/tree" "$commit"
(cd "$tmp/tree" && go build -o "$tmp/parley" ./cmd/parley)
e2e/postgres.sh run go test ./e2e/upgrade -run '^TestMake$' -count=1 -v -args -make "$name" -program "$tmp/parley" -build "$commit"
