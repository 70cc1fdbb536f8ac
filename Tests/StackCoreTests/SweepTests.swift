import CLinux
import FuseKernel
import Glibc
import Logging
import Synchronization
import SystemCalls
import Testing

@testable import StackCore

/// In what order the kernel hears of nodes when changes were lost.
@Suite struct SweepTests {
    private let tree: TemporaryTree
    private let nodes: NodeTable
    private let files: OpenFileTable

    init() throws {
        tree = try TemporaryTree()
        nodes = try tree.table()
        files = try OpenFileTable(nodes)
    }

    /// Descriptors as somebody says they are, of which as many are told as were asked for.
    private final class Holding: HeldFileSource {
        let held: [HeldFile]
        let looks = Atomic(0)

        init(_ held: [HeldFile]) { self.held = held }

        func forEach(within runTime: UInt64, _ body: (HeldFile) -> Void) {
            looks.wrappingAdd(1, ordering: .relaxed)
            held.forEach(body)
        }
    }

    private func makeNodes(_ count: Int) throws -> [NodeID] {
        try (0..<count).map { number in
            try tree.makeFile("\(number)")
            let node = try nodes.lookUp("\(number)")
            nodes.note(node, Use.given)
            return node
        }
    }

    /// Sweeps, and gives the nodes of the first `count` notifications. At the one with the number `again`, more is lost.
    private func sweep(
        _ count: Int, opensFiles: Bool, _ held: any HeldFileSource, again: Int? = nil
    ) throws -> [NodeID] {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        let kernel = Descriptor(owning: ends[0])
        let invalidations = try InodeInvalidations(
            Connection(owning: Descriptor(owning: ends[1])), nodes, files, nil, opensFiles: opensFiles,
            heldFiles: held, Logger(label: "") { _ in SwiftLogNoOpLogHandler() })
        invalidations.sweep()
        try invalidations.begin()
        defer { invalidations.end() }
        return try (0..<count).map { number in
            if number == again { invalidations.sweep() }
            var waiting = pollfd(fd: kernel.number, events: Int16(POLLIN), revents: 0)
            try #require(poll(&waiting, 1, 10_000) == 1, "no more notifications")
            var message: InlineArray<8, UInt64> = .init(repeating: 0)
            let length = withUnsafeMutableBytes(of: &message) {
                linux_read(kernel.number, $0.baseAddress!, $0.count)
            }
            try #require(length == 40, "an INVAL_INODE has 40 bytes")
            return NodeID(rawValue: message[2])
        }
    }

    @Test func whatIsHeldComesFirst() throws {
        let all = try makeNodes(10_010)
        _ = try files.insert(descriptor: tree.open("9000"), node: all[9000], flags: 0)
        let stranger = HeldFile(node: all[5].rawValue ^ 1 << 40, device: 1)
        let held =
            [10_009, 10_009, 7000, 10_009, 3].map {
                HeldFile(node: all[$0].rawValue, device: 2)
            } + [stranger, HeldFile(node: all[8000].rawValue, device: 2)]
        let order = try sweep(1 + 4 + all.count, opensFiles: true, Holding(held))
        #expect(Array(order.prefix(5)) == [9000, 10_009, 7000, 3, 8000].map { all[$0] })
        #expect(order.dropFirst(5).sorted { $0.rawValue < $1.rawValue } == all.sorted { $0.rawValue < $1.rawValue })
    }

    /// Who looks may have to wait for somebody else's file to be closed.
    @Test func aLookThatHangs() throws {
        let all = try makeNodes(10_010)
        let holding = try Hanging()
        defer { holding.goOn.signal() }
        #expect(Set(try sweep(2 * all.count, opensFiles: true, holding, again: all.count)) == Set(all))
        #expect(holding.looks.load(ordering: .relaxed) == 1)
    }

    private final class Hanging: HeldFileSource {
        let looks = Atomic(0)
        let goOn: Event

        init() throws(Errno) { goOn = try Event() }

        func forEach(within runTime: UInt64, _ body: (HeldFile) -> Void) {
            looks.wrappingAdd(1, ordering: .relaxed)
            goOn.wait()
        }
    }

    /// What is lost in the middle of it does not wait for its end.
    @Test func whatIsInUseComesFirstAgain() throws {
        let all = try makeNodes(20_000)
        _ = try files.insert(descriptor: tree.open("9000"), node: all[9000], flags: 0)
        let order = try sweep(2 * all.count, opensFiles: true, Holding([]), again: 10)
        #expect(order[0] == all[9000])
        // The kernel's end of the socket is some hundred notifications behind.
        let next = order.indices.dropFirst().filter { order[$0] == all[9000] }
        #expect(next.first.map { order[$0 - 1] != all[8999] } == true, "\(next)")
        #expect(Set(order) == Set(all))
    }

    /// Files are opened without a request, and so the daemon knows none of them.
    @Test func whatIsOpenIsHeldToo() throws {
        let all = try makeNodes(10_010)
        let held = HeldFile(node: all[10_009].rawValue, device: 2)
        let order = try sweep(1 + 1 + all.count, opensFiles: false, Holding([held]))
        #expect(order.first == all[10_009])
        #expect(Set(order) == Set(all + [.root]))
    }

    /// Where there are few nodes, nobody looks who holds them.
    @Test func fewNodes() throws {
        let all = try makeNodes(20)
        let holding = Holding([HeldFile(node: all[19].rawValue, device: 2)])
        #expect(Set(try sweep(all.count, opensFiles: true, holding)) == Set(all))
        #expect(holding.looks.load(ordering: .relaxed) == 0)
    }
}
