import Glibc
import MountSupport
import Testing

extension Coherence {
    /// Data of which the kernel has pages: those that do not go by passthrough, while a file is open or mapped.
    @Suite struct CachedData {
        @Test func changesOfWhatIsMapped() throws {
            for options in [["passthrough=off"], ["small-files"]] {
                let pair = try Pair(options: Changes.watched + options)
                try pair.expectSuccess(.coherence(Self.prepare + Self.changes), pair.lower, ".")
                try pair.end()
            }
        }

        /// Beside files that have passthrough, one that has none, as it is on one overlay too many.
        @Test func changesOfWhatHasNoPassthrough() throws {
            try withNestedOverlay(Pair(.overlay, options: Changes.watched)) { pair in
                try pair.expectSuccess(.coherence(Self.prepare + Self.changes), pair.lower, "nested")
            }
        }

        @Test func lostChangesOfWhatIsMapped() throws {
            for options in [["passthrough=off"], ["small-files"]] {
                let pair = try Overflows.pair(options: options)
                try pair.expectSuccess(
                    .coherence(Self.prepare + Self.lostChanges), pair.lower, ".", "\(pair.mount.process.pid)")
                try pair.end()
            }
        }

        @Test func lostChangesOfWhatHasNoPassthrough() throws {
            try withNestedOverlay(Overflows.pair(.overlay)) { pair in
                try pair.expectSuccess(
                    .coherence(Self.prepare + Self.lostChanges), pair.lower, "nested", "\(pair.mount.process.pid)")
            }
        }

        private func withNestedOverlay(_ pair: Pair, _ body: (Pair) throws -> Void) throws {
            let layers = Script.shell(
                """
                mkdir nested below
                mount -t tmpfs layers below
                mkdir below/up below/work
                mount -t overlay -o lowerdir="$PWD/nested",upperdir="$PWD/below/up",workdir="$PWD/below/work" nested nested
                """)
            let clear = Script.shell("umount nested; umount below")
            defer { _ = try? clear.run(in: pair.lower) }
            #expect(try layers.run(in: pair.lower) == Script.Result(ending: .exited(0), output: ""))
            try body(pair)
            try pair.end()
        }

        /// A file that is open and mapped, in a directory that is watched.
        private static let prepare = """
            where = sys.argv[2]
            path = where + '/data'
            write(f'{below}/{path}', b'a' * 4096)
            os.makedirs(f'{below}/{where}/many')
            for round in range(2):
                os.listdir(where)
                os.listdir(where + '/many')
                optional(lambda: os.lstat(where + '/missing'))
                optional(lambda: os.lstat(where + '/many/missing'))
                time.sleep(1.2)
            held = os.open(path, os.O_RDONLY)
            mapped = mmap.mmap(held, 4096, mmap.MAP_SHARED, mmap.PROT_READ)
            assert mapped[:] == b'a' * 4096

            def overwrite(content):
                with open(f'{below}/{path}', 'r+b', buffering=0) as file:
                    file.write(content)

            def shown(content):
                end = time.monotonic() + 20
                while not (mapped[:] == content == os.pread(held, 4096, 0) == read(path)):
                    assert time.monotonic() < end, (mapped[0], os.pread(held, 1, 0), read(path)[:1], content[0])


            """

        private static let changes = """
            for round in range(50):
                overwrite(bytes([round]) * 4096)
                shown(bytes([round]) * 4096)
            """

        private static let lostChanges = """
            daemon = int(sys.argv[3])
            for round in range(3):
                os.kill(daemon, signal.SIGSTOP)
                for number in range(300):
                    write(f'{below}/{where}/many/{round}.{number}')
                overwrite(bytes([round]) * 4096)
                os.kill(daemon, signal.SIGCONT)
                shown(bytes([round]) * 4096)
            """
    }
}
