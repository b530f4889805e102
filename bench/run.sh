#!/usr/bin/env bash
# Parley beside upstream's llama-server on the same model files, in one run, and beside a bare reverse
# proxy in front of a 0 ms upstream. Prints Markdown tables. Nothing else should run on the machine.
#   bench/run.sh [text|loop|divergence|overhead|tools|gateways|memory|retrieval]…      default: text loop divergence overhead
#   bench/run.sh gateways  Parley, a bare proxy, Portkey's gateway (npm) and LiteLLM's proxy (PyPI) before a 0 ms upstream, whole and streamed
#   bench/run.sh memory    what the server holds in memory over two million requests (REQUESTS=…)
#   CRANFIELD=DIR bench/run.sh retrieval  nDCG@10 on the Cranfield collection (corpus.jsonl, queries.jsonl, qrels.tsv), beside LangChain and FAISS (PyPI)
#   bench/run.sh tools     sixty cases of function calling on the default model; see bench/tools for others
#   bench/run.sh vectors   the vector index beside faiss, usearch, sqlite-vec (PyPI) and coder/hnsw (Go) on 101,000 embeddings of
#                          comments in Go's and the modules' sources, one thread; MILLION=1 also a million vectors
#   FILES="as-is lossless fast" ROUNDS=3 bench/run.sh text
# The peer is built once, from the source that PyPI's llama-cpp-python 0.3.36 carries (about five minutes
# on two cores; needs cmake and a C++ compiler), and kept in the cache.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${PARLEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/parley}
export PARLEY_CACHE=$cache
work=$cache/bench
mkdir -p "$work"
parts=${*:-text loop divergence overhead}
files=${FILES:-as-is lossless fast}
rounds=${ROUNDS:-3}
peer_version=0.3.36
peer=$work/llama-server-$peer_version/bin/llama-server
pids=()
stop_all() {
	for p in "${pids[@]:-}"; do [ -n "$p" ] && kill "$p" 2>/dev/null || true; done
	for p in "${pids[@]:-}"; do [ -n "$p" ] && wait "$p" 2>/dev/null || true; done
	pids=()
}
trap stop_all EXIT

build_peer() {
	[ -x "$peer" ] && return
	command -v cmake >/dev/null || { echo "building the peer needs cmake and a C++ compiler" >&2; exit 1; }
	echo "building llama-server from llama-cpp-python $peer_version" >&2
	rm -rf "$work/src" && mkdir -p "$work/src"
	python3 -m pip download -q --no-deps --no-binary llama-cpp-python -d "$work/src" "llama-cpp-python==$peer_version" >&2
	tar -xzf "$work"/src/llama_cpp_python-*.tar.gz -C "$work/src" --strip-components=1
	cmake -S "$work/src/vendor/llama.cpp" -B "$work/llama-server-$peer_version" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
		-DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF >"$work/build.log"
	cmake --build "$work/llama-server-$peer_version" --target llama-server -j "$(nproc)" >>"$work/build.log" 2>&1
}

# start_parley NAME: starts it in $PARLEY_HOME; sets url, key, pid.
start_parley() {
	rm -f "$PARLEY_HOME/server.json"
	PARLEY_ADDR=127.0.0.1:0 bin/parley serve --smoke >"$work/parley-$1.log" 2>&1 &
	pid=$!
	pids+=("$pid")
	for _ in $(seq 200); do
		[ -s "$PARLEY_HOME/server.json" ] && break
		sleep 0.1
	done
	url=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["url"])' "$PARLEY_HOME/server.json")
	key=$(bin/parley keys create --name bench)
}

# serve LAYOUT: starts Parley in a home of its own with that layout of the default model; sets url, key, pid, file.
serve() {
	export PARLEY_HOME=$work/home-$1
	bin/parley pull --defaults "--$1" >&2
	start_parley "$1"
	file=$(bin/parley models --json | python3 -c 'import json,sys; print(next(m["path"] for m in json.load(sys.stdin)["data"] if m["name"].startswith("smollm2")))')
}

# before_upstream: starts a 0 ms upstream, the bare proxy, and Parley in front of it; sets url, key, pid, proxy_pid.
before_upstream() {
	"$work/overhead" upstream 127.0.0.1:9181 &
	pids+=($!)
	"$work/overhead" proxy 127.0.0.1:9182 http://127.0.0.1:9181 &
	proxy_pid=$!
	pids+=("$proxy_pid")
	export PARLEY_HOME=$work/home-overhead
	rm -rf "$PARLEY_HOME" # rows of earlier runs, perhaps of an older build
	mkdir -p "$PARLEY_HOME"
	cat >"$PARLEY_HOME/config.yaml" <<-YAML
		log:
		  level: warn
		remotes:
		  - name: upstream
		    url: http://127.0.0.1:9181/v1
		    models: [bench]
	YAML
	start_parley overhead
}

# gateways_before_upstream: installs and starts Portkey's gateway on port 9183 and LiteLLM's proxy on 9184.
portkey_version=1.15.2
litellm_version=1.106.2
litellm_key=sk-bench0123456789abcdef0123456789abcdef
gateways_before_upstream() {
	local at=$work/gateways
	mkdir -p "$at"
	[ -d "$at/portkey-$portkey_version" ] || npm install --no-audit --no-fund --silent --prefix "$at/portkey-$portkey_version" "@portkey-ai/gateway@$portkey_version" >&2
	if ! [ -x "$at/litellm-$litellm_version/bin/litellm" ]; then
		python3 -m venv "$at/litellm-$litellm_version"
		"$at/litellm-$litellm_version/bin/pip" install -q "litellm[proxy]==$litellm_version" >&2
	fi
	node "$at/portkey-$portkey_version/node_modules/@portkey-ai/gateway/build/start-server.js" --port=9183 --headless >"$work/portkey.log" 2>&1 &
	pids+=($!)
	cat >"$at/litellm.yaml" <<-YAML
		model_list:
		  - model_name: bench
		    litellm_params: {model: openai/bench, api_base: "http://127.0.0.1:9181/v1", api_key: none}
	YAML
	LITELLM_MASTER_KEY=$litellm_key LITELLM_LOG=ERROR "$at/litellm-$litellm_version/bin/litellm" --config "$at/litellm.yaml" --host 127.0.0.1 --port 9184 >"$work/litellm.log" 2>&1 &
	pids+=($!)
	for _ in $(seq 600); do
		curl -fs -o /dev/null http://127.0.0.1:9184/health/liveliness && return
		sleep 0.1
	done
	tail -n 5 "$work/litellm.log" >&2
	return 1
}

if [[ " $parts " == *" text "* ]]; then
	build_peer
	go build -o "$work/text" ./bench/text
	for layout in $files; do
		serve "$layout"
		"$peer" -m "$file" --host 127.0.0.1 --port 9180 --parallel 16 -c 32768 -t 2 >"$work/peer.log" 2>&1 &
		peer_pid=$!
		pids+=("$peer_pid")
		for _ in $(seq 300); do
			curl -fs -o /dev/null http://127.0.0.1:9180/health && break
			sleep 0.1
		done
		"$work/text" -title "$layout" -rounds "$rounds" -url "$url/v1" -key "$key" -pid "$pid" -peer http://127.0.0.1:9180/v1 -peer-pid "$peer_pid"
		stop_all
	done
fi

if [[ " $parts " == *" loop "* ]]; then
	go build -o "$work/loop" ./bench/loop
	serve lossless
	printf '### over HTTP and SSE beside the bare engine loop (lossless)\n\n'
	library=$(bin/parley models --json | python3 -c 'import json,sys; print(next(m["dir"] for m in json.load(sys.stdin)["data"] if m["kind"] == "library"))')
	"$work/loop" -url "$url/v1" -key "$key" -file "$file" -library "$library" -rounds "$rounds"
	echo
	stop_all
fi

if [[ " $parts " == *" divergence "* ]]; then
	go build -o "$work/divergence" ./bench/divergence
	serve lossless
	printf '### texts that differ from those of a request alone with a cold cache (lossless, 64 tokens)\n\n'
	"$work/divergence" -url "$url/v1" -key "$key"
	echo
	stop_all
fi

if [[ " $parts " == *" tools "* ]]; then
	go build -o "$work/tools" ./bench/tools
	for layout in $files; do
		serve "$layout"
		printf '### sixty cases of function calling (%s)\n\n' "$layout"
		"$work/tools" -url "$url/v1" -key "$key"
		echo
		stop_all
	done
fi

if [[ " $parts " == *" overhead "* ]]; then
	go build -o "$work/overhead" ./bench/overhead
	before_upstream
	printf '### overhead in front of a 0 ms upstream\n\n'
	"$work/overhead" load -url "${url#http://}" -key "$key" -model bench -peer 127.0.0.1:9182 -direct 127.0.0.1:9181 -pid "$pid" -peer-pid "$proxy_pid"
	stop_all
fi

if [[ " $parts " == *" memory "* ]]; then
	go build -o "$work/overhead" ./bench/overhead
	before_upstream
	printf '### memory over many requests in front of a 0 ms upstream\n\n'
	"$work/overhead" memory -url "${url#http://}" -key "$key" -pid "$pid" -requests "${REQUESTS:-2000000}"
	stop_all
fi

if [[ " $parts " == *" retrieval "* ]]; then
	: "${CRANFIELD:?set CRANFIELD to the folder with corpus.jsonl, queries.jsonl and qrels.tsv}"
	peers=$work/retrieval-venv
	if ! [ -x "$peers/bin/python" ] || ! "$peers/bin/python" -c 'import faiss, langchain_community, langchain_text_splitters' 2>/dev/null; then
		python3 -m venv "$peers"
		"$peers/bin/pip" install -q langchain-community==0.4.2 langchain-text-splitters==1.1.3 faiss-cpu==1.15.1 >&2
	fi
	export PARLEY_HOME=$work/home-retrieval
	bin/parley pull --defaults >&2
	start_parley retrieval
	printf '### retrieval on Cranfield\n\n'
	"$peers/bin/python" bench/retrieval/cranfield.py "$CRANFIELD" "$url" "$key"
	stop_all
fi

if [[ " $parts " == *" vectors "* ]]; then
	go build -o "$work/vectors" ./bench/vectors
	(cd bench/vectors/gohnsw && go build -o "$work/gohnsw" .)
	peers=$work/vectors-venv
	if ! cmp -s bench/vectors/requirements.txt "$peers/requirements.txt"; then
		rm -rf "$peers" && python3 -m venv "$peers"
		"$peers/bin/pip" install -q -r bench/vectors/requirements.txt >&2
		cp bench/vectors/requirements.txt "$peers/requirements.txt"
	fi
	file=$work/vectors.f32
	if [ ! -f "$file" ]; then # once: some twenty minutes on two cores
		export PARLEY_HOME=$work/home-vectors
		bin/parley pull --defaults >&2
		start_parley vectors
		"$work/vectors" embed "$url" "$key" all-minilm-l6-v2 "$file.part" "$(go env GOROOT)/src" "$(go env GOMODCACHE)"
		mv "$file.part" "$file"
		stop_all
	fi
	printf '### 100,000 vectors of 384 dimensions, one thread\n\n| index | build, CPU-s | recall@10 | q/s in one call | q/s one by one |\n|---|---|---|---|---|\n'
	"$work/vectors" run "$file"
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "$peers/bin/python" bench/vectors/peers.py "$file"
	"$work/gohnsw" "$file" 20000
	[ -z "${MILLION:-}" ] || "$work/vectors" million "$file"
	echo
fi

if [[ " $parts " == *" gateways "* ]]; then
	go build -o "$work/overhead" ./bench/overhead
	before_upstream
	gateways_before_upstream
	targets=("parley=${url#http://};Authorization: Bearer $key" "proxy=127.0.0.1:9182"
		"Portkey=127.0.0.1:9183;x-portkey-provider: openai;x-portkey-custom-host: http://127.0.0.1:9181/v1;Authorization: Bearer none"
		"LiteLLM=127.0.0.1:9184;Authorization: Bearer $litellm_key" "direct=127.0.0.1:9181")
	printf '### gateways in front of a 0 ms upstream: whole answers, then streams of 50 chunks\n\n'
	"$work/overhead" compare -rounds "$rounds" "${targets[@]}"
	echo
	"$work/overhead" compare -rounds "$rounds" -stream "${targets[@]}"
	stop_all
fi
