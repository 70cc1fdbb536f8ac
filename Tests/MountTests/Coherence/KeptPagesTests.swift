import MountSupport
import Testing

extension Coherence {
    /// Without passthrough the kernel keeps a file's pages from one open to the next, but not past a change behind the mount, with
    /// no watcher and attributes that are kept for ever.
    @Suite struct KeptPages {
        private static let options = ["passthrough=off", "cache=ttl:3600"]

        @Test(
            arguments: [
                (LowerFileSystem.ext4, []), (.ext4, ["writeback_cache"]), (.xfs, []), (.btrfs, []),
            ].filter { Requirements.missing(for: $0.0) == nil })
        func pagesOutliveAnOpenButNoChange(_ kind: LowerFileSystem, _ more: [String]) throws {
            let pair = try Pair(kind, options: Self.options + more)
            try pair.expectSuccess(.python(Self.prelude + Self.keeps + Self.changes + Self.run), pair.lower)
            try pair.end()
        }

        /// There, stores through a mapping set no time.
        @Test func tmpfsIsReadAnew() throws {
            let pair = try Pair(.tmpfs, options: Self.options)
            try pair.expectSuccess(.python(Self.prelude + Self.changes + Self.run), pair.lower)
            try pair.end()
        }

        /// Each act has a file of its own, `file` on the mount and `below` behind it; at a `yield` all wait until the last changes are old.
        private static let prelude = """
            size = 16 * 4096
            acts = []

            def cached(path):
                "How many pages the kernel has of a file right after an open."
                fd = os.open(path, os.O_RDONLY)
                mapping = mmap.mmap(fd, size, mmap.MAP_PRIVATE)
                view = ctypes.c_char.from_buffer(mapping)
                pages = (ctypes.c_ubyte * 16)()
                system(libc.mincore(ctypes.c_void_p(ctypes.addressof(view)), ctypes.c_size_t(size), pages))
                del view
                mapping.close()
                os.close(fd)
                return sum(page & 1 for page in pages)

            letters = iter('abcdefghijklmnopqrstuvwxyz')

            def overwrite(path):
                with open(path, 'r+b', buffering=0) as file:
                    file.write(next(letters).encode() * size)

            def same(file, below, what):
                assert read(file) == read(below), what


            """

        private static let keeps = """
            def untouched(file, below):
                same(file, below, 'at first')
                assert cached(file) == 0, 'kept although the file may change within the same tick of the clock'
                yield
                assert cached(file) == 16, cached(file)
                os.close(os.open(file, os.O_RDWR))
                assert cached(file) == 16, 'not kept beside a writer that writes nothing'
                os.chmod(below, 0o600)
                assert cached(file) == 0, cached(file)
            acts.append(untouched)


            """

        private static let changes = """
            def writes(file, below):
                yield
                overwrite(below)
                same(file, below, 'a write behind the mount')
                overwrite(below)
                same(file, below, 'another right after it')
                yield
                overwrite(file)
                os.sync()
                same(file, below, 'a write through the mount')
                overwrite(below)
                same(file, below, 'a write behind after one through the mount')

            def stores(file, below):
                yield
                with open(below, 'r+b') as writer:
                    mapping = mmap.mmap(writer.fileno(), size)
                assert mapping[0] == mapping[4096]
                mapping[0:4] = b'1111'
                same(file, below, 'a store behind the mount')
                yield
                mapping[0:4] = b'2222'
                same(file, below, 'a second store into the same page')
                mapping[0:4] = b'3333'
                mapping.close()
                same(file, below, 'a store before the end of the mapping')

            def late_stores(file, below):
                yield
                writer = os.open(below, os.O_RDWR)
                mapping = mmap.mmap(writer, size)
                assert mapping[0] == mapping[4096]
                yield
                mapping[0:4] = b'4444'
                same(file, below, 'the first store into a page that was read through the mapping')
                mapping.close()
                os.pwrite(writer, b'5555', 4)
                os.close(writer)
                same(file, below, 'a write to what was open already')

            def brief_stores(file, below):
                yield
                with open(below, 'r+b') as writer, mmap.mmap(writer.fileno(), size) as mapping:
                    assert mapping[0] == mapping[4096]
                    mapping[0:4] = b'6666'
                same(file, below, 'a store through a mapping that came and went')

            def beside_others(file, below):
                yield
                held = os.open(file, os.O_RDONLY)
                overwrite(below)
                same(file, below, 'an open beside another')
                assert os.pread(held, 4, 0) == read(below)[:4]
                yield
                overwrite(below)
                same(file, below, 'an open beside another that has been there for long')
                os.close(held)

            def truncations(file, below):
                yield
                os.truncate(below, 0)
                os.truncate(below, size)
                same(file, below, 'truncated and grown behind the mount')
                os.close(os.open(file, os.O_WRONLY | os.O_TRUNC))
                same(file, below, 'truncated')

            acts += [writes, stores, late_stores, brief_stores, beside_others, truncations]


            """

        private static let run = """
            pairs = [(act.__name__, os.path.join(sys.argv[1], act.__name__)) for act in acts]
            for _, below in pairs:
                write(below, os.urandom(1) * size)
            running = [act(*pair) for act, pair in zip(acts, pairs)]
            while running:
                running = [act for act in running if next(act, 'ended') != 'ended']
                time.sleep(3.2)
                # Twice, as the first remembers; and RELEASE comes after close(2) has returned.
                for _ in range(2):
                    for file, below in pairs:
                        same(file, below, 'at rest')
                    time.sleep(0.2)
            """
    }
}
