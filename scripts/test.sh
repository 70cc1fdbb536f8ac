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

tests() {
    filter=$1
    shift
    timeout --kill-after=30 1200 swift test --skip-build --filter "$filter" "$@"
}

part 'mount helper' Tests/PackagingTests/mount-helper.sh
part 'installation' Tests/PackagingTests/installation.sh
part 'style' scripts/lint.sh
# A process for each group: some change what belongs to their whole process, or fill it. The mount tests start the stackfs that
# is built next to them, and run one by one, as they share the machine's mounts.
part 'build' swift build --build-tests
part 'unit tests' tests '^(FuseKernelTests|StackCoreTests|CgroupOverlayTests|stackfsTests|BenchTests)\.'
part 'fuzzing' tests '^FuzzTests\.'
part 'differential test' tests '^MountTests\.(Differential|Shrinker|Confinement)Tests/' --no-parallel
# Ordinary users mount too, and udev makes the device theirs; where there is no udev it is root's.
mode=$(stat -c %a /dev/fuse 2>/dev/null) && chmod 0666 /dev/fuse && trap 'chmod "$mode" /dev/fuse' EXIT
part 'mounts' tests '^MountTests\.' --skip '^MountTests\.(Differential|Shrinker|Confinement)Tests/' --no-parallel
part 'mount(8) and fstab(5)' Tests/PackagingTests/mount-command.sh .build/debug/stackfs

if [ -n "$failed" ]; then
    echo "FAILED:${failed%;}" >&2
    exit 1
fi
echo "All tests passed."
