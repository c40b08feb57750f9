#!/usr/bin/env bash
# fuzz.sh runs every fuzz test of the given packages, one after the other, each for FUZZTIME (10m).
#
#   FUZZTIME=1m tools/fuzz.sh ./proxy/http1
#
# What breaks a law is written to the package's testdata/fuzz: commit it with the repair, and `go test` holds it from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- ./proxy/...

failed=0
for package in $(go list "$@"); do
  for test in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    echo "$package $test"
    # Go minimises what is merely new for a minute each, in which nothing else is tried.
    go test "$package" -run '^$' -fuzz "^$test\$" -fuzztime "${FUZZTIME:-10m}" -fuzzminimizetime 5s || failed=1
  done
done
exit "$failed"
