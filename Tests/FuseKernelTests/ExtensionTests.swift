import CLinux
import FuseMessages
import Glibc
import SystemCalls
import Testing

@testable import FuseKernel

/// Extensions at the end of creating requests (7.38).
@Suite struct ExtensionTests {
    private static let groups: UInt32 = 32

    private static func mkdir() -> Message {
        Message(.mkdir, nodeid: 7).with(fuse_mkdir_in(mode: 1, umask: 2)).with("entry")
    }

    private func group(of message: Message) throws -> UInt32? {
        let fileSystem = RecordingFileSystem()
        #expect(Dispatcher(fileSystem).answer(message.bytes).error == 0)
        #expect(fileSystem.takeCalls() == ["7 mkdir 'entry' fuse_mkdir_in(mode: 1, umask: 2)"])
        return try #require(fileSystem.latest).supplementaryGroup
    }

    private func expectRefusal(_ message: [UInt8]) {
        let fileSystem = RecordingFileSystem()
        #expect(Dispatcher(fileSystem).answer(message).error == EINVAL)
        #expect(fileSystem.takeCalls().isEmpty)
    }

    @Test func oneGroup() throws {
        #expect(try group(of: Self.mkdir().with(extensionType: Self.groups, words: [1, 500])) == 500)
    }

    @Test func noGroup() throws {
        #expect(try group(of: Self.mkdir()) == nil)
        #expect(try group(of: Self.mkdir().with(extensionType: Self.groups, words: [0])) == nil)
    }

    @Test func firstOfSeveralGroups() throws {
        #expect(try group(of: Self.mkdir().with(extensionType: Self.groups, words: [3, 500, 501, 502])) == 500)
    }

    /// Types up to 31 are numbers of security contexts, and newer ones are not known.
    @Test(arguments: [0, 1, 31, 33, .max] as [UInt32]) func otherExtensionsAreSkipped(_ type: UInt32) throws {
        let message = Self.mkdir().with(extensionType: type, words: [9, 9, 9])
        #expect(try group(of: message) == nil)
        #expect(try group(of: message.with(extensionType: Self.groups, words: [1, 500])) == 500)
    }

    @Test(arguments: [2, 5, .max] as [UInt32]) func moreGroupsThanThereAre(_ count: UInt32) {
        expectRefusal(Self.mkdir().with(extensionType: Self.groups, words: [count]).bytes)
        expectRefusal(Self.mkdir().with(extensionType: Self.groups, words: [count, 500]).bytes)
    }

    @Test(arguments: [0, 7, 8, 17, 1 << 31, .max] as [UInt32]) func sizeOfAnExtensionThatLies(_ size: UInt32) {
        var message = Self.mkdir().with(extensionType: Self.groups, words: [1, 500])
        withUnsafeBytes(of: size) { message.extensions.replaceSubrange(0..<4, with: $0) }
        expectRefusal(message.bytes)
    }

    @Test(arguments: [3, 100, .max] as [UInt16]) func headerThatPromisesMoreThanTheMessageHolds(_ units: UInt16) {
        var message = Self.mkdir().bytes
        withUnsafeBytes(of: units) { message.replaceSubrange(36..<38, with: $0) }
        expectRefusal(message)
    }

    /// The extension is not part of the body: a body that is cut short by it is refused.
    @Test func extensionThatSwallowsTheBody() {
        let message = Self.mkdir().with(extensionType: Self.groups, words: [1, 500]).bytes
        for length in 40..<message.count { expectRefusal(message.truncated(to: length)) }
    }
}
