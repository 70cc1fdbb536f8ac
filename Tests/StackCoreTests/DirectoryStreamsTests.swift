import Glibc
import Testing

@testable import StackCore

@Suite struct DirectoryStreamsTests {
    private let streams = DirectoryStreams()

    /// A stream whose descriptor is a pipe's: its inode tells whether it is open still, or another has its number.
    private struct Opened {
        let stream: DirectoryStream
        let inode: ino_t

        init(_ streams: DirectoryStreams, at position: Int64) {
            var ends: [Int32] = [-1, -1]
            pipe(&ends)
            close(ends[1])
            stream = DirectoryStream(
                descriptor: ends[0], deviceIndex: 0, position: position, number: streams.nextNumber())
            inode = Self.inode(ends[0])
        }

        var isOpen: Bool { Self.inode(stream.descriptor) == inode }

        private static func inode(_ descriptor: Int32) -> ino_t {
            var status = stat()
            return fstat(descriptor, &status) == 0 ? status.st_ino : 0
        }
    }

    private func open(at position: Int64) -> Opened { Opened(streams, at: position) }

    /// Two readers of one directory at one place, whichever comes there first: the next one goes on with what was opened later.
    @Test(arguments: [true, false]) func theOneOpenedLaterStays(isEarlierFirst: Bool) {
        let node = NodeID(rawValue: 7)
        let (earlier, later) = (open(at: 40), open(at: 40))
        for opened in isEarlierFirst ? [earlier, later] : [later, earlier] { streams.put(node, opened.stream) }
        #expect(!earlier.isOpen && later.isOpen)
        #expect(streams.take(node, at: 40)?.descriptor == later.stream.descriptor)
        #expect(streams.take(node, at: 40) == nil)
        close(later.stream.descriptor)
    }

    @Test func placesAndNodesAreApart() {
        let kept = [(1, 40), (1, 41), (2, 40)].map { (NodeID(rawValue: UInt64($0.0)), open(at: Int64($0.1)).stream) }
        for (node, stream) in kept { streams.put(node, stream) }
        for (node, stream) in kept {
            #expect(streams.take(node, at: stream.position)?.descriptor == stream.descriptor)
            close(stream.descriptor)
        }
    }

    /// A directory that the kernel forgets is not kept from being unmounted, and others stay.
    @Test func forgottenNodesAreClosed() {
        let (gone, other) = (NodeID(rawValue: 1), NodeID(rawValue: 2))
        let (first, second, kept) = (open(at: 40), open(at: 41), open(at: 40))
        for opened in [first, second] { streams.put(gone, opened.stream) }
        streams.put(other, kept.stream)
        streams.close(gone)
        #expect(!first.isOpen && !second.isOpen && kept.isOpen)
        #expect(streams.take(gone, at: 40) == nil)
        #expect(streams.closeAll() == 1)
        streams.close(other)
    }

    /// The oldest go where there are many, and all of them on request.
    @Test func roomIsBounded() {
        let many = (0..<40).map { open(at: Int64($0)) }
        for opened in many { streams.put(NodeID(rawValue: 1), opened.stream) }
        let kept = many.filter(\.isOpen)
        #expect(kept.count == 32 && kept.first?.stream.position == 8)
        #expect(streams.closeAll() == 32)
        #expect(!many.contains { $0.isOpen })
    }
}
