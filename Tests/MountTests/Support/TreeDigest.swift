/// A text that tells what is in a tree: a line each for names, types, modes, owners, sizes, contents, links, extended attributes
/// (ACLs among them) and times.
///
/// Only times before 2020 count: a test sets those explicitly.
enum TreeDigest {
    static func of(_ directory: String) throws -> String {
        let result = try program.run(in: directory, seconds: 120)
        guard result.ending == .exited(0) else { throw DigestError(description: result.output) }
        return result.output
    }

    private struct DigestError: Error, CustomStringConvertible {
        let description: String
    }

    private static let program = Script.python(
        """
        import hashlib
        links = {}

        def describe(path):
            s = os.lstat(path)
            words = [stat.filemode(s.st_mode), s.st_uid, s.st_gid]
            if not stat.S_ISDIR(s.st_mode):
                words += [s.st_size, 'inode', links.setdefault((s.st_dev, s.st_ino), len(links)), s.st_nlink]
            if stat.S_ISREG(s.st_mode):
                digest = hashlib.sha1()
                with open(path, 'rb') as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
                words.append(digest.hexdigest())
            if stat.S_ISLNK(s.st_mode):
                words.append(os.readlink(path))
            if stat.S_ISCHR(s.st_mode) or stat.S_ISBLK(s.st_mode):
                words.append(s.st_rdev)
            if s.st_mtime < 1577836800:
                words.append(f'modified {s.st_mtime_ns}')
            for key in sorted(os.listxattr(path, follow_symlinks=False)):
                words.append(f'{key}={os.getxattr(path, key, follow_symlinks=False).hex()}')
            return ' '.join(map(str, words))

        for directory, directories, files in os.walk(b'.'):
            directories.sort()
            for entry in sorted(directories + files):
                path = os.path.join(directory, entry)
                print(repr(path)[2:-1], describe(path))
        """)
}
