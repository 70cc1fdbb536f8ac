import MountSupport
import Testing

extension ControlGroups {
    /// The figures of a group against what /proc says of its processes at the same time, for processes of stress-ng.
    @Suite struct StressProcesses {
        @Test(arguments: CgroupVersion.allCases, ["--cpu 1", "--vm 1 --vm-bytes 64M --vm-keep"])
        func groupsAndProcAgree(_ version: CgroupVersion, _ stressors: String) throws {
            let groups = try GroupMount(version)
            let result = try groups.python(Self.script, stressors)
            print("stress-ng \(stressors), \(version): \(result.output)", terminator: "")
            #expect(result.ending == .exited(0), "\(result.output)")
            try groups.end()
        }

        /// Both sides are read in turn, /proc before and after the group, until the processes have run for a second and hold what
        /// they are to. Each figure must lie within 5 % of what /proc says, and for processor time, which /proc tells in ticks, within
        /// a tick of each process.
        private static let script = """
            delegate(tree)
            group = {name: f'{tree}/{name}/stress' if legacy else f'{tree}/stress' for name in ('cpuacct', 'memory')}
            for directory in set(group.values()):
                os.mkdir(directory)
            begin = 'for directory in "$1" "$2"; do echo $$ >"$directory/cgroup.procs"; done; shift 2; exec "$@"'
            stress = subprocess.Popen(
                ['sh', '-euc', begin, 'sh', *group.values(), 'stress-ng', *sys.argv[1].split(), '--timeout', '120'],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            tick = 1 / os.sysconf('SC_CLK_TCK')

            def members():
                pids = {name: [int(pid) for pid in read(f'{directory}/cgroup.procs').split()] for name, directory in group.items()}
                assert pids['cpuacct'] == pids['memory'], pids
                return pids['memory']

            def time_of(pid):
                fields = read(f'/proc/{pid}/stat').rsplit(b')', 1)[1].split()
                return (int(fields[11]) + int(fields[12])) * tick

            def memory_of(pid):
                "What is resident, with page tables and the stacks of threads in the kernel."
                fields = dict(line.split(':', 1) for line in read(f'/proc/{pid}/status').decode().splitlines())
                kilobytes = [int(fields[name].split()[0]) for name in ('VmRSS', 'VmPTE')]
                return (sum(kilobytes) + 16 * int(fields['Threads'])) * 1024

            def group_time():
                if legacy:
                    return int(read(group['cpuacct'] + '/cpuacct.usage')) / 1e9
                return int(read(group['cpuacct'] + '/cpu.stat').split()[1]) / 1e6

            def group_memory():
                return int(read(group['memory'] + ('/memory.usage_in_bytes' if legacy else '/memory.current')))

            def within(what, before, shown, after, slack):
                assert min(before, after) * 0.95 - slack <= shown <= max(before, after) * 1.05 + slack, (what, before, shown, after)

            try:
                checks, wanted = 0, 64 << 20 if '--vm' in sys.argv[1] else 1 << 20
                deadline = time.monotonic() + 50
                while checks < 5:
                    assert time.monotonic() < deadline and stress.poll() is None, (checks, stress.poll())
                    time.sleep(0.1)
                    try:
                        pids = members()
                        first = [sum(map(time_of, pids)), sum(map(memory_of, pids))]
                        shown = [group_time(), group_memory()]
                        last = [sum(map(time_of, pids)), sum(map(memory_of, pids))]
                    except FileNotFoundError:
                        continue
                    if members() != pids or last[0] < 1 or first[1] < wanted:
                        continue
                    within('CPU', first[0], shown[0], last[0], tick * len(pids))
                    within('memory', first[1], shown[1], last[1], 0)
                    checks += 1
                # The processes of stress-ng that work are not the one that was moved here.
                assert len(pids) > 1 and stress.pid in pids, pids
            finally:
                stress.terminate()
            used = os.wait4(stress.pid, 0)[2]
            used = used.ru_utime + used.ru_stime
            deadline = time.monotonic() + 10
            while (members() or group_memory() > wanted / 20) and time.monotonic() < deadline:
                time.sleep(0.05)
            rest = group_memory()
            assert not members() and rest <= wanted / 20, rest
            within('CPU afterwards', used, group_time(), used, 2 * tick)
            left = group_time()
            time.sleep(0.3)
            assert group_time() == left >= shown[0], (shown, left)
            print(f'CPU {first[0]:.2f} {shown[0]:.3f} {last[0]:.2f} s, at the end {used:.3f} {left:.3f} s; '
                  f'memory {first[1]} {shown[1]} {last[1]}, at the end {rest}')
            """
    }
}
