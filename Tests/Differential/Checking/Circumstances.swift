import CTestCalls
import Glibc

/// What a deviation may depend on besides the call: the data path, and the native side as it is at that moment.
///
/// Everything is looked at as root and without a trace: nothing is read, opened or followed that stamps an access time.
struct Circumstances {
    let dataPath: DataPath
    /// Who calls what; nil when trees are compared.
    let step: Step?
    /// The threads of the native side, by process; empty when trees are compared.
    private let threads: [ProcessThread]
    private let openers: Openers

    init(_ dataPath: DataPath, step: Step? = nil, on threads: [ProcessThread] = [], openers: Openers = Openers()) {
        self.dataPath = dataPath
        self.step = step
        self.threads = threads
        self.openers = openers
    }

    /// The file in a slot of the caller.
    func file(in slot: Slot) -> tc_statx? {
        examine { Self.status($0[slot], .empty, Linux.emptyPath) } ?? nil
    }

    /// The file that a path or, where there is one, a slot of the caller means.
    func file(at place: Place, or slot: Slot?, _ flags: AtFlags) -> tc_statx? {
        if let slot { return file(in: slot) }
        return examine { Self.status($0.directory(of: place), place.path, flags.rawValue) } ?? nil
    }

    /// The flags of the open file in a slot of the caller.
    func statusFlags(of slot: Slot) -> Int32? {
        (examine { Kernel.call(TC_fcntl, $0[slot], Int64(F_GETFL)) }).flatMap { $0 < 0 ? nil : Int32($0) }
    }

    /// Whether any process has the file open for writing.
    func isOpenForWriting(_ file: tc_statx) -> Bool {
        threads.contains { thread in
            thread.examine { stage in
                (0..<Slot.count).map { stage[Slot(index: $0)] }.contains { fd in
                    guard let other = Self.status(fd, .empty, Linux.emptyPath), other.ino == file.ino else { return false }
                    let flags = Kernel.call(TC_fcntl, fd, Int64(F_GETFL))
                    return flags & Int64(TC_O_PATH) == 0 && flags & Int64(O_ACCMODE) != Int64(O_RDONLY)
                }
            }
        }
    }

    /// Whether anybody but the caller has opened the file since the directory is there.
    func wasOpenedByOthers(_ file: tc_statx) -> Bool {
        guard let step else { return false }
        return openers[file.ino].contains { $0 != step.user }
    }

    /// Whether one of the files that the call names, or a directory that one of them lies in, is append-only or immutable.
    var namesProtectedFile: Bool {
        guard let step else { return false }
        return examine { stage in
            step.call.operands.contains { operand in
                operand.files(on: stage).contains { $0.isProtected }
            }
        } ?? false
    }

    private func examine<T>(_ body: (Stage) -> T) -> T? {
        guard let step, step.process < threads.count else { return nil }
        return threads[step.process].examine(body)
    }

    fileprivate static func status(_ directory: Int32, _ path: Path, _ flags: Int32) -> tc_statx? {
        var status = tc_statx()
        return Kernel.statx(directory, path, flags, Linux.timesMask, &status) == 0 ? status : nil
    }
}

/// Which users have opened each inode of the native side.
struct Openers {
    private var users: [UInt64: Set<User>] = [:]

    subscript(inode: UInt64) -> Set<User> { users[inode] ?? [] }

    mutating func add(_ user: User, _ inode: UInt64) { users[inode, default: []].insert(user) }
}

/// A file among the arguments of a call.
private enum Operand: Sendable {
    case place(Place)
    case slot(Slot)

    /// The file, what it is a symlink to, and the directory that its name lies in, as far as they exist.
    func files(on stage: Stage) -> [tc_statx] {
        switch self {
        case .slot(let slot): return [Circumstances.status(stage[slot], .empty, Linux.emptyPath)].compactMap { $0 }
        case .place(let place):
            let directory = stage.directory(of: place)
            let found = [place.path, place.path.parent].map { path in
                [Linux.symlinkNofollow, 0].map { Circumstances.status(directory, path, $0) }
            }
            return found.joined().compactMap { $0 }
        }
    }
}

extension Call {
    /// The files among the call's arguments.
    fileprivate var operands: [Operand] {
        Mirror(reflecting: self).children.compactMap { child in
            switch child.value {
            case let place as Place: .place(place)
            case let path as Path: .place(Place(path))
            case let slot as Slot: .slot(slot)
            case XattrSubject.path(let path), XattrSubject.link(let path): .place(Place(path))
            case XattrSubject.open(let slot): .slot(slot)
            default: nil
            }
        }
    }
}

extension tc_statx {
    var isDirectory: Bool { UInt32(mode) & Linux.typeMask == Linux.directory }
    var isRegular: Bool { UInt32(mode) & Linux.typeMask == Linux.regular }
    var hasSetID: Bool { mode & 0o6000 != 0 }
    /// STATX_ATTR_IMMUTABLE, STATX_ATTR_APPEND.
    var isProtected: Bool { attributes & 0x30 != 0 }
    var isAppendOnly: Bool { attributes & 0x20 != 0 }
}
