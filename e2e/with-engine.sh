#!/usr/bin/env bash
# with-engine.sh runs a command with a Docker engine, and ends with the command's code.
#
#   e2e/with-engine.sh [--optional] COMMAND…
#
# An engine that answers is used. Else one is started for the command (engine.sh) and stopped after it. Where none can
# be had (exit 3) the command is left out, and named; with --optional it runs all the same, and its tests skip what needs
# an engine.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
optional=
[[ ${1-} != --optional ]] || { optional=yes && shift; }
[[ $# -gt 0 ]] || { echo "with-engine: needs a command" >&2; exit 2; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/letta-dev-engine.XXXXXX")
trap '"$here/engine.sh" stop "$folder/engine"; rmdir "$folder"' EXIT

code=0
started=$("$here/engine.sh" start "$folder/engine") || code=$?
if [[ $code -ne 0 ]]; then
	echo "with-engine: left out, for want of an engine: $*" >&2
	[[ $code -eq 3 && -n $optional ]] || exit "$code"
elif [[ -n $started ]]; then
	export "${started?}"
fi

"$@"
