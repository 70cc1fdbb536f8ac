/// A kind of change that can be made to a directory, and what it changes: for tests that make it behind a mount.
public struct LowerChange: Sendable, CustomStringConvertible {
    /// What is to be noticed of it. Paths are relative to the directory.
    public enum Effect: Hashable, Sendable {
        case attributes(String)
        /// A file's content, and its attributes.
        case data(String)
        /// What a name leads to, and the attributes of its directory.
        case name(String, in: String)
    }

    public let description: String
    /// For sh(1) in an empty directory: what has to be there.
    public let setup: String
    /// For sh(1) in the same directory: the change.
    public let change: String
    public let effects: [Effect]
    /// Where the change cannot be made.
    public let impossible: Set<LowerFileSystem>
    /// inotify and fanotify are told.
    public let isNotified: Bool

    private init(
        _ description: String, given setup: String = ":", _ change: String, _ effects: [Effect],
        impossible: Set<LowerFileSystem> = [], isNotified: Bool = true
    ) {
        self.description = description
        self.setup = setup
        self.change = change
        self.effects = effects
        self.impossible = impossible
        self.isNotified = isNotified
    }
}

extension LowerChange {
    /// Those that can be made on a kind of file system, each with the name of a directory of its own.
    public static func all(
        on kind: LowerFileSystem, where isWanted: (LowerChange) -> Bool = { _ in true }
    ) -> [(directory: String, change: LowerChange)] {
        all.enumerated().filter { !$0.element.impossible.contains(kind) && isWanted($0.element) }
            .map { ("\($0.offset)", $0.element) }
    }

    /// A script for sh(1) that does a part of each, in its directory below the working directory.
    public static func script(
        _ changes: [(directory: String, change: LowerChange)], _ part: KeyPath<LowerChange, String>
    ) -> String {
        changes.map { "mkdir -p \($0.directory); (cd \($0.directory); \($0.change[keyPath: part]))" }
            .joined(separator: "\n")
    }

    public static let all = names + links + attributes + data + unnotified

    private static let new = [Effect.name("new", in: ".")]

    private static let names = [
        LowerChange("create", ": >new", new),
        LowerChange("mkfifo", "mkfifo new", new),
        LowerChange("mknod", "mknod new c 1 3", new),
        LowerChange("mkdir", "mkdir new", new),
        LowerChange("symlink", "ln -s target new", new),
        LowerChange("unlink", given: ": >new", "rm new", new),
        LowerChange("rmdir", given: "mkdir new", "rmdir new", new),
        LowerChange(
            "name of 255 bytes", ": >$(printf %0255d 0)", [.name(String(repeating: "0", count: 255), in: ".")]),
        LowerChange(
            "rename", given: ": >old", "mv old new", [.name("old", in: "."), .name("new", in: "."), .attributes("new")]),
        LowerChange(
            "rename over another", given: "echo a >old; echo b >new", "mv old new",
            [.name("old", in: "."), .name("new", in: ".")]),
        LowerChange(
            "move", given: "mkdir a b; : >a/file", "mv a/file b/moved",
            [.name("file", in: "a"), .name("moved", in: "b")]),
        LowerChange(
            "move of a directory", given: "mkdir -p a/child b", "mv a/child b",
            [.name("child", in: "a"), .name("child", in: "b")]),
        LowerChange(
            "exchange", given: "echo a >one; mkdir two", python("libc.renameat2(-100, b'one', -100, b'two', 2)"),
            [.name("one", in: "."), .name("two", in: ".")]),
    ]

    private static let links = [
        LowerChange("link", given: ": >file", "ln file new", new + [.attributes("file")]),
        LowerChange("unlink of one of two links", given: ": >file; ln file new", "rm new", new + [.attributes("file")]),
        LowerChange(
            "link of a temporary file",
            python(
                """
                fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600)
                os.link(f'/proc/self/fd/{fd}', 'new', src_dir_fd=0, follow_symlinks=True)
                """), new),
        LowerChange(
            "write through another name", given: ": >file; mkdir a; ln file a/other", "echo data >>a/other",
            [.data("file")]),
    ]

    private static let attributes = [
        LowerChange("chmod", given: ": >file", "chmod 600 file", [.attributes("file")]),
        LowerChange("chmod of a directory", given: "mkdir child", "chmod 700 child", [.attributes("child")]),
        LowerChange("chown", given: ": >file", "chown 1:2 file", [.attributes("file")]),
        LowerChange("utimes", given: ": >file", "touch -d 2001-02-03 file", [.attributes("file")]),
        LowerChange("setxattr", given: ": >file", "setfattr -n trusted.a -v b file", [.attributes("file")]),
        LowerChange(
            "removexattr", given: ": >file; setfattr -n trusted.a -v b file", "setfattr -x trusted.a file",
            [.attributes("file")]),
        LowerChange("ACL", given: ": >file", "setfacl -m u:1:rwx file", [.attributes("file")]),
    ]

    private static let file = "printf %04096d 0 >file"

    private static let data = [
        LowerChange("truncate", given: file, "truncate -s 100 file", [.data("file")]),
        LowerChange("O_TRUNC", given: file, ": >file", [.data("file")]),
        LowerChange("append", given: file, "echo more >>file", [.data("file")]),
        LowerChange(
            "pwrite", given: file, python("os.pwrite(os.open('file', os.O_WRONLY), b'other', 10)"), [.data("file")]),
        LowerChange(
            "pwritev", given: file, python("os.pwritev(os.open('file', os.O_WRONLY), [b'other', b'more'], 10)"),
            [.data("file")]),
        LowerChange(
            "O_DIRECT", given: file, "dd if=/dev/zero of=file bs=4096 count=1 oflag=direct conv=notrunc 2>/dev/null",
            [.data("file")]),
        LowerChange("fallocate", given: file, "fallocate -l 8192 file", [.data("file")]),
        LowerChange("punched hole", given: file, "fallocate -p -o 0 -l 4096 file", [.data("file")]),
        LowerChange(
            "copy_file_range", given: "\(file); echo other >source",
            python(
                "os.copy_file_range(os.open('source', os.O_RDONLY), os.open('file', os.O_WRONLY), 6)"), [.data("file")]),
        LowerChange(
            "splice", given: file,
            python(
                """
                reading, writing = os.pipe()
                os.write(writing, b'other')
                os.splice(reading, os.open('file', os.O_WRONLY), 5)
                """), [.data("file")]),
        LowerChange(
            "reflink", given: "\(file); printf %08192d 1 >source",
            python("fcntl.ioctl(os.open('file', os.O_WRONLY), 0x40049409, os.open('source', os.O_RDONLY))"),
            [.data("file")], impossible: [.ext4, .tmpfs, .overlay, .plain]),
        LowerChange(
            "write from another mount namespace", given: file, "unshare -m sh -c 'echo more >>file'", [.data("file")]),
    ]

    private static let unnotified = [
        LowerChange(
            "store through a mapping", given: file,
            python("mmap.mmap(os.open('file', os.O_RDWR), 4096)[100:105] = b'other'"), [.data("file")],
            isNotified: false),
        LowerChange("chattr", given: file, "chattr +d file", [.attributes("file")], isNotified: false),
    ]

    private static func python(_ text: String) -> String {
        "python3 -c \"import ctypes, fcntl, mmap, os\nlibc = ctypes.CDLL(None)\n\(text)\""
    }
}
