#!/usr/bin/env bash
# run.sh runs the end-to-end tests: the real Letta server, real clients, whole commands. with-engine.sh gives it an engine.
#
#   e2e/with-engine.sh e2e/run.sh [go test flags]
#
# As root the tests get a mount namespace of their own, with the system's trust store laid over by a copy: `letta-dev up` installs
# its root there as it does for a newcomer, and this machine's store stays as it was. What could not be proven here is named.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Somebody's own image of that name, such as the published one, serves as well; build.sh would rather stop than replace it.
image=letta/letta:0.16.8
if ! docker image inspect "$image" >/dev/null 2>&1 ||
	[[ -n $(docker image inspect --format '{{index .Config.Labels "dev.letta.image-inputs"}}' "$image") ]]; then
	e2e/image/build.sh
fi

if [[ $(id -u) == 0 && -z ${LETTA_DEV_E2E_OWN_STORES-} ]] && command -v unshare >/dev/null; then
	export LETTA_DEV_E2E_OWN_STORES=1
	exec unshare --mount --propagation private bash "$0" "$@"
fi
# run runs the tests. go test shows what they skipped with -v alone, and all the rest then too: that is for failures.
run() {
	local code=0 log
	log=$(mktemp)
	go test -tags e2e -count=1 -timeout 20m -v "$@" ./e2e/... 2>&1 | tee "$log" |
		grep --line-buffered -E '^(ok|FAIL|panic:)|NOT PROVEN|LEFT OUT' || code=$?
	[[ $code == 0 ]] || cat "$log"
	rm "$log"
	return "$code"
}

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
