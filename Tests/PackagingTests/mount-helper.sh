#!/bin/sh
# Holds packaging/mount.fuse.stackfs against what mount(8) hands it, with a stackfs that only writes its arguments down.
set -eu

root=$(cd -- "$(dirname -- "$0")/../.." && pwd)
helper=$root/packaging/mount.fuse.stackfs
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# A stackfs that prints one argument a line, and exits with $STATUS.
fake_stackfs() {
    mkdir -p "$(dirname "$1")"
    cat >"$1" <<END
#!/bin/sh
echo "$2"
printf '%s\n' "\$@"
exit "\${STATUS:-0}"
END
    chmod +x "$1"
}
fake_stackfs "$scratch/path/stackfs" 'on PATH'
PATH=$scratch/path:$PATH

# check TITLE EXPECTED-STATUS EXPECTED-OUTPUT COMMAND...: standard error is left out.
check() {
    title=$1 status=$2 output=$3
    shift 3
    actual_status=0
    actual=$("$@" 2>/dev/null) || actual_status=$?
    if [ "$actual_status" != "$status" ] || [ "$actual" != "$output" ]; then
        failures=$((failures + 1))
        printf 'FAILED: %s\n  expected status %s: %s\n  got      status %s: %s\n' \
            "$title" "$status" "$output" "$actual_status" "$actual" >&2
    fi
}

# The lines of a call to the fake stackfs.
call() {
    echo 'on PATH'
    printf '%s\n' mount -r "$@"
}

# translates GENERIC-OPTIONS EXPECTED-OPTIONS
translates() {
    if [ -n "$2" ]; then
        check "-o $1" 0 "$(call /lower /mount -o "$2")" "$helper" /lower /mount -o "$1"
    else
        check "-o $1" 0 "$(call /lower /mount)" "$helper" /lower /mount -o "$1"
    fi
}

translates rw ''
translates defaults ''
translates rw,noauto,nofail,_netdev,user=mary,users,owner,group,auto ''
translates x-systemd.automount,x-gvfs-show,X-mount.mkdir,comment=hello ''
translates async,relatime,diratime,silent ''
translates rw,allow_other,cache=ttl:5 allow_other,cache=ttl:5
translates rw,noexec,nosuid,nodev,user=mary noexec,nosuid,nodev
translates ro ro
translates ro,rw ''
translates rw,allow_other,ro allow_other,ro
translates allow_other,,cache=none, allow_other,cache=none
translates 'fsname=two words' 'fsname=two words'
# shellcheck disable=SC2016 # No expansion is what is looked at.
translates 'fsname=*,subtype=$HOME' 'fsname=*,subtype=$HOME'
translates sync,strictatime sync,strictatime
translates no_such_option no_such_option
translates users_of_this=1 users_of_this=1

check 'several -o are one list' 0 "$(call /lower /mount -o allow_other,max_read=4096)" \
    "$helper" /lower /mount -o rw,allow_other -o max_read=4096
check 'flags of mount(8)' 0 "$(call /lower /mount -o allow_other)" \
    "$helper" /lower /mount -sn -t fuse.stackfs -o allow_other
check 'blanks in paths' 0 "$(call '/lower one' '/mount  two')" "$helper" '/lower one' '/mount  two'
check 'paths that look like options' 0 "$(call ./-r ./-x)" "$helper" -r -x
check 'nothing is done with -f' 0 '' "$helper" /lower /mount -f -o allow_other
check '-v says what is run' 0 'mount.fuse.stackfs: stackfs mount -r /lower /mount -o ro' \
    "$helper" /lower /mount -fv -o ro

check 'no mount point' 1 '' "$helper" /lower
check 'one argument too many' 1 '' "$helper" /lower /mount -o rw other
check 'unknown flag' 1 '' "$helper" /lower /mount -N 3
check '-o without a list' 1 '' "$helper" /lower /mount -o
check 'remount' 1 '' "$helper" /lower /mount -o remount,ro
check 'usage error of stackfs' 1 "$(call /lower /mount)" env STATUS=2 "$helper" /lower /mount
check 'failure of stackfs' 32 "$(call /lower /mount)" env STATUS=1 "$helper" /lower /mount

# As installed: the command beside the helper is the one that runs, also when the helper is called by a link.
fake_stackfs "$scratch/prefix/bin/stackfs" 'installed'
mkdir -p "$scratch/prefix/sbin" "$scratch/link"
cp "$helper" "$scratch/prefix/sbin/mount.fuse.stackfs"
ln -s ../prefix/sbin/mount.fuse.stackfs "$scratch/link/mount.fuse.stackfs"
check 'the installed command' 0 "$(call /lower /mount | sed '1s/.*/installed/')" \
    "$scratch/link/mount.fuse.stackfs" /lower /mount

[ "$failures" -eq 0 ] || exit 1
echo 'mount helper: all checks passed'
