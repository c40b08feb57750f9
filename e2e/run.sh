#!/usr/bin/env bash
# run.sh runs the end-to-end tests: the real Letta server, real clients, whole commands. with-engine.sh gives it an engine.
#
#   e2e/with-engine.sh e2e/run.sh [go test flags]
#
# As root the tests get a mount namespace of their own, with the system's trust store laid over by a copy: `letta-dev up` installs
# its root there as it does for a newcomer, and this machine's store stays as it was.
#
# What this machine does not allow to be proven is said first, and left out: that is no failure, but where CI is set it ends with 3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# unproven says why the tests of the server, or those of Letta's compose file alone, cannot be run here. They read it too.
unproven() {
	echo "NOT PROVEN: $2: $3" >&2
	export "LETTA_DEV_E2E_$1=$3"
}

# looks looks at the machine, which takes a moment; building the image takes longer, where there is none.
looks() {
	local port holder image=letta/letta:0.16.8 ours='{{with .Config.Labels}}{{index . "dev.letta.image-inputs"}}{{end}}'
	for port in 80 443 8282 8283; do
		if (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || (: <>"/dev/tcp/::1/$port") 2>/dev/null; then
			holder=$(ss -Hltnp "sport = :$port" 2>/dev/null | grep -o 'users:.*' | head -n 1) || true
			unproven NO_SERVER "the real server" "port $port is held${holder:+ by $holder}; to see by what: sudo ss -ltnp 'sport = :$port'"
			return
		fi
	done
	# Somebody's own image of that name, such as the published one, serves as well: it has Letta's start script.
	if docker image inspect "$image" >/dev/null 2>&1 && [[ -z $(docker image inspect --format "$ours" "$image") ]]; then
		if [[ $(docker image inspect --format '{{.Config.Cmd}} {{.Config.Entrypoint}}' "$image") != *startup.sh* ]]; then
			unproven NO_SERVER "the real server" "$image here is none of Letta's; to have it built: docker image rm $image && make letta-image"
			return
		fi
		echo "run.sh: $image is no build of ours; it is used as it is" >&2
	elif ! e2e/image/build.sh; then
		unproven NO_SERVER "the real server" "its image could not be built; see above, then: make letta-image"
		return
	fi
	local id server
	server=$(docker image inspect --format '{{.Id}}' "$image")
	id=$(docker image inspect --format '{{.Id}}' letta/letta:latest 2>/dev/null) || true
	if [[ $id != "$server" ]]; then
		unproven NO_COMPOSE "Letta's own compose file" "its letta/letta:latest is ${id:-not here, }and not $image; to change that: docker tag $image letta/letta:latest"
	elif ! docker image inspect ankane/pgvector:v0.5.1 >/dev/null 2>&1; then
		unproven NO_COMPOSE "Letta's own compose file" "its ankane/pgvector:v0.5.1 is not here; to have it: docker pull ankane/pgvector:v0.5.1"
	fi
}
[[ -n ${LETTA_DEV_E2E_OWN_STORES-} ]] || looks

if [[ $(id -u) == 0 && -z ${LETTA_DEV_E2E_OWN_STORES-} ]] && command -v unshare >/dev/null; then
	export LETTA_DEV_E2E_OWN_STORES=1
	exec unshare --mount --propagation private bash "$0" "$@"
fi
# run runs the tests of each package beside the others, and says which begins and how each ended. What they said of a failure stands at
# the end.
run() {
	local code=0 logs package log at=() i
	logs=$(mktemp -d)
	for package in $(grep -rl '^//go:build e2e' e2e | xargs -n 1 dirname | sort -u); do
		log=$logs/${package//\//-}
		go test -tags e2e -count=1 -timeout 20m -v "$@" "./$package" >"$log" 2>&1 &
		at+=("$!")
		tail -q -n +1 -F --pid="$!" "$log" 2>/dev/null | shown &
	done
	for i in "${at[@]}"; do
		wait "$i" || code=$?
	done
	wait
	[[ $code == 0 ]] || cat "$logs"/*
	if [[ -n ${LETTA_DEV_E2E_NO_SERVER-}${LETTA_DEV_E2E_NO_COMPOSE-} ]]; then
		echo "NOT PROVEN, see above: ${LETTA_DEV_E2E_NO_SERVER-}${LETTA_DEV_E2E_NO_COMPOSE-}" >&2
		[[ $code != 0 || -z ${CI-} ]] || code=3
	fi
	[[ $code != 0 || -z ${CI-} ]] || ! grep -q 'NOT PROVEN: .* could not be installed' "$logs"/* || code=3
	rm -r "$logs"
	return "$code"
}

# shown is what a person follows: go test -v tells of every part.
shown() { grep --line-buffered -E '^(ok|FAIL|panic:|=== RUN   [^/]*$|--- )|NOT PROVEN|LEFT OUT' || true; }

if [[ -n ${LETTA_DEV_E2E_OWN_STORES-} ]]; then
	upper=$(mktemp -d)
	mount -t tmpfs tmpfs "$upper"
	for store in /etc/ssl/certs /usr/local/share/ca-certificates; do
		mkdir -p "$store" "$upper$store/upper" "$upper$store/work"
		mount -t overlay overlay -o "lowerdir=$store,upperdir=$upper$store/upper,workdir=$upper$store/work" "$store"
	done
	hooks=/etc/ca-certificates/update.d # the one for Java works on dpkg's database, which is the machine's
	[[ ! -d $hooks ]] || mount -t tmpfs tmpfs "$hooks"
	code=0
	run "$@" || code=$?
	[[ ! -d $hooks ]] || umount "$hooks"
	umount /usr/local/share/ca-certificates /etc/ssl/certs "$upper"
	rmdir "$upper"
	exit "$code"
fi
echo "run.sh: left out, for want of root: that the system's store takes our root" >&2
run "$@"
