#!/usr/bin/env bash
# Installs what the tests need, outside the checkout where it can, and runs all of them: Go on SQLite and
# on PostgreSQL, the built binary, the real small model, real SDKs, a real Chromium. Prints the counts.
#   ONLY="go web" scripts/test.sh     runs some of the parts: lint go postgres race fuzz scripts sdk lmeval web browser cross
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD

export CACHE=${CACHE:-${PARLEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/parley}}
export PARLEY_CACHE=$CACHE
test_cache=$CACHE/test
mkdir -p "$test_cache"
only=${ONLY:-lint go postgres race fuzz scripts sdk lmeval web browser cross}
wants() { [[ " $only " == *" $1 "* ]]; }
say() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

passed=0 failed=0
# part NAME COMMAND…: runs it, goes on when it fails, remembers.
part() {
	local name=$1
	shift
	say "$name"
	if "$@"; then passed=$((passed + 1)); else
		failed=$((failed + 1))
		echo "!! $name failed"
	fi
}

# --- what the tests need -------------------------------------------------------------------------------
packages=()
command -v curl >/dev/null || packages+=(curl)
if wants browser; then
	CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
	[ -n "$CHROMIUM" ] || packages+=(chromium fonts-noto-cjk)
fi
find_postgres() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }
if wants postgres && ! command -v initdb >/dev/null && [ -z "$(find_postgres)" ]; then packages+=(postgresql); fi
if { wants go || wants postgres; } && ! command -v redis-server >/dev/null; then packages+=(redis-server); fi
if wants go && ! { command -v pdftotext && command -v pdftoppm; } >/dev/null; then packages+=(poppler-utils); fi
if wants go && ! command -v tesseract >/dev/null; then packages+=(tesseract-ocr); fi
if [ ${#packages[@]} -gt 0 ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		say "installing ${packages[*]}"
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
	else
		echo "The tests need Debian's packages ${packages[*]}: install them (apt-get install ${packages[*]}) and run make test again." >&2
		exit 1
	fi
fi
export CHROMIUM=${CHROMIUM:-$(command -v chromium || true)}

say "building"
make --no-print-directory build
say "pulling the default models"
export PARLEY_TEST_BIN=$top/bin/parley
export PARLEY_TEST_HOME=$test_cache/home PARLEY_TEST_CACHE=$CACHE
PARLEY_HOME=$PARLEY_TEST_HOME bin/parley pull --defaults

# Code Interpreter's sandbox: gVisor and a Python environment, both in the cache. Where they cannot be had, their tests skip and say so.
if [ "$(uname -s)" = Linux ] && { wants go || wants scripts || wants sdk || wants postgres; }; then
	say "building the sandbox of Code Interpreter"
	make --no-print-directory sandbox || echo "!! no sandbox on this machine: its tests are skipped" >&2
fi

# Three more published versions of the engine's libraries, two of them with other struct layouts: the binding is data.
if wants go && [ "$(uname -sm)" = "Linux x86_64" ]; then
	libs=$test_cache/libraries
	PARLEY_TEST_LLAMA_LIBS=$(find "$CACHE/libraries" -maxdepth 1 -name 'llama-cpp-linux-x64-*' | sort -V | tail -n 1)
	for v in 3.21.1 3.20.0 3.16.0; do
		if [ ! -d "$libs/$v/package/bins/linux-x64" ]; then
			mkdir -p "$libs/$v"
			(cd "$libs/$v" && npm pack --silent "@node-llama-cpp/linux-x64@$v" >/dev/null && tar -xzf ./*.tgz && rm -f ./*.tgz)
		fi
		PARLEY_TEST_LLAMA_LIBS=$PARLEY_TEST_LLAMA_LIBS:$libs/$v/package/bins/linux-x64
	done
	export PARLEY_TEST_LLAMA_LIBS
fi

# venv NAME: an environment for e2e/sdk/NAME, made again when its requirements change. Prints its python.
venv() {
	local dir=$test_cache/venv-$1 req=e2e/sdk/$1/requirements.txt
	if ! cmp -s "$req" "$dir/requirements.txt"; then
		rm -rf "$dir"
		python3 -m venv "$dir" && "$dir/bin/pip" install -q -r "$req" >&2 && cp "$req" "$dir/requirements.txt"
	fi
	echo "$dir/bin/python"
}
if wants sdk; then
	say "installing the clients"
	PARLEY_TEST_PYTHON027=$(venv python027)
	PARLEY_TEST_PYTHON028=$(venv python028)
	PARLEY_TEST_PYTHON110=$(venv python110)
	PARLEY_TEST_PYTHON=$(venv python)
	export PARLEY_TEST_PYTHON027 PARLEY_TEST_PYTHON028 PARLEY_TEST_PYTHON110 PARLEY_TEST_PYTHON
	(cd e2e/sdk/node && npm ci --no-audit --no-fund --silent)
fi
if wants lmeval; then
	say "installing lm-eval (about 1 GB)"
	PARLEY_TEST_PYTHON_LMEVAL=$(venv lmeval)
	export PARLEY_TEST_PYTHON_LMEVAL
fi

# --- the tests -------------------------------------------------------------------------------------------
gotestsum=(go run gotest.tools/gotestsum@v1.13.0 --format pkgname-and-test-fails --format-hide-empty-pkg --)
packages_of_unit() { go list ./... | grep -v '/e2e/'; }
# Packages whose tests reach the database, for a second run on PostgreSQL.
packages_with_store() {
	go list -test -f '{{if .ForTest}}{{.ForTest}} {{join .Deps " "}}{{end}}' ./internal/... | grep 'internal/store/storetest' | cut -d' ' -f1 | sort -u
}
on_postgres() { e2e/postgres.sh run "$@"; }

wants lint && part "formatting, vet and linters" ./scripts/lint.sh
# shellcheck disable=SC2046
wants go && part "Go, on SQLite" "${gotestsum[@]}" -count=1 -timeout 15m $(packages_of_unit)
if wants postgres; then
	# shellcheck disable=SC2046
	part "Go, on PostgreSQL" on_postgres "${gotestsum[@]}" -count=1 -timeout 15m $(packages_with_store)
	part "the built binary, on PostgreSQL" on_postgres "${gotestsum[@]}" -count=1 -timeout 15m -run 'TestPython0|TestPythonNewest|TestKill|TestScripts/^postgres$|TestUpgrade|TestRestoreOldBackup' \
		./e2e/sdk ./e2e/resilience ./e2e/script ./e2e/upgrade
fi
wants race && part "race detector" env CGO_ENABLED=1 "${gotestsum[@]}" -race -short -count=1 -timeout 15m \
	./internal/engine/... ./internal/httpapi/... ./internal/generate/... ./internal/vector
wants fuzz && part "fuzzing of every decoder" env FUZZTIME="${FUZZTIME:-3s}" ./scripts/fuzz.sh
wants scripts && part "the built binary as a terminal session" "${gotestsum[@]}" -count=1 -timeout 15m ./e2e/script
wants scripts && part "killed processes" "${gotestsum[@]}" -count=1 -timeout 15m ./e2e/resilience
wants scripts && part "homes of earlier builds" "${gotestsum[@]}" -count=1 -timeout 15m ./e2e/upgrade
wants sdk && part "real clients on the real model" "${gotestsum[@]}" -count=1 -timeout 15m -skip TestLMEval ./e2e/sdk
wants lmeval && part "lm-eval on the real model" "${gotestsum[@]}" -count=1 -timeout 15m -run TestLMEval ./e2e/sdk
if wants web; then part "web app" bash -c 'cd web && npm test --silent'; fi
wants browser && part "a real Chromium" "${gotestsum[@]}" -count=1 -timeout 30m ./e2e/browser
wants browser && wants postgres && part "a real Chromium, on PostgreSQL" on_postgres "${gotestsum[@]}" -count=1 -timeout 30m ./e2e/browser

wants cross && part "compiles for the other platforms" env TARGETS="linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64" ./scripts/cross.sh

say "done"
echo "parts: $passed passed, $failed failed"
[ "$failed" = 0 ]
