#!/usr/bin/env bash
# install.sh puts one of Letta's own clients into the cache folder, once, and prints where; also PyPI's usual
# clients of https, npm's Bun and Deno, and the Letta App Server.
#
#   e2e/clients/install.sh python|node|curl|https|runtimes|app-server
#
# Prints a folder: bin/python for Python, https and the App Server, node_modules for Node and the runtimes; nothing for curl. What
# the machine lacks comes by apt-get when root runs it. Environment: LETTA_DEV_CACHE (default ~/.cache/letta-dev).
set -euo pipefail

readonly CLIENT=1.12.1 # of both letta-client and @letta-ai/letta-client
readonly REQUESTS=2.32.5 # with PyPI's certifi, which brings its own roots
readonly HTTPX=0.28.1 AIOHTTP=3.14.5 BUN=1.4.5 DENO=2.9.6
readonly APP_SERVER=0.34.12 # of the package letta, which brings its own Node

clients=${LETTA_DEV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/letta-dev}/clients

# need installs packages when the check fails, and runs the check again.
need() {
	local check=$1
	shift
	! eval "$check" >/dev/null 2>&1 || return 0
	if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
		printf '%s\n' "the client needs $*" "try: sudo apt-get install $*" >&2
		exit 3
	fi
	apt-get -qq update >&2
	DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "$@" >/dev/null
	eval "$check" >/dev/null
}

python() { venv "$1" "letta-client==$CLIENT"; }

https() { venv "$1" "requests==$REQUESTS" "httpx==$HTTPX" "aiohttp==$AIOHTTP"; }

app-server() { venv "$1" "letta==$APP_SERVER"; }

venv() {
	need 'python3 -c "import ensurepip, venv"' python3-venv
	python3 -m venv "$1"
	"$1/bin/python" -m pip --quiet --disable-pip-version-check install "${@:2}" >&2
}

# No package of the registry gets to run a script of its own here.
node() {
	need 'command node --version && npm --version' nodejs npm
	npm_install "$1" "@letta-ai/letta-client@$CLIENT"
}

runtimes() {
	need 'npm --version' npm
	npm_install "$1" "bun@$BUN" "deno@$DENO"
}

npm_install() { npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$@" >&2; }

# once makes a folder under a name of its own and renames it: it is there whole, or not at all.
once() {
	local kind=$1 made=$clients/$1-$2
	if [[ ! -d $made ]]; then
		mkdir -p "$clients"
		exec 9>"$clients/$kind.lock"
		flock 9 # two tests at once install once
		if [[ ! -d $made ]]; then
			rm -rf "$made.part"
			"$kind" "$made.part"
			mv "$made.part" "$made"
		fi
	fi
	echo "$made"
}

case ${1-} in
python | node) once "$1" "$CLIENT" ;;
https) once "$1" "$REQUESTS-$HTTPX-$AIOHTTP" ;;
runtimes) once "$1" "$BUN-$DENO" ;;
app-server) once "$1" "$APP_SERVER" ;;
curl) need 'curl --version' curl ca-certificates ;;
*)
	echo "unknown client \"${1-}\": python, node, curl, https, runtimes or app-server" >&2
	exit 2
	;;
esac
