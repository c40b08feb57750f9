#!/usr/bin/env bash
# build.sh puts the real Letta server, letta/letta:0.16.8, into the local engine without an image registry:
# from Debian packages and from PyPI's source release, which holds the whole repository. The end-to-end tests
# run against it; a machine that cannot pull the published image can use it as well.
#
#   e2e/image/build.sh             build, or take what is there: the engine's image, else the cached tarball
#   e2e/image/build.sh --inputs    print the hash of everything that goes into the image
#
# What goes in decides: the hash of this script and of entrypoint.sh stands in the image's label and in the tarball's
# name, so nothing is built twice and nothing old is taken for new. Building needs root on Debian 12, whose
# Python, glibc and Postgres are those of the published image; taking the tarball needs only an engine and zstd.
#
# Environment: DOCKER_HOST (the engine), LETTA_DEV_CACHE (default ~/.cache/letta-dev),
# LETTA_DEV_DEBIAN_MIRROR (default http://deb.debian.org/debian), TMPDIR (3 GB while building).
set -euo pipefail

readonly LETTA=0.16.8
readonly UV=0.13.9        # installs the versions that Letta's own uv.lock names
readonly PGVECTOR=0.8.0-1 # Debian 12 has no pgvector for its Postgres 15; the source package of Debian 13 builds on it
readonly POSTGRES=15

readonly IMAGE=letta/letta:$LETTA
readonly LATEST=letta/letta:latest         # what Letta's own compose.yaml calls the server
readonly DATABASE=ankane/pgvector:v0.5.1   # and what it calls the database: the same files, started as postgres
readonly LABEL=dev.letta.image-inputs

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${LETTA_DEV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/letta-dev}
mirror=${LETTA_DEV_DEBIAN_MIRROR:-http://deb.debian.org/debian}

say() { printf 'letta-image: %s\n' "$*" >&2; }
die() { say "$1"; [[ $# -lt 2 ]] || say "try: $2"; exit 1; }

# inputs is the hash of all that decides what the image holds. Versions stand in this file, so they are in it.
inputs() { { uname -m; cat "$here/build.sh" "$here/entrypoint.sh"; } | sha256sum | cut -c1-16; }

# label prints a tag's label: the inputs' hash, "foreign" for an image that is not ours, "absent" for none.
label() {
	local found
	found=$(docker image inspect --format "{{with .Config.Labels}}{{index . \"$LABEL\"}}{{end}}" "$1" 2>/dev/null) || { echo absent; return; }
	echo "${found:-foreign}"
}

# need installs the Debian packages that are missing, all at once, and asks for root only then.
need() {
	local package missing=()
	for package; do
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
	done
	[[ ${#missing[@]} -gt 0 ]] || return 0
	[[ $EUID -eq 0 ]] || die "needs the packages ${missing[*]}, and installing them needs root" "sudo apt-get install ${missing[*]}"
	say "installing ${missing[*]}"
	apt-get -qq update
	DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null
}

os_release() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "$ID $VERSION_ID") 2>/dev/null
}

engine() {
	command -v docker >/dev/null || need docker.io
	docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
		die "no Docker engine answers at ${DOCKER_HOST:-the default socket}" "e2e/with-engine.sh e2e/image/build.sh"
}

# bootstrap makes the root file system: what the published image has below /app, without documentation.
bootstrap() {
	local root=$1
	# The user and group 999 are those of the official Postgres image: a data volume written by one image opens in
	# the other. Debian's own cluster is not made: the entrypoint makes one in the volume.
	cat >"$work/before-packages" <<-'HOOK'
		#!/bin/sh -e
		echo 'postgres:x:999:' >>"$1/etc/group"
		echo 'postgres:x:999:999::/var/lib/postgresql:/bin/bash' >>"$1/etc/passwd"
		mkdir -p "$1/etc/postgresql-common"
		echo 'create_main_cluster = false' >"$1/etc/postgresql-common/createcluster.conf"
	HOOK
	chmod +x "$work/before-packages"
	mmdebstrap --quiet --variant=apt \
		--include="postgresql-$POSTGRES,redis-server,gosu,python3,libpq5,ca-certificates,curl" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
		--essential-hook="$work/before-packages \"\$1\"" \
		bookworm "$root" "deb $mirror bookworm main" "deb $mirror bookworm-updates main" \
		"deb ${mirror%/debian}/debian-security bookworm-security main"
}

# letta unpacks the source release and installs it beside its dependencies, in the versions of its own lock file.
letta() {
	local app=$1
	mkdir -p "$app"
	/usr/bin/python3 -m venv "$work/tools"
	"$work/tools/bin/pip" -q --disable-pip-version-check install "uv==$UV"
	# --no-binary for letta alone: with ":all:" pip would also compile the tools that build it, which takes minutes.
	"$work/tools/bin/pip" -q --disable-pip-version-check download --no-deps --no-binary letta -d "$work" "letta==$LETTA"
	tar -xzf "$work/letta-$LETTA.tar.gz" -C "$app" --strip-components=1
	# The extras are what the server needs with Postgres and Redis; the published image has all (1 GB more).
	# UV_SYSTEM_CERTS: a machine behind a company's proxy trusts more than uv's own list.
	(cd "$app" && UV_SYSTEM_CERTS=1 UV_NO_PROGRESS=1 "$work/tools/bin/uv" sync --quiet --frozen --no-dev \
		--extra server --extra postgres --extra redis --no-python-downloads --python /usr/bin/python3)
	# Scripts and the editable install name the folder they were made in; in the image it is /app.
	grep -rlIZ "$app" "$app/.venv" | xargs -0 sed -i "s|$app|/app|g"
}

# pgvector compiles the extension from Debian 13's source package. The package index is a private one: the machine's
# own sources stay as they are. OPTFLAGS= leaves out -march=native, which would tie the image to this CPU.
pgvector() {
	local root=$1 apt=(
		-o "Dir::Etc::SourceList=$work/trixie.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root
	)
	echo "deb-src $mirror trixie main" >"$work/trixie.list"
	mkdir -p "$work/lists/partial" "$work/pgvector"
	apt-get -qq "${apt[@]}" update
	(cd "$work" && apt-get -qq "${apt[@]}" source --download-only "pgvector=$PGVECTOR" >/dev/null)
	tar -xzf "$work/pgvector_${PGVECTOR%-*}.orig.tar.gz" -C "$work/pgvector" --strip-components=1
	make -s -C "$work/pgvector" -j"$(nproc)" with_llvm=no OPTFLAGS= PG_CONFIG="/usr/lib/postgresql/$POSTGRES/bin/pg_config" >/dev/null
	make -s -C "$work/pgvector" install DESTDIR="$root" with_llvm=no PG_CONFIG="/usr/lib/postgresql/$POSTGRES/bin/pg_config" >/dev/null
}

# assemble joins the parts as the published image has them: the code in /app, the schema where the entrypoint looks.
assemble() {
	local root=$1
	mv "$work/app" "$root/app"
	install -D -m 0755 "$here/entrypoint.sh" "$root/usr/local/bin/docker-entrypoint.sh"
	install -D -m 0644 "$root/app/init.sql" "$root/docker-entrypoint-initdb.d/init.sql"
	install -D -m 0644 -t "$root/etc/otel" "$root"/app/otel/otel-collector-config-*.yaml
	install -d -o 999 -g 999 -m 1777 "$root/var/lib/postgresql/data"
	# Cheap proof that paths fit: the server starts only with all three.
	chroot "$root" /app/.venv/bin/python -c \
		'import asyncpg, psycopg2, importlib.util as u; assert u.find_spec("letta").origin == "/app/letta/__init__.py"'
}

# archive writes the image as "docker load" reads it, with the settings of the published one: those of Letta's
# Dockerfile, and PGDATA, VOLUME and STOPSIGNAL, which that one inherits from the official Postgres image ("docker
# import" cannot set the last). Written by hand it needs no builder, and it is what the cache keeps.
archive() {
	local root=$1 image=$work/image digest
	mkdir "$image"
	tar -C "$root" --numeric-owner -cf "$image/layer.tar" .
	rm -rf --one-file-system "$root" # three copies of 1.2 GB are enough to fill a small /tmp
	digest=$(sha256sum <"$image/layer.tar" | cut -d' ' -f1)
	cat >"$image/config.json" <<-JSON
		{
		  "architecture": "$(dpkg --print-architecture)", "os": "linux", "created": "$(date -u +%FT%TZ)",
		  "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]},
		  "config": {
		    "Labels": {"$LABEL": "$(inputs)"},
		    "Env": [
		      "PATH=/app/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/$POSTGRES/bin",
		      "VIRTUAL_ENV=/app/.venv", "LETTA_ENVIRONMENT=DEV", "LANG=C.UTF-8", "PGDATA=/var/lib/postgresql/data",
		      "POSTGRES_USER=letta", "POSTGRES_PASSWORD=letta", "POSTGRES_DB=letta"
		    ],
		    "WorkingDir": "/app",
		    "Entrypoint": ["/usr/local/bin/docker-entrypoint.sh"],
		    "Cmd": ["./letta/server/startup.sh"],
		    "ExposedPorts": {"8283/tcp": {}, "5432/tcp": {}, "6379/tcp": {}, "4317/tcp": {}, "4318/tcp": {}},
		    "Volumes": {"/var/lib/postgresql/data": {}},
		    "StopSignal": "SIGINT"
		  }
		}
	JSON
	echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$IMAGE\"], \"Layers\": [\"layer.tar\"]}]" >"$image/manifest.json"
	tar -C "$image" -c manifest.json config.json layer.tar
}

# build leaves the image in the cache, whole or not at all; older builds of ours make room for it.
build() {
	local tarball=$1 old
	[[ $(os_release) == "debian 12" ]] ||
		die "building needs Debian 12: the image takes Python and Postgres from it" "docker pull $IMAGE"
	[[ $EUID -eq 0 ]] || die "building needs root: the image's files belong to several users" "sudo -E $0"
	need mmdebstrap zstd make gcc g++ libc6-dev dpkg-dev libpq-dev python3-dev python3-venv "postgresql-server-dev-$POSTGRES"

	work=$(mktemp -d "${TMPDIR:-/tmp}/letta-image.XXXXXX")
	trap cleanup EXIT

	# The two long parts need nothing of each other: one waits for the disk while the other waits for the network.
	say "building $IMAGE from Debian packages and PyPI's source release: 2 to 5 minutes"
	bootstrap "$work/root" &
	letta "$work/app"
	wait $! # with errexit: a failed bootstrap ends the build here
	say "compiling pgvector ${PGVECTOR%-*}"
	pgvector "$work/root"
	assemble "$work/root"
	mkdir -p "${tarball%/*}"
	say "packing $(du -sh "$work/root" | cut -f1)"
	archive "$work/root" | zstd -q -f -T0 -3 -o "$tarball.part"
	mv "$tarball.part" "$tarball"
	say "kept as $tarball ($(du -h "$tarball" | cut -f1))"

	for old in "${tarball%/*}/letta-"*.tar.zst; do
		[[ $old == "$tarball" ]] || rm -- "$old"
	done
	cleanup
}

# cleanup ends a bootstrap that still runs before it takes the folder away under it.
cleanup() {
	local running
	running=$(jobs -pr)
	[[ -z $running ]] || { kill "$running" && wait; } || true
	rm -rf --one-file-system "$work"
}

# obtain makes $IMAGE the image of these inputs.
obtain() {
	local want=$1 tarball=$cache/images/letta-$LETTA-$1.tar.zst
	[[ -f $tarball ]] || build "$tarball"
	command -v zstd >/dev/null || need zstd
	say "loading $tarball"
	zstd -dc "$tarball" | docker load >/dev/null # not "load -i": engines before 23 cannot read zstd
	[[ $(label "$IMAGE") == "$want" ]] || die "$tarball does not hold what its name says" "rm $tarball; $0"
}

# database gives the image the database's name and makes postgres its first word. A commit changes the settings
# alone: it adds no files, and needs no builder.
database() {
	local container
	container=$(docker create "$IMAGE" true)
	docker commit --change 'CMD ["postgres"]' "$container" "$DATABASE" >/dev/null
	docker rm -v "$container" >/dev/null
}

# name puts a further name on the image with the given command, unless the name belongs to someone else's image.
name() {
	local tag=$1 want=$2 have
	shift 2
	have=$(label "$tag")
	case $have in
	"$want") ;;
	foreign) say "$tag is not a build of ours: left as it is" ;;
	*) "$@" && say "named it $tag" ;;
	esac
}

# sweep removes former builds, known by our label, that have lost their names. While a container uses one, it stays.
sweep() {
	local former
	for former in $(docker image ls --quiet --filter dangling=true --filter "label=$LABEL"); do
		docker image rm "$former" >/dev/null 2>&1 || true
	done
}

main() {
	local want have
	want=$(inputs)
	[[ ${1-} != --inputs ]] || { echo "$want"; return; }
	[[ $# -eq 0 ]] || die "unknown argument \"$1\"" "$0"
	engine
	mkdir -p "$cache"
	exec 9>"$cache/letta-image.lock"
	flock 9 # two test runs at once build once

	have=$(label "$IMAGE")
	[[ $have != foreign ]] || die "$IMAGE is here and is not a build of ours (no label $LABEL): left as it is" \
		"use it as it is, or: docker image rm $IMAGE && $0"
	[[ $have == "$want" ]] || obtain "$want"
	name "$LATEST" "$want" docker tag "$IMAGE" "$LATEST"
	name "$DATABASE" "$want" database
	sweep
	say "$IMAGE is here ($want)"
}

main "$@"
