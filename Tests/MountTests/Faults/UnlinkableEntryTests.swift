import MountSupport
import Testing

extension Faults {
    @Suite struct UnlinkableEntries {
        /// An entry that comes with a listing and cannot be put into the kernel's tree, a directory that holds the one it was found in, is
        /// given back by a FORGET that the kernel waits for (fuse_force_forget). By a ring it must be answered.
        @Test func aDirectoryWithinItself() throws {
            let pair = try Pair(.tmpfs, options: ["cache=ttl:3600"], deadline: 20)
            let output = try pair.expectSuccess(
                .python(
                    """
                    lower = sys.argv[1]
                    os.mkdir('a')
                    os.mkdir('a/b')
                    fd = os.open('a/b', os.O_RDONLY)
                    os.rename(lower + '/a/b', lower + '/b')
                    os.rename(lower + '/a', lower + '/b/a')
                    print(os.listdir(fd))
                    print(os.stat(fd).st_nlink > 0)
                    """), pair.lower)
            #expect(output == "['a']\nTrue\n")
            try pair.end()
        }
    }
}
