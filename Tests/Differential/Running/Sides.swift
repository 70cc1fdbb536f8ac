import CTestCalls

/// Which way data take between a caller and the lower file.
public enum DataPath: Sendable {
    /// Through the daemon, or there is none.
    case daemon
    /// Within the kernel, to the backing file (FUSE passthrough).
    case kernel
}

/// The directories that are held against each other.
public struct Sides: Sendable {
    /// A directory of the lower file system.
    public let native: String
    /// The mount.
    public let mount: String
    /// The directory that the mount shows, seen directly; nil where the other side is no mount.
    public let lower: String?
    /// Whether the lower file system is mounted strictatime, so that access times are comparable.
    public let stampsAccesses: Bool
    /// The way data take on the mount.
    public let dataPath: DataPath

    public init(native: String, mount: String, lower: String?, stampsAccesses: Bool, dataPath: DataPath = .daemon) {
        self.native = native
        self.mount = mount
        self.lower = lower
        self.stampsAccesses = stampsAccesses
        self.dataPath = dataPath
    }
}

/// Fresh directories on both sides, for one sequence.
struct Arena {
    let name: String
    let sides: Sides

    var native: String { "\(sides.native)/\(name)" }
    var mount: String { "\(sides.mount)/\(name)" }
    var lower: String? { sides.lower.map { "\($0)/\(name)" } }

    /// Makes the directories: owned by root, writable by everybody.
    init(_ name: String, on sides: Sides) throws {
        self.name = name
        self.sides = sides
        for path in [native, mount] {
            TreeRemoval.remove(path)  // left by a run that was killed
            let made = Path(path).withPointer { Kernel.call(TC_mkdirat, Linux.atFdcwd, $0, 0o777) }
            let opened = Path(path).withPointer { Kernel.call(TC_fchmodat, Linux.atFdcwd, $0, 0o777) }
            if made < 0 || opened < 0 { throw MountGone(path: path, error: errnoName(-min(made, opened))) }
        }
    }

    func remove() {
        TreeRemoval.remove(lower ?? mount)
        if lower != nil { TreeRemoval.remove(mount) }
        TreeRemoval.remove(native)
    }
}

/// A side's own directory cannot be used any more.
public struct MountGone: Error, CustomStringConvertible {
    let path: String
    let error: String
    public var description: String { "no directory can be made at \(path): \(error)" }
}
