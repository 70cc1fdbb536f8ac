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
part 'unit tests' tests '^(FuseKernelTests|StackCoreTests|ExtCacheTests|CgroupOverlayTests|stackfsTests|BenchTests)\.'
part 'fuzzing' tests '^FuzzTests\.'
part 'differential test' tests '^MountTests\.(Differential|Shrinker|Confinement)Tests/' --no-parallel
# Ordinary users mount too, and udev makes the device theirs; where there is no udev it is root's.
mode=$(stat -c %a /dev/fuse 2>/dev/null) && chmod 0666 /dev/fuse && trap 'chmod "$mode" /dev/fuse' EXIT
part 'mounts' tests '^MountTests\.' --skip '^MountTests\.(Differential|Shrinker|Confinement)Tests/' --no-parallel

# The mirror's own tests again, by each way that requests and data can take. A connection keeps the ring that it began with.
matrix() {
    ring=/sys/module/fuse/parameters/enable_uring
    before=$(cat $ring 2>/dev/null)
    combinations='transport=device,busy_poll=50,passthrough=off'
    if [ -n "$before" ] && echo Y >$ring; then
        combinations="$combinations transport=ring,passthrough=auto transport=ring,passthrough=off"
    else
        echo "not tested: transport=ring, as this kernel has no FUSE over io_uring ($ring)"
    fi
    status=0
    for options in $combinations; do
        echo "-- $options"
        STACKFS_TEST_OPTIONS=$options \
            tests '^MountTests\.(Faithfulness|Programs|Faults|SetIDTests)' --no-parallel || status=1
    done
    [ -z "$before" ] || echo "$before" >$ring
    return $status
}
part 'mounts, each transport and data path' matrix
part 'allocations' timeout 1200 swift test -c release -Xswiftc -enable-testing --scratch-path .build/tests-release \
    --filter 'Allocation'
part 'mount(8) and fstab(5)' Tests/PackagingTests/mount-command.sh .build/debug/stackfs

if [ -n "$failed" ]; then
    echo "FAILED:${failed%;}" >&2
    exit 1
fi
echo "All tests passed."
