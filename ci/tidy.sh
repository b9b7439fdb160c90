#!/usr/bin/env bash
# Formats all code and tidies every module.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/files.sh

tracked '*.go' | xargs -r gofmt -w
for m in $(modules); do go -C "$m" mod tidy; done
