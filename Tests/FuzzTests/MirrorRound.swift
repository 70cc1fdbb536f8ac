import CLinux
import FuseMessages
import Glibc
import Logging
import StackCore
import SystemCalls
import Testing

@testable import FuseKernel

/// One mirror of one fresh lower directory, from its making to its end.
struct MirrorRound {
    /// The directory that can be written, from ``Containment/enter()``.
    let base: String
    let seed: UInt64
    let requests: Int
    /// CLOCK_MONOTONIC, in seconds.
    let end: Double

    /// Sends `first`, then damaged requests. Returns what went wrong.
    func run(before first: [[UInt8]] = []) throws -> [String] {
        var tally = Tally()
        return try run(first, &tally)
    }

    /// Sends damaged requests, and counts them.
    func run(_ tally: inout Tally) throws -> [String] { try run([], &tally) }

    private func run(_ first: [[UInt8]], _ tally: inout Tally) throws -> [String] {
        let sandbox = try Sandbox(in: base)
        defer { sandbox.remove() }
        let outside = sandbox.snapshotOfOutside()
        var complaints = try serve(sandbox, first, &tally)
        let after = sandbox.snapshotOfOutside()
        if after != outside {
            complaints += zip(outside, after).filter { $0 != $1 }.map {
                "outside the lower directory: \($0), now \($1)"
            }
            if after.count != outside.count { complaints.append("outside the lower directory: \(after)") }
        }
        // Interrupted waits close theirs in threads of their own.
        var left: [String] = []
        for _ in 0..<100 {
            left = sandbox.openDescriptors()
            if left.isEmpty { break }
            usleep(20_000)
        }
        complaints += left.map { "a descriptor is left: \($0)" }
        return complaints
    }

    private func serve(_ sandbox: Sandbox, _ first: [[UInt8]], _ tally: inout Tally) throws -> [String] {
        let lower = Descriptor(
            owning: Int32(
                try checked(linux_openat(LINUX_AT_FDCWD, sandbox.lower, LINUX_O_DIRECTORY | LINUX_O_CLOEXEC, 0))))
        let descriptorsBefore = sandbox.openDescriptors().count
        // Files and directories are opened in some rounds, and used without that in others.
        var mirrorOptions = MirrorOptions()
        if seed % 2 == 0 { mirrorOptions.cache = CachePolicy(mode: .none) }
        mirrorOptions.smallFiles = seed % 3 == 0
        let mirror = try Mirror(
            lower: lower, options: mirrorOptions, logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
        try mirror.threadWillServe()
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        let replies = Descriptor(owning: ends[0])
        let negotiation = try settle(mirror)
        mirror.attach(Connection(owning: Descriptor(owning: ends[1])), negotiation)
        let seed = seed
        let watchdog = try Watchdog(seconds: 30) { "STACKFS_SEED=\(seed), request \($0)" }
        defer { watchdog.end() }

        var complaints: [String] = []
        var random = SeededGenerator(seed: seed)
        var subject = Subject(mirror, inForce: negotiation.inForce)
        for message in first {
            if let complaint = subject.feed(message) { complaints.append(complaint) }
        }
        var number = 0
        while number < requests, complaints.isEmpty, number % 256 != 255 || monotonicSeconds() < end {
            number += 1
            watchdog.begin(number)
            let request = RequestGenerator().request(&random, subject.known, unique: UInt64(number)).bytes
            let message = Mutator().tame(Mutator().mutate(request, &random))
            if let complaint = subject.feed(message) {
                complaints.append("request \(number): \(complaint): \(hex(message))")
            }
            // The handles are few, so that operations meet.
            while subject.known.files.count > 32 { release(&subject, .release, subject.known.files[0], &complaints) }
            while subject.known.directories.count > 16 {
                release(&subject, .releasedir, subject.known.directories[0], &complaints)
            }
            if number % 64 == 0 {
                if let complaint = subject.collect(from: replies.number, waitingMilliseconds: 0) {
                    complaints.append(complaint)
                }
            }
        }
        tally.add(subject.tally)
        watchdog.begin(number + 1)
        subject.leave { complaints += [$0].compactMap { $0 } }
        if !subject.postponed.isEmpty,
            let complaint = subject.collect(from: replies.number, waitingMilliseconds: 10_000)
        {
            complaints.append(complaint)
        }
        complaints += subject.postponed.map { "no late reply to \($0)" }
        // With everything released and forgotten, what is open is what is kept for speed, and bounded.
        let kept = sandbox.openDescriptors()
        if kept.count > descriptorsBefore + MirrorOptions().descriptorLimit {
            complaints.append("\(kept.count) descriptors")
        }
        let open = kept.filter { !$0.contains("(deleted)") }.count
        if open < kept.count {
            complaints += kept.filter { $0.contains("(deleted)") }.map { "forgotten, but open: \($0)" }
        }
        return complaints
    }

    /// A kernel that offers everything; with an odd seed also passthrough, which the socket then refuses.
    private func settle(_ mirror: Mirror) throws -> Negotiation {
        var offer = fuse_init_in()
        offer.major = 7
        offer.minor = 45
        offer.flags = .max
        offer.flags2 = .max
        var options = SessionOptions()
        options.wanted = seed % 2 == 1 ? mirror.wantedFlags : mirror.wantedFlags.subtracting(.passthrough)
        return try Negotiation.settle(offer, options).0
    }

    private func release(
        _ subject: inout Subject<Mirror>, _ opcode: Opcode, _ handle: UInt64, _ complaints: inout [String]
    ) {
        let arguments = fuse_release_in(fh: handle, flags: 0, release_flags: 0, lock_owner: 0)
        if let complaint = subject.feed(Message(opcode, nodeid: 1).with(arguments).bytes) {
            complaints.append(complaint)
        }
    }
}
