import Glibc
import MountSupport
import Testing

extension Coherence {
    /// What a watcher does not report shows after the time-to-live.
    @Suite struct BlindSpots {
        @Test(arguments: ["fanotify", "inotify"]) func whatIsNotSeenShowsAfterASecond(_ watcher: String) throws {
            let pair = try Pair(options: ["cache=watched", "watcher=\(watcher)"])
            try pair.expectSuccess(
                .coherence(
                    Changes.prepare + """
                        with open(below + '/data', 'r+b') as file, mmap.mmap(file.fileno(), 4096) as mapping:
                            for round in range(3):
                                mapping[round] = 7
                                mapping.flush()
                                settle('a store through a mapping', lambda root: look(root, 'data'))
                        subprocess.run(['chattr', '+i', below + '/other'], check=True)
                        settle('chattr', lambda root: look(root, 'other'))
                        subprocess.run(['chattr', '-i', below + '/other'], check=True)
                        outside = below + '/../outside'
                        os.link(below + '/data', outside)
                        write(outside, b'by a name that the mount does not have')
                        settle('another name', lambda root: look(root, 'data'))
                        os.link(below + '/other', below + '/replaced')
                        os.rename(below + '/sub/inner', below + '/replaced')
                        settle('a name that was replaced', everything)
                        held = os.open('data', os.O_RDONLY)
                        links = lambda root: attributes(os.fstat(held) if root == '.' else os.stat(outside))
                        os.unlink(below + '/data')
                        settle('a name that was removed', links)
                        write(outside, b'once more')
                        settle('a write after that', links)
                        """), pair.lower)
            try pair.end()
        }

        /// Blocks that are allocated when the lower file system writes: ext4 needs one more then to tell where so many pieces lie.
        @Test func blocksOfWriteback() throws {
            try expectUnseen(
                .ext4, field: "st_blocks",
                """
                with open(below + '/file', 'wb', buffering=0) as file:
                    for number in range(100):
                        os.pwrite(file.fileno(), b'piece', number * 65536)
                """, by: "fd = os.open(below + '/file', os.O_RDONLY); os.fsync(fd)")
        }

        @Test func accessTimes() throws {
            try expectUnseen(
                .ext4, field: "st_atime_ns",
                """
                write(below + '/file', b'content')
                os.utime(below + '/file', ns=(10**18, 2 * 10**18))
                """, by: "read(below + '/file')")
        }

        @Test func anOverlaysUpperDirectory() throws {
            try expectUnseen(
                .overlay, field: "st_size", "write(below + '/file', b'content')",
                by: "write(below + '/../../base/up/lower/file', b'more content')")
        }

        /// Expects what nobody reports not to show as long as attributes are kept, and to show with the next change that is reported.
        private func expectUnseen(
            _ kind: LowerFileSystem, field: String, _ prepare: String, by change: String
        ) throws {
            let pair = try Pair(kind, options: Changes.watched)
            try pair.expectSuccess(
                .coherence(
                    prepare + "\nfield = lambda root: os.stat(root + '/file').\(field)\n" + """
                        for round in range(2):
                            optional(lambda: os.lstat('missing'))
                            field('.')
                            time.sleep(1.2)
                        settle('before', lambda root: (field(root), attributes(os.stat(root + '/file'))))
                        before = field('.')

                        """ + change + "\n" + """
                            assert field(below) != before, 'nothing has changed'
                            time.sleep(1.5)
                            assert field('.') == before, (field('.'), before)
                            os.chmod(below + '/file', 0o600)
                            settle('after', field)
                            """), pair.lower)
            try pair.end()
        }

        /// The log says who watches, and what is not seen.
        @Test func theLogNamesTheWatcher() throws {
            let pair = try Pair(options: ["watcher=fanotify"])
            waitForLog(of: pair.mount)
            #expect(pair.mount.messages.contains("cache watched by fanotify"))
            #expect(pair.mount.messages.contains("stores through a mapping"))
            try pair.end()
        }

        /// A file system that others may change is not watched, and who insists on it is told why.
        @Test func aFileSystemThatChangesByItselfIsNotWatched() throws {
            let scratch = try Scratch(.plain)
            let error = #expect(throws: SupportError.self) {
                try TestMount("/proc/self", in: scratch, options: ["cache=watched"])
            }
            #expect(error?.description.contains("cache=watched cannot be had") == true, "\(String(describing: error))")
            let mount = try TestMount("/proc/self", in: scratch, name: "unwatched")
            waitForLog(of: mount)
            #expect(mount.messages.contains("cache ttl:1;") && mount.messages.contains("are not watched"))
            try mount.unmount()
        }

        /// The mount stands before the log says what is in force; the last line of that is about the confinement.
        private func waitForLog(of mount: TestMount) {
            let deadline = Deadline(seconds: 10)
            while !mount.messages.contains("confined to") || !mount.messages.hasSuffix("\n"), !deadline.passed {
                usleep(10_000)
            }
            usleep(50_000)
        }
    }
}
