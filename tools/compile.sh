#!/usr/bin/env bash
# compile.sh is go build that says how far it is: the first build compiles some hundred packages for about a minute.
#
#   tools/compile.sh [go build arguments]
set -euo pipefail

compiled=0
"${GO:-go}" build -v "$@" 2>&1 | while IFS= read -r line; do
	if [[ ! $line =~ ^[A-Za-z0-9_./@~-]+$ ]]; then
		echo "$line" >&2 # not a package's path: an error, or a download
		continue
	fi
	compiled=$((compiled + 1))
	if [[ $compiled == 1 ]]; then
		echo "compiling letta-dev: about a minute the first time, seconds from then on" >&2
	elif [[ -t 2 ]]; then
		printf '\r\033[K  %d packages compiled' "$compiled" >&2
	elif ((compiled % 100 == 0)); then
		printf '  %d packages compiled\n' "$compiled" >&2
	fi
done
[[ ! -t 2 ]] || printf '\r\033[K' >&2
