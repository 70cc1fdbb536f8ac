#!/bin/sh
# Holds `make install` and `make uninstall` against the list of files they promise, in a DESTDIR, for several PREFIXes.
set -eu

root=$(cd -- "$(dirname -- "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# What this make was called with is none of the ones below.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

printf '#!/bin/sh\n' >"$scratch/stackfs"
chmod 755 "$scratch/stackfs"

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

# make_in PREFIX TARGET: the output is kept for the case of failure.
make_in() {
    make -s -C "$root" "$2" PREFIX="$1" DESTDIR="$scratch/root" BINARY="$scratch/stackfs" >"$scratch/log" 2>&1 || {
        cat "$scratch/log" >&2
        fail "make $2 PREFIX=$1"
    }
}

# What is below the DESTDIR, links with their targets.
listing() {
    (cd "$scratch/root" && find . ! -type d \( -type l -printf '%P -> %l\n' -o -printf '%P %m\n' \) | LC_ALL=C sort)
}

# expected PREFIX-WITHOUT-SLASH LINK-LINE...
expected() {
    prefix=$1
    shift
    {
        printf '%s\n' "$@" "$prefix/bin/stackfs 755" "$prefix/sbin/mount.fuse.stackfs 755" \
            "$prefix/share/man/man8/stackfs.8 644" "$prefix/lib/systemd/system/stackfs@.service 644"
        for file in CHANGELOG.md LICENSE LIMITS.md README.md; do
            echo "$prefix/share/doc/stackfs/$file 644"
        done
    } | sed '/^$/d' | LC_ALL=C sort
}

# installs PREFIX LINK-LINE: an empty line stands for no link.
installs() {
    rm -rf "$scratch/root"
    mkdir "$scratch/root"
    make_in "$1" install
    want=$(expected "${1#/}" "$2")
    got=$(listing)
    [ "$got" = "$want" ] || fail "$(printf 'make install PREFIX=%s put\n%s\ninstead of\n%s' "$1" "$got" "$want")"
    grep -q "^ExecStart=$1/bin/stackfs " "$scratch/root$1/lib/systemd/system/stackfs@.service" ||
        fail "the service does not start $1/bin/stackfs"
    ! grep -q '@BINDIR@' "$scratch/root$1/lib/systemd/system/stackfs@.service" || fail "@BINDIR@ is left in the service"
    make_in "$1" uninstall
    [ -z "$(listing)" ] || fail "make uninstall PREFIX=$1 left $(listing)"
}

installs /usr ''
installs /usr/local 'usr/sbin/mount.fuse.stackfs -> /usr/local/sbin/mount.fuse.stackfs'
installs /opt/stackfs 'usr/sbin/mount.fuse.stackfs -> /opt/stackfs/sbin/mount.fuse.stackfs'

# A link to another installation is none of ours.
make_in /opt/one install
make_in /opt/two install
make_in /opt/one uninstall
[ "$(readlink "$scratch/root/usr/sbin/mount.fuse.stackfs")" = /opt/two/sbin/mount.fuse.stackfs ] ||
    fail "uninstalling one installation removed the link to another"

echo 'installation: all checks passed'
