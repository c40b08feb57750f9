#!/usr/bin/env bash
# timed.sh says what is done and how long that takes, does it, says how long it took, and ends with its code.
#
#   tools/timed.sh WHAT ABOUT COMMAND…
set -uo pipefail

what=$1 about=$2
shift 2
echo "$what: takes $about" >&2
code=0
"$@" || code=$?
took="$((SECONDS / 60)) min $((SECONDS % 60)) s"
case $code in
0) echo "$what: done in $took" >&2 ;;
*) echo "$what: ended with $code after $took" >&2 ;;
esac
exit "$code"
