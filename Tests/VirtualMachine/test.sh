#!/bin/sh
# Runs the tests that need the kernel's programs on Debian 13's own kernel: test.sh
#
# The test bundle is the one of this machine, debug build, with the Swift libraries it wants.
set -eu

cd -- "$(dirname -- "$0")/../.."
folder=$(mktemp -d "${TMPDIR:-/tmp}/stackfs-vm-test.XXXXXX")
trap 'rm -rf --one-file-system "$folder"' EXIT
trap 'exit 130' INT TERM HUP

build=$(swift build --show-bin-path)
mkdir "$folder/lib"
cp "$build/stackfs" "$build/stackfsPackageTests.xctest" Tests/VirtualMachine/run "$folder"
# The guest is as bare as any Debian; libc and libstdc++ are its own.
ldd "$build/stackfsPackageTests.xctest" | awk '/\/swift\// { print $3 }' | xargs cp -L -t "$folder/lib"
scripts/vm.sh -t 900 "$folder"
