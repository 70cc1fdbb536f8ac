import ExtCache
import Glibc
import MountSupport
import StackCore
import SystemCalls
import Testing

extension Coherence {
    /// What is held by descriptors that are not open is found by a program in the kernel.
    @Suite(.serialized, .enabled(if: iteratorObstacle == nil, "\(iteratorObstacle ?? "")")) struct HeldDescriptors {
        private static let pathOnly: Int32 = 0o10000000  // O_PATH

        private func open(_ path: String, _ flags: Int32) throws -> Descriptor {
            let number = Glibc.open(path, flags | O_CLOEXEC)
            try #require(number >= 0)
            return Descriptor(owning: number)
        }

        @Test func descriptorsAreFound() throws {
            let pair = try Pair()
            try Subprocess.run(["touch", "\(pair.lower)/one", "\(pair.lower)/two", "\(pair.lower)/open"])
            try Subprocess.run(["mkfifo", "\(pair.lower)/pipe"])
            let finder = try HeldFiles(verbose: false)
            let device = UInt32(try #require(MountEntry.at(pair.mount.path)).minor)
            func held(within time: UInt64) -> [HeldFile] {
                var found: [HeldFile] = []
                // Of FUSE's devices the major number is 0.
                finder.forEach(within: time) { if $0.device == device { found.append($0) } }
                return found
            }
            #expect(held(within: .max) == [])
            do {
                let one = try open("\(pair.mount.path)/one", Self.pathOnly)
                let again = try open("\(pair.mount.path)/one", Self.pathOnly)
                let two = try open("\(pair.mount.path)/two", Self.pathOnly)
                let opened = try open("\(pair.mount.path)/open", O_RDONLY)
                // A pipe of the mount's: the daemon hears of none that is open.
                let pipe = try open("\(pair.mount.path)/pipe", O_RDWR)
                let found = held(within: .max)
                #expect(found.count == 5)
                #expect(Set(found.map(\.node)).count == 4)
                #expect(held(within: 0) == [])
                withExtendedLifetime((one.number, again.number, two.number, opened.number, pipe.number)) {}
            }
            #expect(held(within: .max) == [])
            try pair.end()
        }

        /// The daemon, which has given up most of what it may do, finds them when changes were lost.
        @Test func theDaemonDropsThemFirst() throws {
            let options = "cache=watched,watcher=fanotify,attr_timeout=3600"
            let pair = try Overflows.pair(
                .tmpfs,
                command: [
                    try Daemon.binary(), "-f", "--log-level", "debug", "-r", "{lower}", "{mount}", "-o", options,
                ])
            let words = try pair.expectSuccess(
                .coherence(
                    """
                    daemon = int(sys.argv[2])
                    os.mkdir(below + '/many')
                    for number in range(10100):
                        os.close(os.open(f'{below}/many/{number}', os.O_CREAT | os.O_WRONLY))
                    os.mkdir(below + '/noise')
                    for entry in os.scandir('many'):
                        entry.stat()
                    optional(lambda: os.lstat('noise/missing'))
                    time.sleep(1.2)
                    held = [os.open(f'many/{number}', os.O_PATH) for number in range(10000, 10100)]
                    os.kill(daemon, signal.SIGSTOP)
                    for number in range(300):
                        write(f'{below}/noise/{number}')
                    for number in range(10000, 10100):
                        os.chmod(f'{below}/many/{number}', 0o640)
                    os.kill(daemon, signal.SIGCONT)
                    settle('what is held', lambda root: [
                        attributes(os.fstat(fd) if root == '.' else os.stat(f'{below}/many/{number}')) for number, fd in enumerate(held, 10000)])
                    """), pair.lower, "\(pair.mount.process.pid)")
            #expect(words == "")
            try pair.end()
            #expect(pair.mount.messages.contains("and 100 by descriptors alone"), "\(pair.mount.messages)")
        }
    }

    static let iteratorObstacle: String? = {
        if let missing = Requirements.missing { return missing }
        do throws(BPFObstacle) {
            _ = try HeldFiles(verbose: false)
            return nil
        } catch {
            return "no BPF iterator: \(error)"
        }
    }()
}
