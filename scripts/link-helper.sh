#!/bin/sh
# Puts the mount helper where mount(8) looks, when PREFIX is another place: link-helper.sh install|uninstall DESTDIR SBINDIR
# HELPERDIR. A failure is said, and is none of the installation: everything but `mount -t fuse.stackfs` works without it.
set -eu

action=$1 destdir=$2 sbindir=$3 helperdir=$4
link=$destdir$helperdir/mount.fuse.stackfs
target=$sbindir/mount.fuse.stackfs
[ "$helperdir" != "$sbindir" ] || exit 0

case $action in
    install)
        if mkdir -p "$destdir$helperdir" 2>/dev/null && ln -sfn "$target" "$link" 2>/dev/null; then
            echo "$link -> $target"
        else
            echo "stackfs: for mount -t fuse.stackfs and /etc/fstab, as root: ln -s $target $link" >&2
        fi
        ;;
    uninstall)
        # Only a link to this installation.
        [ "$(readlink -- "$link")" != "$target" ] || rm -f "$link"
        ;;
    *)
        echo "stackfs: link-helper.sh does install and uninstall, not $action" >&2
        exit 1
        ;;
esac
