#!/usr/bin/env bash
# Vets every package with its tests for the other systems, compiles it, and links the tool.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p .build
for target in windows/amd64 darwin/arm64 linux/arm64 linux/386; do
	export GOOS=${target%/*} GOARCH=${target#*/} CGO_ENABLED=0
	echo "$target"
	go vet ./... # the type checker sees the tests too: what is left to their linker is the same everywhere
	go build ./...
	go build -o .build/cross ./cmd/icsws
done
