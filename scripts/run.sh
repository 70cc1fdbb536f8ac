#!/bin/sh
# Mirrors a directory until Ctrl-C, and shows what is in force and what is there: run.sh STACKFS
#
# LOWER and MOUNT name the two directories; a LOWER not given is a sample filled here, a MOUNT not given a new directory under
# /tmp. OPTIONS is a list for -o. What is made here is removed again.
set -eu

stackfs=$1
sources=$(cd -- "$(dirname -- "$0")/.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/stackfs.XXXXXX")
# Others may look, as in any lower directory.
chmod 755 "$scratch"
mounted=

finish() {
    status=$?
    trap - EXIT
    trap '' INT TERM HUP
    if [ -n "$mounted" ] && mountpoint -q "$mount"; then
        "$stackfs" umount "$mount" || {
            echo "stackfs: $mount is in use; it goes away when it no longer is" >&2
            "$stackfs" umount --lazy "$mount"
        }
        echo "Unmounted $mount."
    fi
    # Never through a mount, were one still there.
    rm -rf --one-file-system "$scratch"
    exit "$status"
}

# Real files of each kind: text, programs, links, holes, owners' bits, a FIFO.
fill() {
    mkdir -p "$1/src" "$1/shared"
    cp -R "$sources/README.md" "$sources/LICENSE" "$sources/docs" "$1"
    cp -R "$sources/Sources" "$sources/Package.swift" "$1/src"
    ln "$1/README.md" "$1/readme-again.md"
    ln -s src/Package.swift "$1/manifest"
    truncate -s 1G "$1/sparse.img"
    mkfifo "$1/pipe"
    chmod 2775 "$1/shared"
    printf '#!/bin/sh\necho hello, world\n' >"$1/hello"
    chmod 755 "$1/hello"
}

trap finish EXIT
trap 'exit 0' INT TERM HUP

lower=${LOWER:-}
if [ -z "$lower" ]; then
    lower=$scratch/lower
    mkdir "$lower"
    fill "$lower"
fi
mount=${MOUNT:-}
if [ -z "$mount" ]; then
    mount=$scratch/merged
    mkdir "$mount"
fi

"$stackfs" mount -r "$lower" "$mount" ${OPTIONS:+-o "$OPTIONS"}
mounted=yes

echo "== stackfs doctor"
"$stackfs" doctor
echo
echo "== $mount"
findmnt --noheadings --output TARGET,SOURCE,FSTYPE,OPTIONS --mountpoint "$mount"
ls -la "$mount"
echo
echo "$lower is mirrored at $mount; Ctrl-C unmounts it."

# A trap runs once the command in hand is over: wait(1) is over at once.
while mountpoint -q "$mount"; do
    sleep 1 &
    wait "$!"
done
echo "$mount was unmounted by somebody else."
