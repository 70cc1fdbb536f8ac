import CLinux
import FuseMessages
import Glibc
import SystemCalls
import Testing

@testable import FuseKernel

/// Opcodes whose messages the dispatcher does not hand on to a file system.
private let unserved: Set<Opcode> = [.initialize, .setupMapping, .removeMapping]
/// Opcodes that have no reply.
private let silent: Set<Opcode> = [.forget, .batchForget, .interrupt, .notifyReply]

@Suite struct DispatcherTests {
    @Test func tableHasEveryOpcode() {
        let opcodes = Set(DispatchTable.all.compactMap { Opcode(rawValue: $0.message.opcode) })
        #expect(opcodes == Set(Opcode.allCases).subtracting(unserved))
    }

    @Test(arguments: DispatchTable.all) func wellFormedMessageArrives(_ example: DispatchCase) throws {
        let fileSystem = RecordingFileSystem()
        let answer = Dispatcher(fileSystem).answer(example.message.bytes)
        #expect(fileSystem.takeCalls() == [example.call].compactMap { $0 })
        #expect(answer.error == 0)
        let opcode = try #require(Opcode(rawValue: example.message.opcode))
        #expect(answer.isDue == !silent.contains(opcode))
    }

    /// Any message that ends too early is refused before the file system hears of it.
    @Test(arguments: DispatchTable.all) func truncatedMessageIsRefused(_ example: DispatchCase) throws {
        let whole = example.message.bytes
        let opcode = try #require(Opcode(rawValue: example.message.opcode))
        guard example.call != nil else { return }
        for length in 0..<whole.count {
            let fileSystem = RecordingFileSystem()
            let answer = Dispatcher(fileSystem).answer(whole.truncated(to: length))
            #expect(answer.error == EINVAL, "\(length) of \(whole.count) bytes")
            #expect(answer.body.isEmpty)
            // What has no whole header cannot be known to have no reply.
            #expect(answer.isDue == (length < 40 || !silent.contains(opcode)))
            #expect(fileSystem.takeCalls().isEmpty, "\(length) of \(whole.count) bytes")
        }
    }

    @Test(arguments: DispatchTable.all) func headerThatLiesAboutTheLengthIsRefused(_ example: DispatchCase) {
        for difference in [-1, 1, 8, 1 << 20] {
            var message = example.message.bytes
            let length = UInt32(message.count + difference)
            withUnsafeBytes(of: length) { message.replaceSubrange(0..<4, with: $0) }
            let fileSystem = RecordingFileSystem()
            #expect(Dispatcher(fileSystem).answer(message).error == EINVAL)
            #expect(fileSystem.takeCalls().isEmpty)
        }
    }

    @Test(arguments: [0, 7, 19, 54, 4096, .max] as [UInt32]) func unknownOpcode(_ opcode: UInt32) {
        let fileSystem = RecordingFileSystem()
        let answer = Dispatcher(fileSystem).answer(Message(opcode: opcode, nodeid: 1).with(UInt64(0)).bytes)
        #expect(answer == Answer(error: ENOSYS, body: [], isDue: true))
        #expect(fileSystem.takeCalls().isEmpty)
    }

    @Test(arguments: unserved) func unservedOpcode(_ opcode: Opcode) {
        let body = [UInt8](repeating: 0, count: 64)
        let answer = Dispatcher(RecordingFileSystem()).answer(Message(opcode, nodeid: 1).with(data: body).bytes)
        #expect(answer == Answer(error: opcode == .initialize ? EIO : ENOSYS, body: [], isDue: true))
    }

    /// The defaults of ``FileSystem``: ENOSYS, after which the kernel stops asking.
    @Test(arguments: DispatchTable.all) func fileSystemWithoutOperations(_ example: DispatchCase) throws {
        final class Empty: FileSystem {}
        let opcode = try #require(Opcode(rawValue: example.message.opcode))
        let answer = Dispatcher(Empty()).answer(example.message.bytes)
        let succeeds = silent.contains(opcode) || opcode == .destroy
        #expect(answer == Answer(error: succeeds ? 0 : ENOSYS, body: [], isDue: !silent.contains(opcode)))
    }

    @Test func headerReachesTheFileSystem() throws {
        let fileSystem = RecordingFileSystem()
        let message = Message(.readlink, nodeid: 2).from(uid: 3, gid: 4, pid: 5).numbered(1 << 63 | 6)
        #expect(Dispatcher(fileSystem).answer(message.bytes).error == 0)
        let request = try #require(fileSystem.latest)
        #expect(request.nodeid == 2)
        #expect(request.uid == 3)
        #expect(request.gid == 4)
        #expect(request.pid == 5)
        #expect(request.unique == 0x8000_0000_0000_0006)
        #expect(request.opcode == 5)
        #expect(request.supplementaryGroup == nil)
    }

    // Names

    @Test(arguments: [Opcode.lookup, .unlink, .rmdir, .mknod, .mkdir, .create, .rename, .rename2, .link, .symlink])
    func nameThatNoEntryHasIsRefused(_ opcode: Opcode) throws {
        let example = try #require(DispatchTable.all.first { $0.message.opcode == opcode.rawValue })
        let whole = example.message.bytes
        let name = Array((opcode == .rename || opcode == .rename2 ? "new" : "entry").utf8)
        let at = try #require((40..<whole.count).first { whole[$0...].starts(with: name) })
        for bad in ["", ".", "..", "a/b", "/"] {
            var message = whole
            message.replaceSubrange(at..<(at + name.count), with: Array(bad.utf8))
            message.setLength()
            let fileSystem = RecordingFileSystem()
            #expect(Dispatcher(fileSystem).answer(message).error == EINVAL, "'\(bad)'")
            #expect(fileSystem.takeCalls().isEmpty)
        }
    }

    @Test func dotsAreLookedUpOnlyForFileHandlesOfTheMount() {
        let fileSystem = RecordingFileSystem()
        let message = Message(.lookup, nodeid: 7).with("..").bytes
        #expect(Dispatcher(fileSystem).answer(message).error == EINVAL)
        #expect(Dispatcher(fileSystem, inForce: .exportSupport).answer(message).error == 0)
        #expect(fileSystem.takeCalls() == ["7 lookup '..'"])
    }

    @Test func emptyNameOfAnAttributeIsRefused() {
        let fileSystem = RecordingFileSystem()
        #expect(Dispatcher(fileSystem).answer(Message(.removexattr, nodeid: 7).with("").bytes).error == EINVAL)
        #expect(fileSystem.takeCalls().isEmpty)
    }

    // Lengths inside messages

    @Test(arguments: [5, 1 << 20, 1 << 31, .max] as [UInt32]) func dataShorterThanItSays(_ size: UInt32) {
        let fileSystem = RecordingFileSystem()
        let data = Array("data".utf8)
        let messages = [
            Message(.write, nodeid: 7).with(
                fuse_write_in(fh: 1, offset: 2, size: size, write_flags: 0, lock_owner: 0, flags: 0, padding: 0)
            ).with(data: data),
            Message(.setxattr, nodeid: 7).with(
                fuse_setxattr_in(size: size, flags: 0, setxattr_flags: 0, padding: 0)
            ).with("user.a").with(data: data),
            Message(.ioctl, nodeid: 7).with(
                fuse_ioctl_in(fh: 1, flags: 0, cmd: 0, arg: 0, in_size: size, out_size: 0)
            ).with(data: data),
        ]
        for message in messages { #expect(Dispatcher(fileSystem).answer(message.bytes).error == EINVAL) }
        #expect(fileSystem.takeCalls().isEmpty)
    }

    /// Before FUSE_SETXATTR_EXT the structure has two fields.
    @Test func shortSetxattr() {
        let fileSystem = RecordingFileSystem()
        let message = Message(.setxattr, nodeid: 7).with(fuse_getxattr_in(size: 5, padding: 2)).with("user.a")
            .with(data: Array("value".utf8)).bytes
        #expect(Dispatcher(fileSystem, inForce: []).answer(message).error == 0)
        #expect(fileSystem.takeCalls() == ["7 setxattr 'user.a' 'value' flags 2 extended 0"])
        for length in 40..<message.count {
            #expect(Dispatcher(fileSystem, inForce: []).answer(message.truncated(to: length)).error == EINVAL)
        }
        #expect(fileSystem.takeCalls().isEmpty)
    }

    @Test func batchForgetWithSeveral() {
        let fileSystem = RecordingFileSystem()
        let message = Message(.batchForget).with(fuse_batch_forget_in(count: 2, dummy: 0))
            .with(fuse_forget_one(nodeid: 8, nlookup: 4)).with(fuse_forget_one(nodeid: 9, nlookup: .max))
        #expect(Dispatcher(fileSystem).answer(message.bytes) == Answer(error: 0, body: [], isDue: false))
        #expect(fileSystem.takeCalls() == ["8 forget 4", "9 forget \(UInt64.max)"])
    }

    @Test(arguments: [2, 1000, .max] as [UInt32]) func batchForgetThatPromisesTooMany(_ count: UInt32) {
        let fileSystem = RecordingFileSystem()
        let message = Message(.batchForget).with(fuse_batch_forget_in(count: count, dummy: 0))
            .with(fuse_forget_one(nodeid: 8, nlookup: 4))
        #expect(Dispatcher(fileSystem).answer(message.bytes) == Answer(error: EINVAL, body: [], isDue: false))
        #expect(fileSystem.takeCalls() == ["8 forget 4"])
    }

    @Test(arguments: [0, 1] as [UInt32]) func batchForgetThatHoldsMoreThanItSays(_ count: UInt32) {
        let fileSystem = RecordingFileSystem()
        let message = Message(.batchForget).with(fuse_batch_forget_in(count: count, dummy: 0))
            .with(fuse_forget_one(nodeid: 8, nlookup: 4)).with(fuse_forget_one(nodeid: 9, nlookup: 5))
        #expect(Dispatcher(fileSystem).answer(message.bytes) == Answer(error: 0, body: [], isDue: false))
        #expect(fileSystem.takeCalls() == Array(["8 forget 4"].prefix(Int(count))))
    }
}
