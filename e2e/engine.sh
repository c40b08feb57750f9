#!/usr/bin/env bash
# engine.sh gives the tests a Docker engine: the one that answers, else one of their own.
#
#   e2e/engine.sh start DIR   print nothing where an engine answers; else start one in DIR and print DOCKER_HOST=unix://DIR/…
#   e2e/engine.sh stop DIR    end the engine of DIR, and no other, and remove DIR; without DIR there is nothing to do
#
# Starting one needs root, and installs Debian's docker.io where dockerd is missing. Exit 3: no engine can be had here.
#
# The engine of our own shares nothing with another on the same machine: folders, socket, bridge, addresses and containerd
# namespace are its own, and dockerd writes no iptables rules: a second dockerd flushes the first one's, and leaves its
# own behind. Published ports are carried by docker-proxy, containers reach the host and each other over the bridge,
# and nothing of the internet, which no test may need. Its images go with it: the cached tarball of image/build.sh is
# loaded in half a minute, and a data folder kept over crashes, kernels and versions is not as safe.
set -euo pipefail

readonly DEADLINE=60 # seconds until the engine must answer; it takes about one

say() { printf 'engine: %s\n' "$*" >&2; }
die() { say "$1"; say "try: $2"; exit "${3:-1}"; }

# answers asks the engine of this environment (DOCKER_HOST, else the docker command's context, else the default socket).
answers() {
	if command -v docker >/dev/null; then
		docker version --format '{{.Server.Version}}' 2>/dev/null
	else
		local socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
		curl --silent --fail --max-time 5 --unix-socket "${socket#unix://}" http://localhost/_ping 2>/dev/null
	fi
}

install_engine() {
	! command -v dockerd >/dev/null || return 0
	say "installing docker.io"
	apt-get -qq update >&2
	DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends docker.io iproute2 >/dev/null
}

# free_network prints N such that no route of this machine is in 10.N.0.0/16.
free_network() {
	local n
	for n in {200..249}; do
		ip -4 route show table all | grep -q "\b10\.$n\." || { echo "$n"; return; }
	done
	die "no free network among 10.200.0.0/16 to 10.249.0.0/16" "ip -4 route"
}

start() {
	local dir=$1 version bridge n pid
	if version=$(answers); then
		say "using the one that answers at ${DOCKER_HOST:-the default socket} ($version)"
		return
	fi
	# Whoever names an engine means that one.
	[[ -z ${DOCKER_HOST-} ]] || die "DOCKER_HOST=$DOCKER_HOST does not answer" "unset DOCKER_HOST" 3
	[[ $EUID -eq 0 ]] || die "no Docker engine answers, and starting one needs root" "sudo systemctl start docker" 3
	install_engine
	if version=$(answers); then # where systemd runs, the package starts its service
		say "using the one just installed ($version)"
		return
	fi

	mkdir -p "$dir"
	dir=$(cd "$dir" && pwd)
	n=$(free_network)
	echo "$n" >"$dir/network"
	bridge=letta-dev$n # 15 characters are the limit
	ip link add name "$bridge" type bridge
	ip address add "10.$n.0.1/24" dev "$bridge"
	ip link set "$bridge" up
	forward -I "$n" || say "iptables does not work here: going on without, nothing is filtered then"

	dockerd --host "unix://$dir/docker.sock" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
		--containerd-namespace "$bridge" --containerd-plugins-namespace "$bridge-plugins" \
		--bridge "$bridge" --default-address-pool "base=10.$n.128.0/17,size=24" \
		--iptables=false --ip6tables=false --dns 127.0.0.1 \
		>"$dir/log" 2>&1 </dev/null &
	pid=$!
	await "$dir" "$pid"
	say "started dockerd $(DOCKER_HOST=unix://$dir/docker.sock answers) in $dir, bridge $bridge"
	echo "DOCKER_HOST=unix://$dir/docker.sock"
}

# await returns when the new engine answers. It fails as soon as the process is gone, and at the deadline.
await() {
	local dir=$1 pid=$2
	until DOCKER_HOST=unix://$dir/docker.sock answers >/dev/null; do
		if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > DEADLINE)); then
			tail -n 20 "$dir/log" >&2
			stop "$dir"
			die "dockerd did not start: its last lines stand above" "dockerd --debug"
		fi
		sleep 0.1
	done
}

# forward inserts (-I) or deletes (-D) the one rule of ours: an engine that ran here before may have left the policy
# that drops what goes from container to container.
forward() { iptables -w "$1" FORWARD -s "10.$2.0.0/16" -d "10.$2.0.0/16" -j ACCEPT 2>/dev/null; }

# stop undoes start in the opposite order: process, mounts, rule, bridges, folder.
stop() {
	local dir pid mount n bridge
	[[ -d $1 ]] || return 0
	dir=$(cd "$1" && pwd)
	if pid=$(cat "$dir/pid" 2>/dev/null) && ours "$pid" "$dir"; then
		kill "$pid" # dockerd stops its containers and its containerd
		timeout 60 tail --pid="$pid" -f /dev/null || { say "dockerd does not end: killed"; kill -KILL "$pid"; }
	fi
	# Innermost first. What a killed engine left mounted must be gone before the folder is removed.
	findmnt -rno TARGET | { grep -F "$dir/" || true; } | sort -r | while read -r mount; do
		umount "$mount"
	done
	if n=$(cat "$dir/network" 2>/dev/null); then
		forward -D "$n" || true
		for bridge in $(ip -o -4 address | awk -v ours="10.$n." 'index($4, ours) == 1 {print $2}'); do
			ip link delete "$bridge" # the networks of tests are among them
		done
	fi
	rm -rf --one-file-system "$dir"
	say "stopped, and removed $dir"
}

# ours tells whether the process of a pid file is still that dockerd: numbers are used again.
ours() {
	local arguments
	arguments=$(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null) && [[ $arguments == dockerd*" --pidfile $2/pid "* ]]
}

case ${1-} in
start | stop)
	[[ $# -eq 2 ]] || die "\"$1\" needs a folder" "$0 $1 DIR"
	"$@"
	;;
*) die "unknown argument \"${1-}\"" "$0 start DIR" ;;
esac
