#!/usr/bin/env bash
# Format, vet, staticcheck, shell scripts, and a build of every system we say we run on.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(git ls-files '*.go' | xargs gofmt -l)
if [ -n "$unformatted" ]; then
  printf 'not gofmt-ed:\n%s\n  try: gofmt -w .\n' "$unformatted" >&2
  exit 1
fi

echo "vet"
go vet ./...
go vet -tags e2e ./e2e/...

echo "staticcheck"
go build -C tools -o ../bin/ honnef.co/go/tools/cmd/staticcheck
bin/staticcheck ./...

echo "go.mod is tidy"
go mod tidy -diff

if ! command -v shellcheck >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get install -y -qq shellcheck >/dev/null || { apt-get update -qq && apt-get install -y -qq shellcheck >/dev/null; }
fi
if command -v shellcheck >/dev/null; then
  echo "shellcheck"
  git ls-files | xargs grep -lE '^#!.*\b(ba)?sh$' -- 2>/dev/null | xargs shellcheck --severity=warning
else
  echo "shellcheck: left out, it is not installed; try: apt-get install shellcheck" >&2
fi

for target in linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 freebsd/amd64; do
  echo "build for $target"
  GOOS=${target%/*} GOARCH=${target#*/} CGO_ENABLED=0 go build -o /dev/null ./cmd/letta-dev
done
