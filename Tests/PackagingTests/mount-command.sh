#!/bin/sh
# Mounts with mount(8) and by a line of fstab(5): mount-command.sh STACKFS, as root.
#
# All happens in a mount namespace of its own, in which the mount helper lies over /usr/sbin: the system stays as it is.
set -eu

if [ "${2-}" != inside ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf --one-file-system "$scratch"' EXIT
    unshare --mount --propagation private "$0" "$(readlink -f -- "$1")" inside "$scratch"
    exit
fi

stackfs=$1 scratch=$3
root=$(cd -- "$(dirname -- "$0")/../.." && pwd)
lower=$scratch/lower mount=$scratch/merged
finish() {
    umount --lazy "$mount" 2>/dev/null || true
}
trap finish EXIT

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

# A tmpfs, as not every file system can be the upper layer.
mkdir "$scratch/layers"
mount -t tmpfs tmpfs "$scratch/layers"
mkdir "$scratch/layers/prefix" "$scratch/layers/prefix/bin" "$scratch/layers/prefix/sbin"
cp "$root/packaging/mount.fuse.stackfs" "$scratch/layers/prefix/sbin"
ln -s "$stackfs" "$scratch/layers/prefix/bin/stackfs"
mkdir "$scratch/layers/upper" "$scratch/layers/work"
ln -s "$scratch/layers/prefix/sbin/mount.fuse.stackfs" "$scratch/layers/upper/mount.fuse.stackfs"
mount -t overlay overlay \
    -o "lowerdir=/usr/sbin,upperdir=$scratch/layers/upper,workdir=$scratch/layers/work" /usr/sbin

mkdir "$lower" "$mount"
echo content >"$lower/file"

mount -t fuse.stackfs "$lower" "$mount" -o ro,noexec,noauto,x-test=1 || fail 'mount -t fuse.stackfs'
[ "$(cat "$mount/file")" = content ] || fail 'the mirror shows other content'
! (: >"$mount/new") 2>/dev/null || fail 'ro can be written'
found=$(findmnt -n -o SOURCE,FSTYPE --mountpoint "$mount" | tr -s ' ')
[ "$found" = "$lower fuse.stackfs" ] || fail "findmnt shows $found"
findmnt -n -o OPTIONS --mountpoint "$mount" | grep -qw noexec || fail 'noexec is lost'
umount "$mount"

status=0
mount -t fuse.stackfs "$scratch/missing" "$mount" 2>/dev/null || status=$?
[ "$status" -eq 32 ] || fail "a missing lower directory gives the exit status $status"
status=0
mount -t fuse.stackfs "$lower" "$mount" -o no_such_option 2>/dev/null || status=$?
[ "$status" -ne 0 ] || fail 'an unknown option is taken'
! mountpoint -q "$mount" || fail 'a failed mount left a mount'

echo "$lower $mount fuse.stackfs defaults,nofail,allow_other,cache=ttl:5 0 0" >"$scratch/fstab"
export LIBMOUNT_FSTAB="$scratch/fstab"
mount "$mount" || fail 'mount by fstab'
echo more >"$mount/new"
[ "$(cat "$lower/new")" = more ] || fail 'what is written does not reach the lower directory'
# What is mounted already is found by its source.
mount --all
[ "$(findmnt -n --mountpoint "$mount" | wc -l)" -eq 1 ] || fail 'mount --all mounted a second time'
umount "$mount"

echo 'mount(8) and fstab(5): all checks passed'
