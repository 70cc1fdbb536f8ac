import MountSupport

extension Coherence {
    /// Who watches in these tests: fanotify, which every kernel has, unless STACKFS_TEST_WATCHER names another.
    static let watcher = Environment.words("STACKFS_TEST_WATCHER").first ?? "fanotify"
}

/// What the scripts of the coherence tests share. They run on the mount, and have the lower directory as first argument.
extension Script {
    static func coherence(_ text: String) -> Script { .python(coherencePrelude + text) }

    private static let coherencePrelude = """
        below = sys.argv[1]

        def attributes(s):
            return (s.st_mode, s.st_ino, s.st_nlink, s.st_uid, s.st_gid, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_rdev)

        def optional(call):
            try:
                return call()
            except OSError as error:
                return errno.errorcode[error.errno]

        def look(root, path):
            "What a name leads to, with its attributes, its extended attributes, its target or content."
            full = root + '/' + path
            s = optional(lambda: os.lstat(full))
            if isinstance(s, str):
                return s
            result = [attributes(s)]
            if stat.S_ISLNK(s.st_mode):
                result.append(os.readlink(full))
            else:
                result.append({key: optional(lambda: os.getxattr(full, key)) for key in sorted(optional(lambda: os.listxattr(full)))})
            if stat.S_ISREG(s.st_mode):
                result.append(optional(lambda: read(full)))
            if stat.S_ISDIR(s.st_mode):
                result.append(sorted(os.listdir(full)))
            return result

        def tree(root, path='.', names=()):
            "All of a tree by its paths, and the given names of the root, which may be missing."
            result = {path: look(root, path)}
            if stat.S_ISDIR(os.lstat(root + '/' + path).st_mode):
                for entry in os.listdir(root + '/' + path):
                    result |= tree(root, path + '/' + entry)
            for entry in names:
                result[entry] = look(root, entry)
            return result

        def settle(what, ask, seconds=20):
            "Waits until the mount shows what the lower directory has. What is kept for ever, and wrong, stays so."
            end = time.monotonic() + seconds
            while True:
                wanted, seen = optional(lambda: ask(below)), optional(lambda: ask('.'))
                if wanted == seen:
                    return
                if time.monotonic() > end:
                    for key in wanted if isinstance(wanted, dict) else ():
                        if seen.get(key) != wanted[key]:
                            print(what, key, 'is', seen.get(key), 'and not', wanted[key])
                    raise SystemExit(f'{what}: the mount shows {seen}, the lower directory has {wanted}')
                time.sleep(0.0005)


        """
}
