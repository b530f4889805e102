#!/usr/bin/env bash
# Builds the web app when its sources are newer than what was built, so that a second `make run` does nothing.
set -euo pipefail
cd "$(dirname "$0")/../web"

stamp=dist/.built
sources=$(find . \( -name node_modules -o -name dist -o -name test-results \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sources" ]; then
	exit 0
fi
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
	PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund
fi
npm run build
printf '%s\n' "$sources" >"$stamp"
