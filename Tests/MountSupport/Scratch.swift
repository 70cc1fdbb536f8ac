import CTestCalls
import Glibc

/// A directory for one test, with a file system of the wanted kind mounted in it; gone with its owner.
public final class Scratch: @unchecked Sendable {
    public let kind: LowerFileSystem
    /// The temporary directory that everything lies in.
    public let root: String
    /// A directory on the wanted file system.
    public let directory: String

    private var mounted: [String] = []
    private var token: Int?

    /// Makes and mounts a file system.
    ///
    /// Images are sparse and 3 GiB long. Everything is mounted strictatime, so that access times tell of every access.
    /// STACKFS_TEST_DIRECTORY says where, /tmp otherwise.
    public init(_ kind: LowerFileSystem) throws(SupportError) {
        Self.sweep()
        self.kind = kind
        let parent = Scratch.parent
        var template = Array("\(parent)/\(Self.prefix)\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw SupportError("no temporary directory in \(parent): \(Self.error)")
        }
        root = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        chmod(root, 0o755)
        directory = "\(root)/lower"
        mkdir(directory, 0o755)
        token = Cleanup.remember { [weak self] in self?.undo() }
        do {
            try build()
        } catch {
            remove()
            throw error
        }
    }

    /// Makes a directory in ``root``, outside of the file system, and gives its path.
    public func makeDirectory(_ name: String) -> String {
        mkdir("\(root)/\(name)", 0o755)
        return "\(root)/\(name)"
    }

    /// Makes a directory on the file system, and gives its path.
    public func makeLowerDirectory(_ name: String) throws(SupportError) -> String {
        let path = "\(directory)/\(name)"
        guard mkdir(path, 0o755) == 0 else { throw SupportError("no directory \(path): \(Self.error)") }
        return path
    }

    private func build() throws(SupportError) {
        switch kind {
        case .plain: break
        case .tmpfs: try mount(["-t", "tmpfs", "-o", "strictatime,size=2g", "stackfs-test", directory], at: directory)
        case .ext4: try mountImage("strictatime", at: directory)
        case .xfs: try mountImage("strictatime,nouuid", at: directory)
        case .btrfs: try mountImage("strictatime", at: directory)
        case .overlay:
            let base = makeDirectory("base")
            try mountImage("strictatime", at: base)
            for name in ["low", "up", "work"] { mkdir("\(base)/\(name)", 0o755) }
            let layers = "lowerdir=\(base)/low,upperdir=\(base)/up,workdir=\(base)/work"
            try mount(["-t", "overlay", "-o", "strictatime,\(layers)", "stackfs-test", directory], at: directory)
        }
    }

    private func mountImage(_ options: String, at point: String) throws(SupportError) {
        let image = "\(root)/image"
        let fd = open(image, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard fd >= 0, ftruncate(fd, 3 << 30) == 0 else { throw SupportError("no image \(image): \(Self.error)") }
        close(fd)
        try Subprocess.run(kind.format(image))
        let type = kind == .overlay ? "ext4" : kind.rawValue
        try mount(["-t", type, "-o", "loop,\(options)", image, point], at: point)
    }

    private func mount(_ arguments: [String], at point: String) throws(SupportError) {
        try Subprocess.run(["mount"] + arguments)
        mounted.append(point)
    }

    /// Unmounts and deletes everything. Called again it does nothing.
    public func remove() {
        guard let token else { return }
        Cleanup.forget(token)
        self.token = nil
        undo()
    }

    deinit { remove() }

    private func undo() {
        while let point = mounted.popLast() { Self.unmount(point) }
        _ = try? Subprocess.run(["rm", "-rf", "--one-file-system", root])
    }

    /// Unmounts, waiting a moment for those who still hold something open; detaches when they do not let go.
    static func unmount(_ point: String) {
        for _ in 0..<100 {
            if unmountOnce(point, 0) != -Int64(EBUSY) { return }
            usleep(20_000)
        }
        _ = unmountOnce(point, 2)  // MNT_DETACH
    }

    private static func unmountOnce(_ point: String, _ flags: Int64) -> Int64 {
        point.withCString { tc_call(TC_umount2, Int64(Int(bitPattern: $0)), flags, 0, 0, 0, 0) }
    }

    // MARK: what killed runs left

    /// Where scratch directories are made.
    static let parent = getenv("STACKFS_TEST_DIRECTORY").map { String(cString: $0) } ?? "/tmp"

    private static let prefix = "stackfs-test-"

    private static var error: String { String(cString: strerror(errno)) }

    /// Unmounts and deletes what runs that do not live any more left behind.
    static func sweep() { _ = swept }

    private static let swept: Void = {
        let parent = Scratch.parent
        let left = MountEntry.all().map(\.mountPoint).filter { isLeft($0, in: parent) }
        for entry in MountEntry.all().reversed() where left.contains(entry.mountPoint) {
            if entry.type.hasPrefix("fuse") { Connection(minor: entry.minor).abort() }
            unmount(entry.mountPoint)
        }
        guard let listing = opendir(parent) else { return }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let path = "\(parent)/\(name)"
            if isLeft(path, in: parent) { _ = try? Subprocess.run(["rm", "-rf", "--one-file-system", path]) }
        }
    }()

    /// Whether a path lies in the scratch directory of a process that is no more.
    private static func isLeft(_ path: String, in parent: String) -> Bool {
        guard path.hasPrefix("\(parent)/\(prefix)") else { return false }
        let owner = path.dropFirst(parent.count + 1 + prefix.count).prefix { $0.isNumber }
        guard let pid = pid_t(owner) else { return false }
        return kill(pid, 0) != 0 && errno == ESRCH
    }
}
