import Foundation
import MountSupport
import Testing

extension Faithfulness {
    @Suite struct Scale {
        /// How many files are walked; STACKFS_TEST_FILES says otherwise, 1000000 for instance.
        private static let files =
            ProcessInfo.processInfo.environment["STACKFS_TEST_FILES"].flatMap { Int($0) } ?? 300_000

        /// Far more files than descriptors: no error, little memory for each, and that is given back.
        @Test func manyFilesInLittleMemory() throws {
            let daemon = try Daemon.binary()
            let pair = try Pair(
                .tmpfs, command: ["prlimit", "--nofile=20000", daemon, "-f", "-r", "{lower}", "{mount}"], deadline: 600)
            let create = Script.python(
                """
                count = int(sys.argv[1])
                for i in range(count):
                    if i % 1000 == 0:
                        os.mkdir(f'{i // 1000}')
                        directory = os.open(f'{i // 1000}', os.O_PATH)
                    os.close(os.open(f'file-{i % 1000}', os.O_WRONLY | os.O_CREAT, dir_fd=directory))
                    if i % 1000 == 999:
                        os.close(directory)
                """)
            let made = try create.run(in: pair.lower, ["\(Self.files)"], seconds: 120)
            #expect(made.ending == .exited(0), "\(made.output)")

            let daemonMemory = { Self.memory(of: pair.mount.process.pid) }
            try pair.expectSuccess(.shell("ls -l 0 >/dev/null"))
            let before = daemonMemory()
            let walked = try pair.expectSuccess(
                .python(
                    """
                    count = 0
                    for directory in os.listdir('.'):
                        for entry in os.scandir(directory):
                            assert stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
                            count += 1
                    print(count)
                    with open('0/file-0') as file:
                        pass
                    """), seconds: 300)
            #expect(walked == "\(Self.files)\n")
            let full = daemonMemory()
            let perFile = Double(full - before) / Double(Self.files)
            #expect(perFile < 100, "\(perFile) bytes a file")
            #expect(full > before, "the measure does not measure: no memory was taken")

            // Forgotten again: the kernel drops its names, and the daemon the nodes.
            var after = full
            for _ in 0..<120 {
                #expect(TextFile.write("2\n", to: "/proc/sys/vm/drop_caches"))
                usleep(250_000)
                after = daemonMemory()
                if after - before < (full - before) / 10 { break }
            }
            #expect(
                after - before < (full - before) / 10,
                "\(before) bytes before the walk, \(full) after it, \(after) left")
            try pair.expectSuccess(.shell("test \"$(ls 0 | wc -l)\" = 1000; ls -l 1 >/dev/null"))
            try pair.end()
        }

        /// Bytes of memory that a process holds: private and of its own mappings.
        private static func memory(of process: Int32) -> Int {
            let fields = TextFile.read("/proc/\(process)/status").split(separator: "\n")
                .filter { $0.hasPrefix("RssAnon:") || $0.hasPrefix("RssShmem:") }
            return fields.reduce(0) { $0 + (Int($1.split(whereSeparator: { !$0.isNumber })[0]) ?? 0) * 1024 }
        }
    }
}
