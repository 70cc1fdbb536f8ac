#!/bin/sh
# Says in one sentence what is missing for a purpose and what to do: require.sh swift|headers|mounting|root|root-bench|root-vm...
set -eu

fail() {
    echo "stackfs: $1" >&2
    exit 1
}

swift_compiler() {
    command -v swift >/dev/null ||
        fail "swift is not on PATH: install Swift 6.3 or later (https://www.swift.org/install/linux); under sudo, keep the path:\
 sudo env \"PATH=\$PATH\" make ..."
}

headers() {
    command -v pkg-config >/dev/null || fail "pkg-config is missing: run \`make setup\` as root"
    pkg-config --exists fuse || fail "the headers of libfuse 2.9 are missing: run \`make setup\` as root"
    pkg-config --exists libbpf || fail "the headers of libbpf are missing: run \`make setup\` as root"
}

# Whether this process has a capability, by its bit number.
capable() {
    effective=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
    [ "$((0x$effective >> $1 & 1))" -eq 1 ]
}

mounting() {
    if [ ! -e /dev/fuse ] && [ "$(id -u)" -eq 0 ]; then
        modprobe fuse 2>/dev/null || true
    fi
    if [ ! -e /dev/fuse ]; then
        grep -qw fuse /proc/filesystems ||
            fail "this kernel offers no FUSE: load its module (modprobe fuse) or use a kernel built with CONFIG_FUSE_FS"
        fail "/dev/fuse is missing: create it with \`mknod -m 666 /dev/fuse c 10 229\`, or start the container with\
 --device /dev/fuse"
    fi
    if [ "$(id -u)" -eq 0 ]; then
        (: <>/dev/fuse) 2>/dev/null ||
            fail "/dev/fuse cannot be opened: start the container with --device /dev/fuse"
        # CAP_SYS_ADMIN
        capable 21 || fail "mounting is not permitted here: start the container with --cap-add SYS_ADMIN --device /dev/fuse"
    else
        (: <>/dev/fuse) 2>/dev/null || fail "only root may open /dev/fuse here; as root: chmod 666 /dev/fuse"
        fusermount=$(command -v fusermount || command -v fusermount3) ||
            fail "ordinary users mount through fusermount3, which is missing; as root: apt-get install fuse3"
        [ -u "$fusermount" ] || fail "$fusermount must be set-user-id root for ordinary users to mount; or run this as root"
    fi
}

root() {
    [ "$(id -u)" -eq 0 ] || fail "the tests mount file systems and act as several users: run \`make test\` as root;\
 the tests that need no mount run as anybody with \`swift test --skip MountTests\`"
}

root_vm() {
    [ "$(id -u)" -eq 0 ] || fail "the virtual machine's root is made of files of all owners: run \`make test-vm\` as root"
}

root_bench() {
    [ "$(id -u)" -eq 0 ] || fail "the benchmark mounts a disk image and file systems: run \`make bench\` as root"
}

for need in "$@"; do
    case $need in
        swift) swift_compiler ;;
        root-bench) root_bench ;;
        root-vm) root_vm ;;
        headers | mounting | root) "$need" ;;
        *) fail "require.sh knows swift, headers, mounting, root, root-bench and root-vm, not $need" ;;
    esac
done
