import CTestCalls
import Glibc

/// What an extended attribute call acts on.
enum XattrSubject: Sendable, CustomStringConvertible {
    case path(Path)
    case link(Path)
    case open(Slot)

    init(using g: inout Generator) {
        switch g.random.below(10) {
        case ..<6: self = .path(g.path())
        case ..<8: self = .link(g.path())
        default: self = .open(g.slot())
        }
    }

    /// Makes the call of the three that fits, with the subject as its first argument.
    func call(
        _ numbers: (path: Int64, link: Int64, open: Int64), on stage: Stage, _ b: Int64, _ c: Int64 = 0, _ d: Int64 = 0,
        _ e: Int64 = 0
    ) -> Int64 {
        switch self {
        case .path(let path): stage.fromHere(path) { Kernel.call(numbers.path, $0, b, c, d, e) }
        case .link(let path): stage.fromHere(path) { Kernel.call(numbers.link, $0, b, c, d, e) }
        case .open(let slot): Kernel.call(numbers.open, Int64(stage[slot]), b, c, d, e)
        }
    }

    var description: String {
        switch self {
        case .path(let path): "\(path)"
        case .link(let path): "\(path) itself"
        case .open(let slot): "\(slot)"
        }
    }
}

/// Names and values of attributes, POSIX ACLs and capabilities in their wire form among them.
enum XattrSamples {
    static let names = [
        "user.a", "user.b", "user.c", "user.", "user", "trusted.t", "security.capability", "security.other",
        "system.posix_acl_access", "system.posix_acl_default", "system.unknown", "nonsense.x", "",
        "user." + String(repeating: "n", count: 250), "user." + String(repeating: "n", count: 251),
    ].map { Path($0) }

    static func name(_ g: inout Generator) -> Path { g.random.pick(g.random.chance(55) ? Array(names[0..<3]) : names) }

    /// An attribute that was set before, mostly.
    static func present(_ g: inout Generator) -> (XattrSubject, Path) {
        if !g.scene.xattrs.isEmpty, g.random.chance(60) { return g.random.pick(g.scene.xattrs) }
        return (XattrSubject(using: &g), name(&g))
    }

    static func value(of name: Path, _ g: inout Generator) -> [UInt8] {
        if name.bytes.starts(with: "system.posix_acl".utf8), g.random.chance(90) { return acl(&g) }
        if name == Path("security.capability"), g.random.chance(80) { return capability(&g) }
        let count = g.random.pick([0, 1, 1, 10, 10, 40, 40, 100, 100, 300, 1000, 3900, 5000, 65536, 65537])
        return Pattern(seed: UInt8(truncatingIfNeeded: g.random.next()), count: count).bytes
    }

    private static func little(_ value: UInt32, _ bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    /// Version 2 of linux/posix_acl_xattr.h: tag, permissions, id an entry; in one of ten cases not a valid list.
    private static func acl(_ g: inout Generator) -> [UInt8] {
        func entry(_ tag: UInt32, _ id: UInt32, _ g: inout Generator) -> [UInt8] {
            little(tag, 2) + little(UInt32(g.random.below(8)), 2) + little(id, 4)
        }
        let none = UInt32.max
        var list = little(g.random.chance(96) ? 2 : 1, 4) + entry(0x01, none, &g)
        let named = g.random.chance(60)
        if named, g.random.chance(70) { list += entry(0x02, 1001, &g) }
        list += entry(0x04, none, &g)
        if named { list += entry(0x08, 1000, &g) + (g.random.chance(94) ? entry(0x10, none, &g) : []) }
        return g.random.chance(96) ? list + entry(0x20, none, &g) : list
    }

    /// Revision 2 of linux/capability.h, or 3 with the root id of a user namespace.
    private static func capability(_ g: inout Generator) -> [UInt8] {
        let rights = little(1 << g.random.pick([5, 10, 13] as [UInt32]), 4) + [UInt8](repeating: 0, count: 12)
        return g.random.chance(80)
            ? little(0x0200_0001, 4) + rights : little(0x0300_0001, 4) + rights + little(g.random.pick([0, 1000]), 4)
    }
}

/// setxattr(2), lsetxattr(2), fsetxattr(2).
struct SetXattr: Call {
    let subject: XattrSubject
    let name: Path
    let value: Path
    let flags: XattrFlags

    init(using g: inout Generator) {
        subject = XattrSubject(using: &g)
        name = XattrSamples.name(&g)
        value = Path(XattrSamples.value(of: name, &g))
        flags = XattrFlags(rawValue: g.random.pick([0, 0, 0, 0, 0, 1, 1, 2, 3]))
    }

    func note(in scene: inout Scene, process: Int) { scene.addXattr(subject, name) }

    func run(on stage: Stage) -> Outcome {
        Outcome(
            name.withPointer { name in
                value.withPointer {
                    subject.call(
                        (TC_setxattr, TC_lsetxattr, TC_fsetxattr), on: stage, name, $0, Int64(value.bytes.count),
                        Int64(flags.rawValue))
                }
            })
    }
}

/// getxattr(2) and its kin, also with no room (which asks for the length) and with too little.
struct GetXattr: Call {
    let subject: XattrSubject
    let name: Path
    let room: Int

    init(using g: inout Generator) {
        (subject, name) = XattrSamples.present(&g)
        room = g.random.pick([65536, 65536, 65536, 0, 5])
    }

    func run(on stage: Stage) -> Outcome {
        Kernel.outcome("value", room) { buffer in
            name.withPointer {
                subject.call((TC_getxattr, TC_lgetxattr, TC_fgetxattr), on: stage, $0, buffer, Int64(room))
            }
        }
    }
}

/// listxattr(2) and its kin; the order of names is the file system's own.
struct ListXattr: Call {
    let subject: XattrSubject
    let room: Int

    init(using g: inout Generator) {
        subject = XattrSubject(using: &g)
        room = g.random.pick([65536, 65536, 0, 3])
    }

    func run(on stage: Stage) -> Outcome {
        Kernel.read(room) {
            subject.call((TC_listxattr, TC_llistxattr, TC_flistxattr), on: stage, $0, Int64(room))
        } _: { result, bytes in
            let names = bytes.split(separator: 0).map { "\(Path(Array($0)))" }.sorted()
            return Outcome(result, [Detail(name: "names", value: .text(names.joined(separator: " ")))])
        }
    }
}

/// removexattr(2) and its kin.
struct RemoveXattr: Call {
    let subject: XattrSubject
    let name: Path

    init(using g: inout Generator) {
        (subject, name) = XattrSamples.present(&g)
    }

    func run(on stage: Stage) -> Outcome {
        Outcome(
            name.withPointer {
                subject.call((TC_removexattr, TC_lremovexattr, TC_fremovexattr), on: stage, $0)
            })
    }
}
