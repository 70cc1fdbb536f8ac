#!/bin/sh
# Called by the Phoronix Test Suite: makes the program that it runs as `stackfs-bench WORKLOAD SYSTEM`. Nothing is downloaded: STACKFS_SOURCES
# names a checkout in which `make bench BENCHFLAGS=--list` has built the benchmark.
set -eu

bench=${STACKFS_SOURCES:?set it to a checkout of stackfs}/.build/release/stackfs-bench
if [ ! -x "$bench" ]; then
    echo "there is no $bench: run make bench BENCHFLAGS=--list in $STACKFS_SOURCES" >&2
    echo 1 >"$HOME/install-exit-status"
    exit 1
fi
cat >stackfs-bench <<END
#!/bin/sh
set -eu
cd '$STACKFS_SOURCES'
results=\$(mktemp -d)
trap 'rm -rf "\$results"' EXIT
'$bench' run --no-requests --runs 3 --workloads "\$1" --systems "\$2" --output "\$results" >"\$results/log" 2>&1 || {
    cat "\$results/log"
    exit 2
}
# "open+close: stackfs 10.88"
awk -v wanted="\$2" '\$(NF - 1) == wanted { print "Slowdown: " \$NF }' "\$results/log" >"\$LOG_FILE"
END
chmod +x stackfs-bench
