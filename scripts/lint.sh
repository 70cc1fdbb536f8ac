#!/bin/sh
# Holds every file against the style of its language: Swift, shell, manual pages.
set -u

cd -- "$(dirname -- "$0")/.." || exit
status=0
swift format lint --strict --recursive --parallel Package.swift Plugins Sources Tests bench || status=1
# shellcheck disable=SC2046 # A list of words.
shellcheck $(git ls-files .ci/run 'scripts/*.sh' 'Tests/*.sh' Tests/VirtualMachine/init Tests/VirtualMachine/run packaging/mount.fuse.stackfs bench/phoronix/install.sh) || status=1
# Below a warning stand remarks on manual pages that this machine has not.
mandoc -T lint -W warning docs/*.8 || status=1
exit "$status"
