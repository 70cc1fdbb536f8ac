import MountSupport
import Testing

/// Which kind of tree of control groups.
enum CgroupVersion: String, CaseIterable, Sendable, CustomStringConvertible {
    case v1, v2
    var description: String { rawValue }
}

/// A mount with a writable tree of control groups beside what it mirrors, and the ways of showing the tree to programs.
final class GroupMount {
    let version: CgroupVersion
    let fixture: Fixture
    let mount: TestMount
    var tree: String { "\(mount.path)/sys/fs/cgroup" }

    init(_ version: CgroupVersion, deadline: Double = 180) throws {
        self.version = version
        let options = ["allow_other", "default_permissions", "cgroup=/sys/fs/cgroup:\(version):rw"]
        fixture = try Fixture(.tmpfs, options: options, deadline: deadline)
        mount = try #require(fixture.mount)
    }

    /// Unmounts, and expects that to go well.
    func end() throws { try mount.unmount() }

    /// Runs commands of sh(1) to which the tree is the machine's: it is at /sys/fs/cgroup, in a mount namespace of their own. On v1
    /// each controller is bound on a tmpfs, as distributions lay it out.
    ///
    /// They find `$version`, `$scratch` (a directory to write to) and `fit`, explained below.
    func contained(_ commands: String, _ arguments: String..., seconds: Double = 60) throws -> Script.Result {
        let launcher = Script.shell("container=$1; shift; exec unshare -m sh -euc \"$container\" sh \"$@\"")
        return try launcher.run(
            in: "/", [Self.container + commands, version.rawValue, tree, fixture.scratch.root] + arguments,
            seconds: seconds)
    }

    private static let container = """
        version=$1 tree=$2 scratch=$3
        shift 3
        export LC_ALL=C
        if mountpoint -q /sys/fs/cgroup; then umount -R -l /sys/fs/cgroup; fi
        if [ "$version" = v2 ]; then
            mount --bind "$tree" /sys/fs/cgroup
        else
            mount -t tmpfs tmpfs /sys/fs/cgroup
            for directory in "$tree"/*; do
                name=${directory##*/}
                if [ -L "$directory" ]; then
                    cp -P "$directory" /sys/fs/cgroup/
                else
                    mkdir "/sys/fs/cgroup/$name"
                    mount --bind "$directory" "/sys/fs/cgroup/$name"
                fi
            done
        fi

        # Binds over /proc what a kernel would tell this process, were the mounts its own kind: for programs that ask /proc where the
        # hierarchies are. $1 is the group that it is in.
        fit() {
            awk -v version="$version" '
                $5 ~ "^/sys/fs/cgroup(/|$)" && / - fuse[.]stackfs / {
                    name = $5
                    sub(".*/", "", name)
                    unified = version == "v2" || name == "unified"
                    print $1, $2, $3, "/", $5, $6, "-", unified ? "cgroup2 cgroup2 rw" : "cgroup cgroup rw," name
                    next
                }
                { print }' /proc/self/mountinfo >"$scratch/mountinfo"
            printf '#subsys_name\\thierarchy\\tnum_cgroups\\tenabled\\n' >"$scratch/cgroups"
            number=0
            : >"$scratch/cgroup"
            for controllers in cpu,cpuacct cpuset memory blkio pids; do
                if [ "$version" = v1 ]; then
                    number=$((number + 1))
                    echo "$number:$controllers:$1" >>"$scratch/cgroup"
                fi
                for controller in $(echo "$controllers" | tr , ' '); do
                    printf '%s\\t%d\\t2\\t1\\n' "$controller" "$number" >>"$scratch/cgroups"
                done
            done
            if [ "$version" = v2 ]; then echo "0::$1" >"$scratch/cgroup"; fi
            mount --bind "$scratch/mountinfo" "/proc/$$/mountinfo"
            mount --bind "$scratch/cgroup" "/proc/$$/cgroup"
            mount --bind "$scratch/cgroups" /proc/cgroups
        }

        """

    /// Runs ``script(_:)`` on the tree.
    func python(_ text: String, _ arguments: String..., seconds: Double = 60) throws -> Script.Result {
        try Self.script(text).run(in: "/", [tree, version.rawValue] + arguments, seconds: seconds)
    }

    /// Python text after the prelude below, whose first arguments are a tree's directory and its version.
    static func script(_ text: String) -> Script { Script.python(prelude + text) }

    private static let prelude = """
        tree, legacy = sys.argv[1], sys.argv[2] == 'v1'
        del sys.argv[1:3]
        hierarchies = [name for name in sorted(os.listdir(tree)) if not os.path.islink(f'{tree}/{name}')] if legacy else ['']

        def put(path, text):
            fd = os.open(path, os.O_WRONLY)
            try:
                os.write(fd, text.encode() if isinstance(text, str) else text)
            finally:
                os.close(fd)

        def delegate(directory):
            "Gives all controllers to the groups of a directory of v2."
            if not legacy:
                put(f'{directory}/cgroup.subtree_control',
                    ' '.join('+' + word for word in read(f'{directory}/cgroup.controllers').decode().split()))

        def regular(directory):
            "Names of files, with their modes."
            modes = {name: os.lstat(f'{directory}/{name}').st_mode for name in sorted(os.listdir(directory))}
            return {name: mode for name, mode in modes.items() if stat.S_ISREG(mode)}

        def kept(directory):
            "Names of files of a group that keep what is written: neither figures nor members."
            return [name for name, mode in regular(directory).items()
                    if mode & 0o600 == 0o600 and not any(word in name for word in ('usage', 'failcnt', 'peak', 'events'))
                    and not name.endswith(('.procs', '.threads', '.reclaim')) and name != 'tasks'
                    and (name == 'cgroup.pressure' or not name.endswith('.pressure'))]

        def settings(directory, names):
            "What files say."
            return {name: read(f'{directory}/{name}') for name in names}


        """
}
