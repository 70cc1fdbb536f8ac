import CLinux
import Testing

@testable import FuseKernel

@Suite struct NegotiationTests {
    /// The INIT of a kernel of the given minor version that offers `flags`.
    static func offer(minor: UInt32, _ flags: InitFlags = [], maxReadahead: UInt32 = 131_072) -> fuse_init_in {
        var request = fuse_init_in()
        request.major = 7
        request.minor = minor
        request.max_readahead = maxReadahead
        request.flags = flags.low
        request.flags2 = flags.high
        return request
    }

    private func options(_ wanted: InitFlags = []) -> SessionOptions {
        var options = SessionOptions()
        options.wanted = wanted
        return options
    }

    @Test(arguments: 34...45 as ClosedRange<UInt32>) func kernelOfOurTime(_ minor: UInt32) throws {
        let (negotiation, answer) = try Negotiation.settle(Self.offer(minor: minor), options())
        #expect(negotiation.minorVersion == minor)
        #expect(answer.major == 7)
        #expect(answer.minor == minor)
        #expect(answer.time_gran == 1)
        #expect(answer.max_background > answer.congestion_threshold)
        #expect(answer.congestion_threshold > 0)
    }

    @Test(arguments: [46, 100, .max] as [UInt32]) func newerKernelComesDownToUs(_ minor: UInt32) throws {
        let (negotiation, answer) = try Negotiation.settle(Self.offer(minor: minor), options())
        #expect(negotiation.minorVersion == 45)
        #expect(answer.minor == 45)
    }

    @Test(arguments: [(7, 33), (7, 0), (6, 45), (0, 0)] as [(UInt32, UInt32)])
    func olderKernelIsRefused(_ major: UInt32, _ minor: UInt32) {
        var request = Self.offer(minor: minor)
        request.major = major
        #expect(throws: SessionError.protocolTooOld(major: major, minor: minor)) {
            try Negotiation.settle(request, options())
        }
    }

    @Test func inForceIsWhatBothHave() throws {
        let both: InitFlags = [.asyncRead, .readdirplus, .passthrough, .initExtended]
        let offered = both.union([.writebackCache, .posixACL, .resend])
        let wanted = both.union([.atomicTruncate, .createSupplementaryGroup])
        let (negotiation, answer) = try Negotiation.settle(Self.offer(minor: 45, offered), options(wanted))
        #expect(negotiation.offered == offered)
        #expect(negotiation.inForce == both)
        #expect(UInt64(answer.flags) | UInt64(answer.flags2) << 32 == both.rawValue)
    }

    /// Without FUSE_INIT_EXT the second word means nothing, whatever it holds.
    @Test func secondWordWithoutItsFlag() throws {
        var request = Self.offer(minor: 35, [.asyncRead])
        request.flags2 = .max
        let (negotiation, answer) = try Negotiation.settle(request, options(.init(rawValue: .max)))
        #expect(negotiation.offered == .asyncRead)
        #expect(negotiation.inForce == .asyncRead)
        #expect(answer.flags2 == 0)
    }

    /// What no file system is served without.
    @Test func alwaysWanted() throws {
        let (negotiation, answer) = try Negotiation.settle(Self.offer(minor: 45, .init(rawValue: .max)), options())
        #expect(negotiation.inForce == [.initExtended, .maxPages, .bigWrites])
        #expect(answer.flags == negotiation.inForce.low)
        #expect(answer.flags2 == 0)
    }

    /// Any bit that is wanted is got if it is offered, and no other, whatever the bit.
    @Test(arguments: Feature.all.map(\.flag)) func singleBit(_ flag: InitFlags) throws {
        let always: InitFlags = [.initExtended, .maxPages, .bigWrites]
        let everything = InitFlags(rawValue: .max)
        let (got, answer) = try Negotiation.settle(Self.offer(minor: 45, everything), options(flag))
        #expect(got.inForce == always.union(flag))
        #expect(UInt64(answer.flags) | UInt64(answer.flags2) << 32 == got.inForce.rawValue)
        let (lacking, _) = try Negotiation.settle(
            Self.offer(minor: 45, everything.subtracting(flag).union(.initExtended)), options(flag))
        #expect(!lacking.inForce.contains(flag) || flag == .initExtended)
    }

    /// The kernel takes FUSE_PASSTHROUGH only with a stack depth (7.40), and not beside the writeback cache.
    @Test func passthrough() throws {
        let everything = InitFlags(rawValue: .max)
        let (alone, answer) = try Negotiation.settle(Self.offer(minor: 45, everything), options(.passthrough))
        #expect(alone.inForce.contains(.passthrough))
        #expect(answer.max_stack_depth == 1)
        var onOverlay = options(.passthrough)
        onOverlay.stackDepth = 2
        #expect(try Negotiation.settle(Self.offer(minor: 45, everything), onOverlay).1.max_stack_depth == 2)
        let (beside, other) = try Negotiation.settle(
            Self.offer(minor: 45, everything), options([.passthrough, .writebackCache]))
        #expect(beside.inForce.contains(.writebackCache))
        #expect(!beside.inForce.contains(.passthrough))
        #expect(other.max_stack_depth == 0)
        let (without, _) = try Negotiation.settle(
            Self.offer(minor: 45, everything.subtracting(.writebackCache)), options([.passthrough, .writebackCache]))
        #expect(without.inForce.contains(.passthrough))
    }

    @Test func readahead() throws {
        var options = options()
        #expect(try Negotiation.settle(Self.offer(minor: 45), options).1.max_readahead == 131_072)
        options.maxReadahead = 65_536
        #expect(try Negotiation.settle(Self.offer(minor: 45), options).1.max_readahead == 65_536)
        options.maxReadahead = .max
        #expect(try Negotiation.settle(Self.offer(minor: 45), options).1.max_readahead == 131_072)
    }

    /// max_pages also bounds a READ: in pages of any size, no more than the reply buffer holds.
    @Test(arguments: [4096, 16_384, 65_536], [4096, 131_072, 1 << 20])
    func pagesOfAnySize(_ pageSize: Int, _ maxWrite: Int) throws {
        var options = options()
        options.maxWrite = maxWrite
        let (negotiation, answer) = try Negotiation.settle(Self.offer(minor: 45), options, pageSize: pageSize)
        #expect(negotiation.maxWrite == UInt32(maxWrite))
        #expect(answer.max_write == UInt32(maxWrite))
        #expect(answer.max_pages >= 1)
        // A worker's reply buffer has 128 KiB at least.
        #expect(Int(answer.max_pages) * pageSize <= max(maxWrite, 131_072))
        #expect(Int(answer.max_pages) * pageSize >= min(maxWrite, pageSize))
    }
}
