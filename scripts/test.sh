#!/bin/sh
# Runs every test, and says at the end which part failed. STACKFS_STRICT=0 lets compiler warnings pass.
set -u

cd -- "$(dirname -- "$0")/.." || exit
export STACKFS_STRICT="${STACKFS_STRICT:-1}"
failed=

part() {
    name=$1
    shift
    echo "== $name"
    "$@" || failed="$failed $name;"
}

part 'mount helper' Tests/PackagingTests/mount-helper.sh
part 'installation' Tests/PackagingTests/installation.sh
part 'style' scripts/lint.sh
# The mount tests start the stackfs that is built next to them.
part 'swift' swift test
part 'mount(8) and fstab(5)' Tests/PackagingTests/mount-command.sh .build/debug/stackfs

if [ -n "$failed" ]; then
    echo "FAILED:${failed%;}" >&2
    exit 1
fi
echo "All tests passed."
