#!/bin/sh
# Makes engine.pb.go and engine_grpc.pb.go from engine.proto. Needs Go and Python 3 with venv; everything else is
# installed into a temporary directory.
set -eu
cd "$(dirname "$0")"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
GOBIN=$tools go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GOBIN=$tools go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" -q install grpcio-tools==1.85.1
PATH=$tools:$PATH "$tools/venv/bin/python" -m grpc_tools.protoc -I. \
	--go_out=. --go_opt=paths=source_relative \
	--go-grpc_out=. --go-grpc_opt=paths=source_relative engine.proto
