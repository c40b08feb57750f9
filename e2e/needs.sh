#!/usr/bin/env bash
# needs.sh installs what the tests use and this machine lacks: as root, from Debian. Elsewhere it names what will be left out.
#
#   e2e/needs.sh [COMMAND:PACKAGE]...     and these too
set -euo pipefail

# command and the package that brings it
needs=(gcc:gcc curl:curl ip:iproute2 openssl:openssl python3:python3 certutil:libnss3-tools unshare:util-linux setpriv:util-linux)
if [[ -n ${CI-} ]]; then # a gigabyte; on a person's machine the clients are theirs to choose, and tests say which they lack
	needs+=(chromium:chromium firefox-esr:firefox-esr wget:wget git:git node:nodejs npm:npm javac:default-jdk-headless sudo:sudo)
fi
needs+=("$@")

packages=()
missing=()
if [[ -n ${CI-} ]] && ! /usr/bin/python3 -c 'import requests' 2>/dev/null; then # a module; Debian's reads the system's store
	missing+=("Debian's requests")
	packages+=(python3-requests)
fi
for need in "${needs[@]}"; do
	if ! command -v "${need%:*}" >/dev/null; then
		missing+=("${need%:*}")
		packages+=("${need#*:}")
	fi
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
	echo "needs: not here, and not mine to install: ${missing[*]}; the tests say what they leave out" >&2
	exit 0
fi
echo "needs: installing ${packages[*]}" >&2
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # which starts no server that comes along: nginx would take port 80
apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null 2>&1 || {
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}
