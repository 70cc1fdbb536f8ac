#!/bin/sh
# Installs the Debian packages that a purpose needs, where they are missing: setup.sh [-n] build|run|test|vm|bench|lint...
# With -n nothing is installed: it is only said what is missing, and how to get it.
set -eu

fail() {
    echo "stackfs: $1" >&2
    exit 1
}

install=yes
if [ "${1-}" = -n ]; then
    install=
    shift
fi

packages=
for purpose in "$@"; do
    case $purpose in
        build) more='ca-certificates g++ git libattr1-dev libbpf-dev libfuse-dev pkg-config' ;;
        run) more='fuse3 libbpf1' ;;
        test) more='acl attr btrfs-progs default-jre-headless e2fsprogs fuse3 gcc git golang-github-opencontainers-runc-dev golang-go
            libcap2-bin lxcfs procps python3 rsync sqlite3 strace stress-ng systemd xfsprogs' ;;
        bench) more='bindfs dbench e2fsprogs fio fuse-overlayfs gcc git libfuse3-dev make mergerfs pkg-config postmark python3
            python3-matplotlib sqlite3 unionfs-fuse' ;;
        vm) more='cpio e2fsprogs mmdebstrap qemu-system-x86 xz-utils' ;;
        lint) more='mandoc shellcheck' ;;
        *) fail "setup.sh knows the purposes build, run, test, vm, bench and lint, not $purpose" ;;
    esac
    packages="$packages $more"
done

command -v dpkg-query >/dev/null || fail "this is no Debian: install what it calls$packages yourself, then swift build"

installed() {
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) in
        ii*) return 0 ;;
    esac
    # The package fuse does for fuse3, which conflicts with it.
    [ "$1" = fuse3 ] && installed fuse
}

missing=
for package in $packages; do
    case " $missing " in *" $package "*) continue ;; esac
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ -z "$install" ] || [ "$(id -u)" -ne 0 ]; then
    fail "Debian packages are missing; as root: apt-get install$missing"
fi

echo "Installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A package source that cannot be reached need not be the one that has the packages.
apt-get update >"$log" 2>&1 || echo "stackfs: apt-get update failed, going on with the package lists at hand" >&2
# shellcheck disable=SC2086 # A list of words.
apt-get install -y --no-install-recommends --no-remove $missing >>"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "apt-get could not install all of:$missing"
}
