#!/usr/bin/env bash
# run.sh runs the end-to-end tests: the real Letta server, real clients, whole commands. with-engine.sh gives it an engine.
#
#   e2e/with-engine.sh e2e/run.sh [go test flags]
#
# As root the tests get a mount namespace of their own, with the system's trust store laid over by a copy: `letta-dev up` installs
# its root there as it does for a newcomer, and this machine's store stays as it was.
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
if [[ -n ${LETTA_DEV_E2E_OWN_STORES-} ]]; then
	upper=$(mktemp -d)
	mount -t tmpfs tmpfs "$upper"
	for store in /etc/ssl/certs /usr/local/share/ca-certificates; do
		mkdir -p "$store" "$upper$store/upper" "$upper$store/work"
		mount -t overlay overlay -o "lowerdir=$store,upperdir=$upper$store/upper,workdir=$upper$store/work" "$store"
	done
	code=0
	go test -tags e2e -count=1 -timeout 20m "$@" ./e2e/... || code=$?
	umount /usr/local/share/ca-certificates /etc/ssl/certs "$upper"
	rmdir "$upper"
	exit "$code"
fi
echo "run.sh: left out, for want of root: that the system's store takes our root" >&2
go test -tags e2e -count=1 -timeout 20m "$@" ./e2e/...
