#!/bin/bash
# Makes images that stand in for those that docker-compose.yml and Dockerfile name, from the programs and the Go toolchain of
# this machine, since a test pulls nothing: golang:1.26, redis:7 and postgres:17. Their users, folders and what their
# entrypoints do are those of the official images. GOMODCACHE must have all modules of go.mod. BUILD_CACHE may name a folder
# with a build cache that the image of the toolchain gets, to save time while the test is worked on.
#
#	stand-ins.sh SOURCE-TREE EMPTY-FOLDER
set -euo pipefail
tree=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)

# root NAME PROGRAM…: the root of an image with these programs and their libraries; it prints its path.
root() {
	local dir=$work/$1 program path
	shift
	mkdir -p "$dir"/{bin,etc,tmp,usr/bin,usr/local/bin,var/run}
	chmod 1777 "$dir/tmp"
	for program; do
		path=$(command -v "$program")
		install -D "$(readlink -f "$path")" "$dir/usr/bin/${path##*/}"
		libraries "$dir" "$path"
	done
	install -D "$(readlink -f /bin/sh)" "$dir/bin/sh"
	libraries "$dir" /bin/sh
	printf 'root:x:0:0::/root:/bin/sh\n' >"$dir/etc/passwd"
	printf 'root:x:0:\n' >"$dir/etc/group"
	echo "$dir"
}

# libraries DIR FILE…: copies the libraries that programs and modules load.
libraries() {
	local dir=$1
	shift
	ldd "$@" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\/.*[^:]$/ { print $1 }' | sort -u | while read -r lib; do
		[ -e "$dir$lib" ] || install -D "$lib" "$dir$lib"
	done
}

# image NAME DIR CHANGE…
image() {
	local name=$1 dir=$2 changes=()
	shift 2
	for change; do changes+=(-c "$change"); done
	tar -C "$dir" -c . | docker import "${changes[@]}" - "$name" >/dev/null
	rm -rf "$dir"
	echo "made $name"
}

go_image() {
	local dir=$1
	mkdir -p "$dir/usr/local/go" "$dir/go/pkg/mod" "$dir/root" "$dir/etc/ssl/certs"
	tar -C "$(go env GOROOT)" -c bin src pkg/tool pkg/include go.env VERSION | tar -C "$dir/usr/local/go" -x
	(cd "$tree" && GOPROXY="file://$(go env GOMODCACHE)/cache/download" GONOSUMDB='*' GOFLAGS=-modcacherw GOMODCACHE="$dir/go/pkg/mod" go mod download)
	cp /etc/ssl/certs/ca-certificates.crt "$dir/etc/ssl/certs/"
	[ -z "${BUILD_CACHE:-}" ] || { mkdir -p "$dir/root/.cache" && cp -r "$BUILD_CACHE" "$dir/root/.cache/go-build"; }
	image golang:1.26 "$dir" 'ENV PATH=/usr/local/go/bin:/usr/bin:/bin' 'ENV GOPATH=/go' 'ENV GOTOOLCHAIN=local' 'ENV GOPROXY=off' 'WORKDIR /go'
}

redis_image() {
	local dir=$1
	printf 'redis:x:999:1000::/home/redis:/bin/sh\n' >>"$dir/etc/passwd"
	printf 'redis:x:1000:\n' >>"$dir/etc/group"
	install -d -o 999 -g 1000 "$dir/data"
	install "$here/redis-entrypoint.sh" "$dir/usr/local/bin/docker-entrypoint.sh"
	image redis:7 "$dir" 'WORKDIR /data' 'VOLUME /data' 'EXPOSE 6379' 'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["redis-server"]'
}

postgres_image() {
	local dir=$1 programs=$2
	mkdir -p "$dir$programs" "$dir/usr/share"
	cp -r "$programs/." "$dir$programs/"
	cp -r "${programs%/bin}/lib" "$dir${programs%/bin}/"
	cp -r --parents "$("$programs/pg_config" --sharedir 2>/dev/null || echo "/usr/share/postgresql/$(basename "${programs%/bin}")")" "$dir"
	cp -r --parents /usr/share/zoneinfo "$dir"
	libraries "$dir" "$programs"/* "${programs%/bin}"/lib/*.so
	printf 'postgres:x:999:999::/var/lib/postgresql:/bin/sh\n' >>"$dir/etc/passwd"
	printf 'postgres:x:999:\n' >>"$dir/etc/group"
	install -d -o 999 -g 999 -m 1777 "$dir/var/lib/postgresql/data"
	install -d -o 999 -g 999 -m 3777 "$dir/var/run/postgresql"
	install "$here/postgres-entrypoint.sh" "$dir/usr/local/bin/docker-entrypoint.sh"
	image postgres:17 "$dir" "ENV PATH=$programs:/usr/local/bin:/usr/bin:/bin" 'ENV PGDATA=/var/lib/postgresql/data' 'VOLUME /var/lib/postgresql/data' \
		'EXPOSE 5432' 'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["postgres"]'
	printf 'FROM postgres:17\nSTOPSIGNAL SIGINT\n' | DOCKER_BUILDKIT=0 docker build -q -t postgres:17 - >/dev/null # import can't say so
}

go_image "$(root golang mkdir chown)"
redis_image "$(root redis redis-server redis-cli find chown id setpriv)"
postgres_image "$(root postgres id mkdir chmod cat)" "$(dirname "$(command -v initdb)")"
