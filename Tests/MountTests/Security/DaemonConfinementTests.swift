import CTestCalls
import Glibc
import MountSupport
import Testing

/// What a serving daemon has given up, as the kernel tells it, and that everything which needs privilege works all the same.
@Suite(.serialized, .enabled(if: Requirements.met, "\(Requirements.reason)"))
struct DaemonConfinementTests {
    /// CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, SETGID, SETUID, LINUX_IMMUTABLE, SYS_ADMIN, MKNOD, LEASE, SETFCAP:
    /// bits 0 to 4, 6, 7, 9, 21, 27, 28, 31.
    private static let kept: UInt64 = 0x9820_02df

    /// A field of a status file of /proc.
    private func field(_ name: String, of path: String) throws -> String {
        let line = TextFile.read(path).split(separator: "\n").first { $0.hasPrefix("\(name):\t") }
        return String(try #require(line, "no \(name) in \(path)").dropFirst(name.count + 2))
    }

    private func set(_ name: String, of path: String) throws -> UInt64 {
        try #require(UInt64(try field(name, of: path), radix: 16))
    }

    /// The status file of each thread of the daemon, which has begun to serve.
    private func threads(_ mount: TestMount) throws -> [String] {
        // Answered by a worker: the daemon is confined, and all its threads run.
        try #require(access("\(mount.path)/.", F_OK) == 0)
        let listing = try Subprocess.run(["ls", "/proc/\(mount.process.pid)/task"])
        return listing.split(separator: "\n").map { "/proc/\(mount.process.pid)/task/\($0)/status" }
    }

    /// setxattr(2) or getxattr(2): its result, and the words of the value after it.
    private func attribute(_ call: Int64, _ path: String, _ name: String, _ value: [UInt32])
        -> (result: Int64, value: [UInt32])
    {
        var value = value
        let result = path.withCString { path in
            name.withCString { name in
                value.withUnsafeMutableBytes {
                    tc_call(
                        call, Int64(Int(bitPattern: path)), Int64(Int(bitPattern: name)),
                        Int64(Int(bitPattern: $0.baseAddress!)), Int64($0.count), 0, 0)
                }
            }
        }
        return (result, value)
    }

    @Test(arguments: [("none", 0), ("watched", 3)]) func everyThreadIsConfined(_ cache: String, _ watching: Int) throws
    {
        let scratch = try Scratch(.plain)
        let mount = try TestMount(
            scratch.directory, in: scratch, options: ["threads=3", "cache=\(cache)", "transport=device"])
        let threads = try threads(mount)
        // The three, the one that directs them, the main thread, and those of a watcher.
        #expect(threads.count == 5 + watching)
        let own = "/proc/self/status"
        for thread in threads {
            #expect(try set("CapPrm", of: thread) == set("CapPrm", of: own) & Self.kept)
            #expect(try set("CapEff", of: thread) == set("CapEff", of: own) & Self.kept)
            #expect(try set("CapBnd", of: thread) == set("CapBnd", of: own) & Self.kept)
            #expect(try set("CapInh", of: thread) == 0)
            #expect(try set("CapAmb", of: thread) == 0)
            #expect(try field("NoNewPrivs", of: thread) == "1")
            #expect(try field("Seccomp", of: thread) == "2")
        }
        #expect(mount.messages.contains("confined to"))
        #expect(mount.messages.contains("no new privileges"))
        try mount.unmount()
    }

    @Test func whatNeedsPrivilegeWorks() throws {
        let scratch = try Scratch(.tmpfs)
        let lower = try scratch.makeLowerDirectory("lower")
        let mount = try TestMount(lower, in: scratch)
        let path = mount.path

        try #require(mkdir("\(path)/open", 0o755) == 0 && chmod("\(path)/open", 0o1777) == 0)
        try Subprocess.run([
            "setpriv", "--reuid", "12345", "--regid", "23456", "--clear-groups", "mkdir", "\(path)/open/other",
        ])
        var status = stat()
        #expect(stat("\(lower)/open/other", &status) == 0 && status.st_uid == 12345 && status.st_gid == 23456)

        // A loop device that is not there: a node is all that is wanted.
        try Subprocess.run(["mknod", "\(path)/device", "b", "7", "9999"])
        #expect(stat("\(lower)/device", &status) == 0 && status.st_mode & S_IFMT == S_IFBLK)
        #expect(chown("\(path)/open/other", 34567, 45678) == 0)
        #expect(stat("\(lower)/open/other", &status) == 0 && status.st_uid == 34567 && status.st_gid == 45678)
        #expect(chmod("\(path)/open/other", 0o2775) == 0)
        #expect(stat("\(lower)/open/other", &status) == 0 && status.st_mode & 0o7777 == 0o2775)

        try Subprocess.run(["touch", "\(path)/file"])
        // VFS_CAP_REVISION_2 with the effective bit, and CAP_NET_RAW permitted.
        let netRaw: [UInt32] = [0x0200_0001, 1 << 13, 0, 0, 0]
        for (name, value) in [("security.capability", netRaw), ("trusted.stackfs", [7])] {
            #expect(attribute(TC_setxattr, "\(path)/file", name, value).result == 0, "\(name)")
            let (length, read) = attribute(TC_getxattr, "\(lower)/file", name, value.map { _ in 0 })
            #expect(length == Int64(value.count * 4) && read == value, "\(name)")
        }
        try mount.unmount()
    }

    @Test func unmountingFromOutsideEndsIt() throws {
        let scratch = try Scratch(.plain)
        let mount = try TestMount(scratch.directory, in: scratch)
        try Subprocess.run([try Daemon.binary(), "umount", mount.path])
        #expect(mount.process.wait(seconds: 10) == .exited(0))
        #expect(MountEntry.at(mount.path) == nil)
    }

    @Test func inTheBackgroundItLogsAndEnds() throws {
        let scratch = try Scratch(.plain)
        let path = scratch.makeDirectory("mount")
        let daemon = try Daemon.binary()
        try Subprocess.run([daemon, "-r", scratch.directory, path])
        #expect(access("\(path)/.", F_OK) == 0)
        let running = try Subprocess.run(["pgrep", "-f", "--", "-r \(scratch.directory) \(path)$"])
        let process = try #require(running.split(separator: "\n").first)
        #expect(try field("Seccomp", of: "/proc/\(process)/status") == "2")
        try Subprocess.run(["kill", "-TERM", String(process)])
        let deadline = Deadline(seconds: 10)
        while MountEntry.at(path) != nil, !deadline.passed { usleep(10_000) }
        #expect(MountEntry.at(path) == nil)
    }

    /// fusermount3 wants a user with a name.
    private static let user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--"]

    /// Why an ordinary user cannot mount here, or nil.
    private static let missingForUser: String? = {
        guard Requirements.which("fusermount3") != nil else { return "no fusermount3 here" }
        guard let daemon = try? Daemon.binary(), (try? Subprocess.run(user + ["test", "-x", daemon])) != nil else {
            return "an ordinary user cannot reach the daemon's program"
        }
        return nil
    }()

    @Test(.enabled(if: Self.missingForUser == nil, "\(Self.missingForUser ?? "")"))
    func ordinaryUserKeepsTheWayToFusermount() throws {
        let scratch = try Scratch(.plain)
        let (user, daemon) = (Self.user, try Daemon.binary())
        for name in ["mount", "own"] { try Subprocess.run(["chown", "nobody", scratch.makeDirectory(name)]) }
        let mount = try TestMount(
            "\(scratch.root)/own", in: scratch, command: user + [daemon, "-f", "-r", "{lower}", "{mount}"])
        try Subprocess.run(user + ["touch", "\(mount.path)/file"])
        #expect(access("\(scratch.root)/own/file", F_OK) == 0)
        #expect(mount.messages.contains("confined to no capabilities"))
        #expect(mount.messages.contains("ended by fusermount3"))
        try mount.unmount()
    }

    @Test func doctorSaysIt() throws {
        let words = try Subprocess.run([try Daemon.binary(), "doctor"])
        let line = words.split(separator: "\n").first { $0.hasPrefix("confinement") }
        #expect(line?.contains("no new privileges, a filter of") == true, "\(words)")
    }
}
