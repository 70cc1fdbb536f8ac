import CTestCalls
import Glibc

/// What a deviation may depend on besides the call: the data path, and the native side as it is at that moment.
///
/// Everything is looked at without a trace: nothing is read or opened.
struct Circumstances {
    let dataPath: DataPath
    /// Who calls what; nil when trees are compared.
    let step: Step?
    /// The threads by process and side, the native one first; empty when trees are compared.
    private let threads: [[ProcessThread]]
    private let history: FileHistory

    init(
        _ dataPath: DataPath, step: Step? = nil, on threads: [[ProcessThread]] = [],
        history: FileHistory = FileHistory()
    ) {
        self.dataPath = dataPath
        self.step = step
        self.threads = threads
        self.history = history
    }

    /// The file in a slot of the caller.
    func file(in slot: Slot) -> tc_statx? {
        examine { Self.status($0[slot], .empty, Linux.emptyPath) } ?? nil
    }

    /// The file that a path or, where there is one, a slot of the caller means.
    func file(at place: Place, or slot: Slot?, _ flags: AtFlags) -> tc_statx? {
        if let slot { return file(in: slot) }
        return examine(asRoot: true) { Self.status($0.directory(of: place), place.path, flags.rawValue) } ?? nil
    }

    /// Whether two slots of the caller lead to one file.
    func areSame(_ first: Slot, _ second: Slot) -> Bool {
        guard let first = file(in: first), let second = file(in: second) else { return false }
        return first.ino == second.ino
    }

    /// The flags of the open file in a slot of the caller.
    func statusFlags(of slot: Slot) -> Int32? {
        (examine { Kernel.call(TC_fcntl, $0[slot], Int64(F_GETFL)) }).flatMap { $0 < 0 ? nil : Int32($0) }
    }

    /// Whether a seek fails only as it would lead beyond what the file system can store.
    func leadsTooFar(_ seek: Seek) -> Bool {
        guard [SEEK_SET, SEEK_CUR, SEEK_END].contains(seek.whence), let file = file(in: seek.slot),
            file.isRegular || file.isDirectory && seek.whence == SEEK_SET
        else {
            return false
        }
        return examine { stage in
            let fd = stage[seek.slot]
            let before = Kernel.call(TC_lseek, fd, 0, Int64(SEEK_CUR))
            let result = Kernel.call(TC_lseek, fd, seek.offset, Int64(seek.whence))
            _ = Kernel.call(TC_lseek, fd, before, Int64(SEEK_SET))
            let start = seek.whence == SEEK_SET ? 0 : seek.whence == SEEK_CUR ? before : Int64(bitPattern: file.size)
            let (target, overflow) = start.addingReportingOverflow(seek.offset)
            return result == -Int64(EINVAL) && !overflow && target >= 0
        } ?? false
    }

    /// Whether a call writes to a set-id file where ext4 can hold no file: the kernel clears the bits before it asks.
    func writesTooFar(_ call: any Call) -> Bool {
        let longest: Int64 = (1 << 44) - 4096
        guard let slot = call.written, let file = file(in: slot), file.isRegular, file.mode & 0o6000 != 0 else {
            return false
        }
        let position = examine { Kernel.call(TC_lseek, $0[slot], 0, Int64(SEEK_CUR)) } ?? 0
        return ((call as? WriteAt)?.offset ?? (call as? WriteVector)?.offset ?? position) >= longest
    }

    /// Whether any process has the file open for writing.
    func isOpenForWriting(_ file: tc_statx) -> Bool {
        threads.contains { thread in
            thread[0].examine { stage in
                (0..<Slot.count).map { stage[Slot(index: $0)] }.contains { fd in
                    guard let other = Self.status(fd, .empty, Linux.emptyPath), other.ino == file.ino else {
                        return false
                    }
                    let flags = Kernel.call(TC_fcntl, fd, Int64(F_GETFL))
                    return flags & Int64(TC_O_PATH) == 0 && flags & Int64(O_ACCMODE) != Int64(O_RDONLY)
                }
            }
        }
    }

    /// Whether anybody but the caller has opened the file since the directory is there.
    func wasOpenedByOthers(_ file: tc_statx) -> Bool {
        guard let step else { return false }
        return history.openers[file.ino, default: []].contains { $0 != step.user }
    }

    /// Whether a write by the caller leaves set-id bits of the file as they are (setattr_should_drop_suidgid of fs/attr.c).
    func callerKeepsSetID(of file: tc_statx) -> Bool {
        guard let ids = step?.user.ids else { return false }
        let isMember = ids.gid == Int64(file.gid) || ids.groups.contains(file.gid)
        return ids.uid == 0 || file.mode & 0o6010 == 0o2000 && isMember
    }

    /// Whether a call writes to an O_DIRECT file other than in blocks of 512 bytes.
    func isMisaligned(_ call: any Call) -> Bool {
        guard let slot = call.written, let flags = statusFlags(of: slot), flags & TC_O_DIRECT != 0 else { return false }
        let position = examine { Kernel.call(TC_lseek, $0[slot], 0, Int64(SEEK_CUR)) } ?? 0
        let numbers: [Int64]
        switch call {
        case let call as Write: numbers = [Int64(call.data.count), position]
        case let call as WriteAt: numbers = [Int64(call.data.count), call.offset]
        case let call as WriteVector: numbers = call.data.map { Int64($0.count) } + [call.offset ?? position]
        default: return true
        }
        return numbers.contains { $0 & 511 != 0 }
    }

    /// Whether the file may have space that was not written: by fallocate(2), or by a fault in a mapping.
    func mayHaveUnwrittenSpace(_ file: tc_statx) -> Bool { history.unwritten.contains(file.ino) }

    /// The native file system.
    var fileSystem: FileSystemKind? {
        examine { stage in
            var status = tc_statfs()
            _ = withUnsafeMutablePointer(to: &status) { Kernel.call(TC_fstatfs, stage.base, Kernel.address($0)) }
            return FileSystemKind(rawValue: status.type)
        } ?? nil
    }

    /// Whether what a place or, where there is one, a slot means has the attribute security.capability.
    func hasCapability(at place: Place, or slot: Slot?, _ flags: AtFlags) -> Bool {
        let name = Path("security.capability")
        return examine(asRoot: true) { stage in
            name.withPointer { name in
                if let slot { return Kernel.call(TC_fgetxattr, stage[slot], name) > 0 }
                guard Kernel.call(TC_fchdir, stage.directory(of: place)) == 0 else { return false }
                let call = flags.rawValue & Linux.symlinkNofollow != 0 ? TC_lgetxattr : TC_getxattr
                return place.path.withPointer { Kernel.call(call, $0, name, 0, 0, 0, 0) } > 0
            }
        } ?? false
    }

    /// Whether one of the files that the call names, or a directory that one of them lies in, is append-only or immutable.
    var namesProtectedFile: Bool {
        guard let step else { return false }
        return examine(asRoot: true) { stage in
            step.call.operands.contains { operand in
                operand.files(on: stage).contains { $0.isProtected }
            }
        } ?? false
    }

    private func examine<T>(asRoot: Bool = false, _ body: (Stage) -> T) -> T? {
        guard let step, step.process < threads.count else { return nil }
        if asRoot { for other in threads[step.process].dropFirst() { other.examine(asRoot: true) { _ in } } }
        return threads[step.process][0].examine(asRoot: asRoot, body)
    }

    fileprivate static func status(_ directory: Int32, _ path: Path, _ flags: Int32) -> tc_statx? {
        var status = tc_statx()
        return Kernel.statx(directory, path, flags, Linux.timesMask, &status) == 0 ? status : nil
    }
}

/// What was done to each inode of the native side.
struct FileHistory {
    /// Who opened it.
    private(set) var openers: [UInt64: Set<User>] = [:]
    /// Those that space was allocated for, or that were mapped.
    private(set) var unwritten: Set<UInt64> = []

    /// Notes a call that succeeded.
    mutating func note(_ step: Step, _ now: Circumstances) {
        if let slot = step.call.opened, let file = now.file(in: slot) {
            openers[file.ino, default: []].insert(step.user)
        }
        let slot = (step.call as? Allocate)?.slot ?? (step.call as? MapAndStore)?.slot
        if let slot, let file = now.file(in: slot) { unwritten.insert(file.ino) }
    }
}

/// File systems with ways of their own, by their numbers in linux/magic.h.
enum FileSystemKind: Int64 {
    case tmpfs = 0x0102_1994
    case xfs = 0x5846_5342
    case btrfs = 0x9123_683e
    case overlay = 0x794c_7630
}

/// A file among the arguments of a call.
private enum Operand: Sendable {
    case place(Place)
    case slot(Slot)

    /// The file, what it is a symlink to, and the directories above, as far as they exist.
    func files(on stage: Stage) -> [tc_statx] {
        switch self {
        case .slot(let slot): return [Circumstances.status(stage[slot], .empty, Linux.emptyPath)].compactMap { $0 }
        case .place(let place):
            let directory = stage.directory(of: place)
            var paths = [place.path, place.path.withoutTrailingSlashes]
            while let last = paths.last, last != last.parent, !last.bytes.isEmpty { paths.append(last.parent) }
            let found = paths.map { path in
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
    var isProtected: Bool { isImmutable || isAppendOnly }
    /// STATX_ATTR_IMMUTABLE.
    var isImmutable: Bool { attributes & 0x10 != 0 }
    /// STATX_ATTR_APPEND.
    var isAppendOnly: Bool { attributes & 0x20 != 0 }
}
