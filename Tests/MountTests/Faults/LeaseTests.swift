import MountSupport
import Testing

extension Faults {
    @Suite struct Leases {
        /// Whether a file is still mapped is found out by a lease. Who opens the file at that moment breaks it, and the kernel tells the
        /// daemon by SIGIO, which ends a process that does not expect it.
        @Test func openingWhileALeaseIsHeld() throws {
            let pair = try Pair(.tmpfs)
            let output = try pair.expectSuccess(
                .python(
                    """
                    below = sys.argv[1]
                    write('file', b'content')
                    children = []
                    for path in ['file', 'file', below + '/file', below + '/file']:
                        children.append(os.fork())
                        if children[-1] == 0:
                            for _ in range(4000):
                                os.close(os.open(path, os.O_RDWR))
                                if path == 'file':
                                    os.truncate(path, 7)
                            os._exit(0)
                    print([os.waitpid(child, 0)[1] for child in children])
                    """), pair.lower)
            #expect(output == "[0, 0, 0, 0]\n")
            try pair.end()
        }
    }
}
