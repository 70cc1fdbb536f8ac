import MountSupport
import Testing

extension ControlGroups {
    /// lxcfs beside a tree, in one mount namespace.
    ///
    /// This shows that both serve undisturbed: lxcfs's files lie over those of /proc while groups are made, limited, left and removed,
    /// and its figures are the machine's. It shows as well that lxcfs does not see the tree's limits: it mounts the kernel's own
    /// hierarchies for itself, and looks at no other.
    @Suite struct Lxcfs {
        @Test(arguments: CgroupVersion.allCases)
        func sideBySide(_ version: CgroupVersion) throws {
            let groups = try GroupMount(version)
            let result = try groups.contained(
                """
                machine=$(grep MemTotal: /proc/meminfo)
                processors=$(grep -c ^processor /proc/cpuinfo)
                # Where lxcfs keeps a number of a process and mounts for itself.
                mount -t tmpfs tmpfs /run
                mkdir "$scratch/lxcfs"
                lxcfs -f -p /run/lxcfs.pid "$scratch/lxcfs" >"$scratch/lxcfs.log" 2>&1 &
                lxcfs=$!
                trap 'kill $lxcfs' EXIT
                for attempt in $(seq 200); do
                    if [ -e "$scratch/lxcfs/proc/meminfo" ]; then break; fi
                    kill -0 $lxcfs || { cat "$scratch/lxcfs.log"; exit 1; }
                    sleep 0.05
                done
                if [ "$version" = v2 ]; then
                    echo +memory +cpuset >/sys/fs/cgroup/cgroup.subtree_control
                    hierarchy=/sys/fs/cgroup limit=memory.max usage=memory.current
                else
                    hierarchy=/sys/fs/cgroup/memory limit=memory.limit_in_bytes usage=memory.usage_in_bytes
                fi
                mkdir "$hierarchy/app"
                echo 64M >"$hierarchy/app/$limit"
                # A container, of a namespace in which lxcfs is not: it would ask itself.
                timeout -s KILL 30 unshare -m sh -euc '
                    for file in meminfo cpuinfo uptime stat; do mount --bind "$4/lxcfs/proc/$file" "/proc/$file"; done
                    findmnt -no FSTYPE /proc/meminfo
                    echo $$ >"$1/app/cgroup.procs"
                    echo "limit $(cat "$1/app/$2")"
                    echo "lxcfs tells $(grep MemTotal: /proc/meminfo)"
                    echo "lxcfs tells $(grep -c ^processor /proc/cpuinfo) processors"
                    used=$(cat "$1/app/$3")
                    [ "$used" -gt 4096 ] && [ "$used" -lt 67108864 ] && echo "used: some"
                    grep -cx $$ "$1/app/cgroup.procs"
                    [ -s /proc/uptime ] && [ -s /proc/stat ] && echo "both serve"
                    ' sh "$hierarchy" "$limit" "$usage" "$scratch" |
                    sed "s/$machine/as the machine/; s/ $processors processors/ all processors/"
                rmdir "$hierarchy/app"
                [ ! -e "$hierarchy/app" ] && [ -s "$scratch/lxcfs/proc/uptime" ] && echo 'both serve on'
                """)
            #expect(
                result
                    == Script.Result(
                        ending: .exited(0),
                        output: """
                            fuse.lxcfs
                            limit 67108864
                            lxcfs tells as the machine
                            lxcfs tells all processors
                            used: some
                            1
                            both serve
                            both serve on

                            """))
            try groups.end()
        }
    }
}
