import CLinux
import FuseMessages
import Glibc
import Logging
import StackCore
import Synchronization
import SystemCalls
import Testing

@testable import FuseKernel

/// Requests of every opcode, damaged, against the dispatcher: each gets exactly one reply that a kernel would take.
///
/// STACKFS_SEED replays a run, STACKFS_FUZZ_SECONDS makes it as long as that. What a run has found becomes a line of
/// `Corpus.failures`.
@Suite(.serialized) struct FuzzTests {
    @Test func plainFileSystem() throws {
        let budget = FuzzBudget(requests: 200_000, seconds: 10)
        print("FuzzTests.plainFileSystem: STACKFS_SEED=\(budget.seed)")
        var random = SeededGenerator(seed: budget.seed)
        var subject = Subject(PlainFileSystem(), inForce: .init(rawValue: .max))
        let end = monotonicSeconds() + budget.seconds
        var number = 0
        while number < budget.requests, number % 1024 != 1023 || monotonicSeconds() < end {
            number += 1
            let request = RequestGenerator().request(&random, subject.known, unique: UInt64(number)).bytes
            let message = Mutator().mutate(request, &random)
            if let complaint = subject.feed(message) {
                Issue.record("seed \(budget.seed), request \(number): \(complaint): \(hex(message))")
                break
            }
            if subject.known.files.count > 64 { subject.known.files.removeFirst(32) }
            if subject.known.directories.count > 64 { subject.known.directories.removeFirst(32) }
        }
        print("FuzzTests.plainFileSystem: \(number) requests")
        #expect(number > 1000)
    }

    /// What the mirror answers with ENOSYS, so that the kernel does it itself or says so.
    private static let unserved: Set<Opcode> = [.initialize, .setupMapping, .removeMapping, .poll, .bmap]

    /// The mirror, on a lower directory that holds every way out of it. In a thread of its own, as workers take on the ids of
    /// callers.
    @Test(.enabled(if: Containment.isPossible, "it is contained by a mount namespace, which wants root"))
    func mirror() async throws {
        let budget = FuzzBudget(requests: 200_000, seconds: 20)
        print("FuzzTests.mirror: STACKFS_SEED=\(budget.seed)")
        let complaints = await contained { base in
            var tally = Tally()
            var round: UInt64 = 0
            let end = monotonicSeconds() + budget.seconds
            var complaints: [String] = []
            while tally.total < budget.requests, complaints.isEmpty, round == 0 || monotonicSeconds() < end {
                let seed = budget.seed &+ round
                let requests = min(20_000, budget.requests - tally.total)
                do {
                    complaints = try MirrorRound(base: base, seed: seed, requests: requests, end: end).run(&tally)
                } catch {
                    complaints = ["\(error)"]
                }
                complaints = complaints.map { "seed \(seed): \($0)" }
                round += 1
            }
            print("FuzzTests.mirror: \(tally.total) requests in \(round) rounds")
            // It takes its time until everything has met everything.
            if tally.total > 100_000, !tally.neverSucceeded.subtracting(Self.unserved).isEmpty {
                complaints.append("seed \(budget.seed): \(tally.neverSucceeded) have never succeeded")
            }
            return complaints
        }
        for complaint in complaints { Issue.record("\(complaint)") }
    }

    /// Through a worker and a socket in the device's stead: also the framing of replies is right, and a worker outlives whatever
    /// it is sent.
    @Test func overTheDevice() throws {
        let budget = FuzzBudget(requests: 20_000, seconds: 10)
        print("FuzzTests.overTheDevice: STACKFS_SEED=\(budget.seed)")
        let device = try DeviceRound()
        var random = SeededGenerator(seed: budget.seed)
        let end = monotonicSeconds() + budget.seconds
        var number = 0
        while number < budget.requests, number % 256 != 255 || monotonicSeconds() < end {
            number += 1
            let request = RequestGenerator().request(&random, KnownObjects(), unique: UInt64(number) << 1).bytes
            let message = Mutator().mutate(request, &random)
            if let complaint = device.feed(message) {
                Issue.record("seed \(budget.seed), request \(number): \(complaint): \(hex(message))")
                break
            }
        }
        #expect(device.end().map(\.requests).reduce(0, +) == UInt64(2 * number))
    }

    /// Nothing outside can be changed from where the mirror is fuzzed; what is tried here would do no harm.
    @Test(.enabled(if: Containment.isPossible, "only root can make a mount namespace"))
    func containmentHolds() async {
        let complaints = await contained { base in
            var complaints: [String] = []
            for directory in ["/", "/usr", "/usr/bin", "/etc", "/dev", "/dev/shm", "/sys", "/var/tmp"] {
                var status = linux_statx()
                guard linux_statx_at(LINUX_AT_FDCWD, directory, 0, LINUX_STATX_BASIC_STATS, &status) == 0 else {
                    continue
                }
                // The mode that it has already.
                let result = linux_fchmodat(LINUX_AT_FDCWD, directory, UInt32(status.mode) & 0o7777)
                if result != Int64(-EROFS) { complaints.append("chmod \(directory): \(result)") }
                let created = linux_openat(
                    LINUX_AT_FDCWD, "\(directory)/", O_RDWR | LINUX_O_TMPFILE_BIT | LINUX_O_DIRECTORY, 0)
                if created >= 0 { complaints.append("a file in \(directory)") }
            }
            let null = linux_openat(LINUX_AT_FDCWD, "/dev/null", O_RDWR, 0)
            if null != Int64(-EACCES) { complaints.append("/dev/null: \(null)") }
            let setting = linux_openat(LINUX_AT_FDCWD, "/proc/sys/kernel/hostname", O_WRONLY, 0)
            if setting != Int64(-EROFS) { complaints.append("/proc/sys: \(setting)") }
            if access(base, W_OK) != 0 { complaints.append("\(base) cannot be written") }
            return complaints
        }
        #expect(complaints == [])
    }

    /// What was found once stays found.
    @Test(arguments: Corpus.failures.indices) func corpus(_ index: Int) async throws {
        let message = Corpus.failures[index].message
        var plain = Subject(PlainFileSystem(), inForce: .init(rawValue: .max))
        #expect(plain.feed(message) == nil)
        guard Containment.isPossible else { return }
        let complaints = await contained { base in
            do { return try MirrorRound(base: base, seed: 0, requests: 0, end: 0).run(before: [message]) } catch {
                return ["\(error)"]
            }
        }
        #expect(complaints == [])
    }
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

/// Runs `body` in a thread of its own, whose ids and mounts may change, on the one directory that it can write.
private func contained(_ body: @escaping @Sendable (String) -> [String]) async -> [String] {
    await withCheckedContinuation { continuation in
        do throws(Errno) {
            try Thread.start(stackSize: 8 << 20) {
                do throws(Errno) {
                    continuation.resume(returning: body(try Containment.enter()))
                } catch {
                    continuation.resume(returning: ["not contained: \(error)"])
                }
            }
        } catch {
            continuation.resume(returning: ["no thread: \(error)"])
        }
    }
}
