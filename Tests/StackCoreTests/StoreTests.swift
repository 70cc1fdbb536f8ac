import CLinux
import Glibc
import SystemCalls
import Testing

@testable import StackCore

/// Names and long file handles.
@Suite struct StoreTests {
    private func text(_ name: StoredName, _ store: Store) -> String {
        var buffer = [CChar](repeating: -1, count: 256)
        store.load(name, &buffer)
        return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    @Test func namesOfEveryLength() throws {
        let store = try Store(Arena(nodes: 1024))
        let names = (1...255).map { String(repeating: "abcdefg", count: 37).suffix($0) }.map(String.init)
        let stored = try names.enumerated().map { try store.store($1, in: NodeID(rawValue: UInt64($0) << 32 | 7)) }
        for (number, name) in names.enumerated() {
            #expect(text(stored[number], store) == name)
            #expect(stored[number].parent == NodeID(rawValue: UInt64(number) << 32 | 7))
            #expect((stored[number].block == nil) == (name.utf8.count <= 15))
        }
        #expect(store.count == 240)
        for name in stored { store.free(name) }
        #expect(store.count == 0)
        #expect(throws: Errno.enametoolong) { try store.store(String(repeating: "a", count: 256), in: .root) }
    }

    @Test func handlesOfEveryLength() throws {
        let store = try Store(Arena(nodes: 1024))
        var handles: [(linux_file_handle, StoredHandle)] = []
        for length in 1...128 as ClosedRange<UInt32> {
            var handle = linux_file_handle()
            handle.bytes = length
            handle.type = -Int32(length) &* 0x0101_0101
            withUnsafeMutableBytes(of: &handle.data) { _ = memset($0.baseAddress!, Int32(length), Int(length)) }
            handles.append((handle, try store.store(handle)))
        }
        for (handle, stored) in handles {
            var loaded = linux_file_handle()
            store.load(stored, &loaded)
            #expect(withUnsafeBytes(of: loaded) { Array($0) } == withUnsafeBytes(of: handle) { Array($0) })
        }
        for (_, stored) in handles { store.free(stored) }
        #expect(store.count == 0)
    }

    /// A class without room is passed over for the next larger one; when all are full it is an error.
    @Test func fullStore() throws {
        let store = try Store(Arena(nodes: 1024))
        let name = String(repeating: "n", count: 20)
        var stored: [StoredName] = []
        let error = #expect(throws: Errno.self) {
            while true { stored.append(try store.store(name, in: .root)) }
        }
        #expect(error == .enfile)
        #expect(Set(stored.compactMap { $0.block?.section }).count == 5)
        #expect(stored.allSatisfy { text($0, store) == name })
        for name in stored { store.free(name) }
        #expect(store.count == 0)
    }
}
