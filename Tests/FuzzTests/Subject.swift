import CLinux
import FuseMessages
import Glibc
import SystemCalls

@testable import FuseKernel

/// A file system under fire: messages go through the dispatcher, replies are looked at, and what a kernel would learn from them
/// is learnt.
struct Subject<F: FileSystem>: ~Copyable {
    private let dispatcher: Dispatcher<F>
    private let buffer: UnsafeMutableRawPointer
    private static var capacity: Int { 1 << 17 }
    var known = KnownObjects()
    /// Requests whose reply comes later.
    private(set) var postponed: Set<UInt64> = []
    /// How often each opcode has come, and has succeeded.
    private(set) var tally = Tally()

    init(_ fileSystem: F, inForce: InitFlags) {
        dispatcher = Dispatcher(fileSystem: fileSystem, inForce: inForce, soleUser: nil)
        buffer = .allocate(byteCount: Self.capacity, alignment: 4096)
    }

    deinit { buffer.deallocate() }

    /// Has one message answered. Returns what is wrong with the answer, nil if nothing is.
    mutating func feed(_ message: [UInt8]) -> String? {
        let header = message.structure(fuse_in_header.self)
        var reply = Reply(unique: header.unique, start: buffer, capacity: Self.capacity)
        let error = message.withUnsafeBytes { dispatcher.dispatch($0, into: &reply) }
        let body = UnsafeRawBufferPointer(start: buffer, count: reply.count)
        let complaint = ReplyShape.complaint(message, error: error, body: body, isDue: reply.isDue)
        let opcode = Opcode(rawValue: header.opcode)
        if let opcode { tally.count(opcode, succeeded: error == 0) }
        if opcode == .setlkw, !reply.isDue { postponed.insert(header.unique) }
        if complaint == nil, error == 0, let opcode { learn(opcode, message, body) }
        return complaint
    }

    private mutating func learn(_ opcode: Opcode, _ request: [UInt8], _ body: UnsafeRawBufferPointer) {
        switch opcode {
        case .lookup, .symlink, .mknod, .mkdir, .link: known.learn(node: body.loadUnaligned(as: UInt64.self))
        case .create, .tmpfile:
            known.learn(node: body.loadUnaligned(as: UInt64.self))
            known.files.append(body.loadUnaligned(fromByteOffset: 128, as: UInt64.self))
        case .open: known.files.append(body.loadUnaligned(as: UInt64.self))
        case .opendir: known.directories.append(body.loadUnaligned(as: UInt64.self))
        case .release, .releasedir:
            let handle = request.structure(UInt64.self, at: 40)
            known.files.removeAll { $0 == handle }
            known.directories.removeAll { $0 == handle }
        case .readdirplus:
            var position = 0
            while position < body.count {
                known.learn(node: body.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                let length = body.loadUnaligned(fromByteOffset: position + 128 + 16, as: UInt32.self)
                position += (152 + Int(length) + 7) & ~7
            }
        default: break
        }
    }

    /// Takes in the replies that were postponed; each comes once. Returns what is wrong with them.
    mutating func collect(from socket: Int32, waitingMilliseconds: Int32) -> String? {
        var answer = [UInt8](repeating: 0, count: 64)
        while true {
            var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, waitingMilliseconds) == 1 else { return nil }
            let length = linux_read(socket, &answer, answer.count)
            guard length >= 16 else { return "a late reply of \(length) bytes" }
            let header = answer.structure(fuse_out_header.self)
            // A notification answers nobody: FUSE_NOTIFY_INVAL_INODE, after a change that the kernel does not know of.
            if header.unique == 0, header.error == 2, header.len == 40, length == 40 { continue }
            guard header.len == 16, (-511...0).contains(header.error) else { return "a late reply \(header)" }
            guard postponed.remove(header.unique) != nil else { return "a second reply to \(header.unique)" }
            if waitingMilliseconds > 0, postponed.isEmpty { return nil }
        }
    }

    /// What a kernel does at the end: everything is interrupted, released and forgotten.
    mutating func leave(_ complain: (String?) -> Void) {
        for unique in postponed {
            complain(feed(Message(.interrupt).with(fuse_interrupt_in(unique: unique)).bytes))
        }
        for handle in known.files {
            let arguments = fuse_release_in(fh: handle, flags: 0, release_flags: 0, lock_owner: 0)
            complain(feed(Message(.release, nodeid: 1).with(arguments).bytes))
        }
        for handle in known.directories {
            let arguments = fuse_release_in(fh: handle, flags: 0, release_flags: 0, lock_owner: 0)
            complain(feed(Message(.releasedir, nodeid: 1).with(arguments).bytes))
        }
        for (node, count) in known.lookups {
            complain(feed(Message(.forget, nodeid: node).with(count).bytes))
        }
    }
}

/// Requests and successes by opcode: a fuzzer whose requests are all refused at the door finds nothing.
struct Tally {
    private(set) var requests: [Opcode: Int] = [:]
    private(set) var successes: [Opcode: Int] = [:]

    mutating func count(_ opcode: Opcode, succeeded: Bool) {
        requests[opcode, default: 0] += 1
        if succeeded { successes[opcode, default: 0] += 1 }
    }

    mutating func add(_ other: Tally) {
        requests.merge(other.requests, uniquingKeysWith: +)
        successes.merge(other.successes, uniquingKeysWith: +)
    }

    var total: Int { requests.values.reduce(0, +) }

    /// Those that came and never succeeded.
    var neverSucceeded: Set<Opcode> { Set(requests.keys).subtracting(successes.keys) }
}
