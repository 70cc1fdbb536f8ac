import Glibc
import MountSupport
import Testing

/// From the mount to its end, as root.
@Suite struct LifetimeTests {
    @Test func theGuidesCommandLineWorks() throws {
        let scratch = try CommandScratch()
        let result = try scratch.stackfs(
            "-o", "max_write=131072", "-o", "writeback_cache", "-o", "splice_read", "-o", "splice_write", "-o",
            "splice_move",
            "-r", scratch.lower, scratch.mount, "-o", "allow_other")
        #expect(result == ProcessResult(status: 0, output: "", error: ""))
        #expect(try scratch.sh("cat mount/greeting") == "hello\n")
        #expect(try scratch.mounted("FSTYPE,SOURCE", at: scratch.mount) == "fuse.stackfs \(scratch.lower)")
        #expect(try scratch.stackfs("umount", "mount") == ProcessResult(status: 0, output: "", error: ""))
        #expect(try scratch.mounted("FSTYPE", at: scratch.mount) == "")
    }

    @Test func optionsShowInTheMountTable() throws {
        let scratch = try CommandScratch()
        let list =
            "ro,max_read=65536,noatime,sync,dirsync,nosuid,noexec,dev,noallow_other,subtype=x,fsname=a\\,b,noauto,x-y=z"
        let result = try scratch.stackfs("lower", "mount", "-o", list)
        #expect(result.status == 0, "\(result.error)")
        #expect(try scratch.mounted("FSTYPE,SOURCE", at: scratch.mount) == "fuse.x a,b")
        let options = Set(try scratch.mounted("OPTIONS", at: scratch.mount).split(separator: ","))
        #expect(options.isSuperset(of: ["ro", "nosuid", "noexec", "noatime", "sync", "dirsync", "max_read=65536"]))
        #expect(options.isDisjoint(with: ["nodev", "allow_other"]))
        #expect(options.contains("default_permissions"))
    }

    @Test(arguments: ["", ",auto_unmount"])
    func rootsMountTakesTheLowerOnesFlags(more: String) throws {
        let scratch = try CommandScratch()
        try scratch.sh("mkdir other; mount -t tmpfs -o nodev,noexec none other")
        #expect(try scratch.stackfs("other", "mount", "-o", "rw\(more)").status == 0)
        let options = Set(try scratch.mounted("OPTIONS", at: scratch.mount).split(separator: ","))
        #expect(options.isSuperset(of: ["rw", "nodev", "noexec", "allow_other"]))
        #expect(!options.contains("nosuid"))
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func signalsUnmount(signal: Int32) throws {
        let scratch = try CommandScratch()
        let daemon = try ProcessRunner.start([
            ProcessRunner.stackfs, "-f", "--log-level", "error", scratch.lower, scratch.mount,
        ])
        #expect(try scratch.eventually { try !scratch.mounted("FSTYPE", at: scratch.mount).isEmpty })
        try scratch.sh("echo written >mount/file")
        kill(daemon, signal)
        #expect(try ProcessRunner.wait(for: daemon) == 0)
        #expect(try scratch.mounted("FSTYPE", at: scratch.mount) == "")
        #expect(try scratch.sh("cat lower/file") == "written\n")
    }

    @Test func statisticsAreWrittenOnRequestAndAtTheEnd() throws {
        let scratch = try CommandScratch()
        try scratch.sh("mkdir figures")
        // A missing name that is kept is no error.
        #expect(
            try scratch.stackfs("--statsdir=figures", "-o", "cache=ttl:1", scratch.lower, scratch.mount).status == 0)
        try scratch.sh("cat mount/greeting; ls mount/absent || true")
        kill(try scratch.daemon(endingWith: scratch.mount), SIGUSR1)
        #expect(try scratch.eventually { try scratch.sh("ls figures") == "operations.json\noperations.txt\n" })
        #expect(try scratch.sh("cat figures/operations.txt").contains("LOOKUP"))
        try scratch.sh("rm figures/*")
        #expect(try scratch.stackfs("umount", "mount").status == 0)
        #expect(try scratch.eventually { try scratch.sh("ls figures") == "operations.json\noperations.txt\n" })
        let script = """
            import json
            figures = json.load(open('figures/operations.json'))['operations']
            lookup = [row for row in figures if row['operation'] == 'LOOKUP'][0]
            print(lookup['errors'] >= 1, lookup['requests'] > lookup['errors'],
                all(sum(count for _, count in row['latency_ns']) == row['requests'] for row in figures))
            """
        #expect(try ProcessRunner.run(["python3", "-c", script], in: scratch.path).output == "True True True\n")
    }

    @Test func aDeadMountIsRecognisedAndCleared() throws {
        let scratch = try CommandScratch()
        #expect(try scratch.stackfs(scratch.lower, scratch.mount).status == 0)
        let daemon = try scratch.daemon(endingWith: scratch.mount)
        kill(daemon, SIGKILL)
        #expect(
            try scratch.eventually { try ProcessRunner.run(["ls", scratch.mount]).error.contains("not connected") })
        let sentence =
            "stackfs: \(scratch.mount) is a mount whose daemon is dead: clear it with `stackfs umount \(scratch.mount)`\n"
        for arguments in [["lower", "mount"], ["./mount", "lower"], ["lower", "mount/below"]] {
            let result = try ProcessRunner.run([ProcessRunner.stackfs] + arguments, in: scratch.path)
            #expect(result == ProcessResult(status: 1, output: "", error: sentence))
        }
        #expect(try scratch.stackfs("doctor").output.contains("\(scratch.mount) (fuse.stackfs): clear it"))
        #expect(try scratch.stackfs("umount", "mount").status == 0)
        #expect(try scratch.stackfs(scratch.lower, scratch.mount).status == 0)
    }

    @Test func aBusyMountIsDetachedOnDemandOnly() throws {
        let scratch = try CommandScratch()
        #expect(try scratch.stackfs(scratch.lower, scratch.mount).status == 0)
        let user = try ProcessRunner.start(["sleep", "60"], in: scratch.mount)
        defer { kill(user, SIGKILL) }
        usleep(200_000)
        let result = try scratch.stackfs("umount", "mount")
        #expect(result.status == 1)
        #expect(
            result.error.hasPrefix("stackfs: \(scratch.mount) is in use by sleep (\(user)): end that, or detach"),
            "\(result.error)")
        #expect(try scratch.stackfs("umount", "-l", "mount").status == 0)
        #expect(try scratch.mounted("FSTYPE", at: scratch.mount) == "")
    }

    @Test func aMountStandingThereIsNamed() throws {
        let scratch = try CommandScratch()
        #expect(try scratch.stackfs("lower", "mount").status == 0)
        let result = try scratch.stackfs("lower", "mount")
        #expect(result.status == 1)
        #expect(
            result.error.hasPrefix(
                "stackfs: the mount point \(scratch.mount) already has \(scratch.lower) mounted on it"))
    }

    @Test func nonemptyHidesWhatIsThere() throws {
        let scratch = try CommandScratch()
        try scratch.sh("touch mount/hidden")
        #expect(try scratch.stackfs("lower", "mount", "-o", "nonempty").status == 0)
        #expect(try scratch.sh("ls mount") == "greeting\ninside\n")
        #expect(try scratch.stackfs("umount", "mount").status == 0)
        #expect(try scratch.sh("ls mount") == "hidden\n")
    }

    /// fusermount3 compares two readings of the mount table, and leaves the mount where others mount meanwhile: three tries.
    @Test func autoUnmountClearsAKilledDaemonsMount() throws {
        let scratch = try CommandScratch()
        var isGone = false
        for _ in 0..<3 where !isGone {
            #expect(try scratch.stackfs("-o", "auto_unmount", scratch.lower, scratch.mount).status == 0)
            kill(try scratch.daemon(endingWith: scratch.mount), SIGKILL)
            isGone = try scratch.eventually { try scratch.mounted("FSTYPE", at: scratch.mount).isEmpty }
            if !isGone { #expect(try scratch.stackfs("umount", "mount").status == 0) }
        }
        #expect(isGone)
    }

    /// A process that has only forked keeps what Swift's runtime remembers of another one's threads (PF_FORKNOEXEC, field 9 of
    /// proc_pid_stat(5)), and a lock of the main thread's can stay locked for ever.
    @Test func theProcessInTheBackgroundIsAProgramOfItsOwn() throws {
        let scratch = try CommandScratch()
        #expect(try scratch.stackfs("lower", "mount") == ProcessResult(status: 0, output: "", error: ""))
        let words = try scratch.sh(
            """
            pid=$(pgrep -nx stackfs)
            tr '\\0' ' ' </proc/$pid/cmdline; cat /proc/$pid/comm
            echo $(($(cut -d' ' -f9 /proc/$pid/stat) & 0x40))
            """)
        #expect(words.hasSuffix("stackfs lower mount stackfs\n0\n"), "\(words)")
        #expect(try scratch.stackfs("umount", "mount").status == 0)
    }

    @Test func theProcessInTheBackgroundHoldsNothingOfTheCallers() throws {
        let scratch = try CommandScratch()
        // The pipe to cat ends with the command, and not with the mount: else this would take as long as the mount.
        let script = "\"$0\" \(scratch.lower) \(scratch.mount) 3>&1 9>&1 2>&1 | cat; echo over"
        let result = try ProcessRunner.run(["sh", "-c", script, ProcessRunner.stackfs], seconds: 10)
        #expect(result.output == "over\n")
        let daemon = try scratch.daemon(endingWith: scratch.mount)
        #expect(try scratch.sh("readlink /proc/\(daemon)/cwd") == "/\n")
        #expect(
            try scratch.sh("readlink /proc/\(daemon)/fd/0 /proc/\(daemon)/fd/1 /proc/\(daemon)/fd/2")
                == "/dev/null\n/dev/null\n/dev/null\n")
        #expect(try scratch.sh("ps -o sid= -p \(daemon)").contains("\(daemon)"))
    }

    @Test(arguments: [["mount"], []])
    func servesAConnectionThatSomebodyElseMounted(mount: [String]) throws {
        let scratch = try CommandScratch()
        try scratch.sh(
            """
            exec 9<>/dev/fuse
            mount -i -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions other mount
            \(ProcessRunner.stackfs) --fuse-fd 9 -r lower \(mount.joined())
            exec 9>&-
            """)
        #expect(try scratch.sh("cat mount/greeting; umount mount") == "hello\n")
    }

    @Test func aDescriptorThatNothingIsMountedWithIsRefused() throws {
        let scratch = try CommandScratch()
        let result = try ProcessRunner.run(
            ["sh", "-c", "exec \"$0\" --fuse-fd 9 lower 9<>/dev/fuse", ProcessRunner.stackfs], in: scratch.path)
        #expect(result.status == 1)
        #expect(
            result.error.hasPrefix("stackfs: --fuse-fd 9 is open, but nothing is mounted with it"), "\(result.error)")
    }

    @Test func theFirstLineSaysWhatIsInForce() throws {
        let scratch = try CommandScratch()
        let script =
            "\"$0\" -f -s -o cache=none,negative_timeout=2 lower mount 2>log & "
            + "until grep -q . log; do sleep 0.05; done; umount mount; wait; head -1 log"
        let line = try ProcessRunner.run(["sh", "-c", script, ProcessRunner.stackfs], in: scratch.path).output
        for part in [
            "stackfs: \(scratch.lower) at \(scratch.mount)", "FUSE protocol 7.", "/dev/fuse with 1 thread;",
            "cache none (missing names 2 s)", "lower files are referenced by",
        ] {
            #expect(line.contains(part), "\(line)")
        }
    }

    @Test func theDoctorLeavesNothingBehind() throws {
        let scratch = try CommandScratch()
        let result = try ProcessRunner.run([
            "env", "TMPDIR=\(scratch.path)", ProcessRunner.stackfs, "doctor", scratch.lower,
        ])
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.contains("works (tried, and unmounted again)"))
        #expect(result.output.contains("CAP_DAC_READ_SEARCH"))
        #expect(result.output.contains("do_readdirplus"))
        #expect(try scratch.sh("ls") == "lower\nmount\n")
    }
}
