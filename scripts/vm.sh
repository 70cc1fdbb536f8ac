#!/bin/sh
# Runs a folder's program `run` as root on Debian 13 with its own kernel, in a virtual machine: vm.sh [-t SECONDS] FOLDER
#
# The folder is /test there, read-only. What `run` writes is written here, and its exit status is this script's. After SECONDS (600) the
# machine is stopped, and that is a failure. The machine's root is made once, under .build/vm; whatever is written to it goes
# with the machine. The processor is emulated: nothing of the host but qemu is needed, and no timing there means anything.
set -eu

fail() {
    echo "stackfs: $1" >&2
    exit 1
}

seconds=600
if [ "${1-}" = -t ]; then
    seconds=$2
    shift 2
fi
folder=$1
sources=$(cd -- "$(dirname -- "$0")/.." && pwd)
cache=$sources/.build/vm
packages='acl attr btrfs-progs busybox-static e2fsprogs fuse3 kmod libbpf1 libfuse2t64 libstdc++6 linux-image-cloud-amd64
    mount procps python3 util-linux xfsprogs'
memory=2048

[ "$(uname -m)" = x86_64 ] || fail "the virtual machine is an x86_64 one, and this machine is not"
for program in qemu-system-x86_64 mmdebstrap mke2fs cpio xz; do
    command -v "$program" >/dev/null || fail "$program is missing: as root, scripts/setup.sh vm"
done

# The Debian mirror that this machine's own packages come from.
mirror() {
    apt-get indextargets --format "\$(ORIGIN) \$(REPO_URI)" 'Identifier: Packages' 2>/dev/null |
        awk '$1 == "Debian" && $2 !~ /security/ { print $2; exit }'
}

# Debian's root as a disk, its kernel, and a first root in memory that finds the disk.
make_root() {
    work=$1
    address=$(mirror)
    [ -n "$address" ] || fail "apt knows no Debian mirror to make the virtual machine's root from"
    echo "Making a Debian 13 root from $address"
    mkdir "$work/root" "$work/first" "$work/first/bin" "$work/first/dev" "$work/first/root"
    mmdebstrap --quiet --mode=root --variant=essential --include="$(echo "$packages" | tr -s ' \n' ',')" \
        --aptopt='Apt::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        trixie "$work/root.tar" "$address" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log" >&2
        fail "no Debian 13 root could be made from $address"
    }
    tar -xf "$work/root.tar" -C "$work/root"
    mkdir "$work/root/test"
    mv "$work"/root/boot/vmlinuz-* "$work/kernel"
    cp "$work/root/usr/bin/busybox" "$work/first/bin"
    xz -dc "$work"/root/lib/modules/*/kernel/drivers/block/virtio_blk.ko.xz >"$work/first/virtio_blk.ko"
    cp "$sources/Tests/VirtualMachine/init" "$work/first/init"
    (cd "$work/first" && find . | cpio --quiet -o -H newc) >"$work/initrd"
    rm -rf "$work"/root/boot/* "$work/root.tar"
    mke2fs -q -t ext4 -E lazy_itable_init=1 -d "$work/root" "$work/root.img" 6G
    rm -rf --one-file-system "$work/root" "$work/first"
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/stackfs-vm.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

key=$(cat "$0" "$sources/Tests/VirtualMachine/init" | sha256sum | cut -c 1-16)
if [ ! -d "$cache/$key" ]; then
    rm -rf --one-file-system "$cache"
    mkdir -p "$cache"
    # Whole or not at all.
    mkdir "$cache/making"
    make_root "$cache/making"
    mv "$cache/making" "$cache/$key"
fi
root=$cache/$key

mke2fs -q -t ext4 -d "$folder" "$scratch/test.img" "$(($(du -sm "$folder" | cut -f 1) * 5 / 4 + 64))M"
: >"$scratch/status"
timeout --kill-after=10 "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m "$memory" \
    -nodefaults -no-reboot -display none -monitor none -serial stdio -serial "file:$scratch/status" -device virtio-rng-pci \
    -kernel "$root/kernel" -initrd "$root/initrd" -append 'console=ttyS0 loglevel=4 panic=-1' \
    -drive "file=$root/root.img,format=raw,if=virtio,snapshot=on" \
    -drive "file=$scratch/test.img,format=raw,if=virtio,readonly=on" </dev/null ||
    fail "the virtual machine was stopped: it ran for longer than $seconds seconds, or qemu failed"
status=$(tr -dc 0-9 <"$scratch/status")
[ -n "$status" ] || fail "the virtual machine ended without a result"
exit "$status"
