import Glibc
import Testing

@testable import StackCore

@Suite struct DirectoryStreamsTests {
    private let streams = DirectoryStreams()

    private func open(at position: Int64) -> DirectoryStream {
        DirectoryStream(
            descriptor: Glibc.open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), deviceIndex: 0, position: position,
            number: streams.nextNumber())
    }

    private func isOpen(_ stream: DirectoryStream) -> Bool { fcntl(stream.descriptor, F_GETFD) >= 0 }

    /// Two readers of one directory at one place, whichever comes there first: the next one goes on with what was opened later.
    @Test(arguments: [true, false]) func theOneOpenedLaterStays(isEarlierFirst: Bool) {
        let node = NodeID(rawValue: 7)
        let (earlier, later) = (open(at: 40), open(at: 40))
        for stream in isEarlierFirst ? [earlier, later] : [later, earlier] { streams.put(node, stream) }
        #expect(!isOpen(earlier) && isOpen(later))
        #expect(streams.take(node, at: 40)?.descriptor == later.descriptor)
        #expect(streams.take(node, at: 40) == nil)
        close(later.descriptor)
    }

    @Test func placesAndNodesAreApart() {
        let kept = [(1, 40), (1, 41), (2, 40)].map { (NodeID(rawValue: UInt64($0.0)), open(at: Int64($0.1))) }
        for (node, stream) in kept { streams.put(node, stream) }
        for (node, stream) in kept {
            #expect(streams.take(node, at: stream.position)?.descriptor == stream.descriptor)
            close(stream.descriptor)
        }
    }

    /// The oldest go where there are many, and all of them on request.
    @Test func roomIsBounded() {
        let many = (0..<40).map { open(at: Int64($0)) }
        for stream in many { streams.put(NodeID(rawValue: 1), stream) }
        let kept = many.filter(isOpen)
        #expect(kept.count == 32 && kept.first?.position == 8)
        #expect(streams.closeAll() == 32)
        #expect(!many.contains(where: isOpen))
    }
}
