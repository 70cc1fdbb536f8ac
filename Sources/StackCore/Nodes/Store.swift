import CLinux
import Glibc
import SystemCalls

/// A block of the variable-size store: its number, and above it its class.
struct StoreBlock: RawRepresentable, Equatable {
    var rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }
    init(_ section: Arena.Section, _ number: UInt32) {
        rawValue = UInt64(section.rawValue) << 32 | UInt64(number)
    }
    var number: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    var section: Arena.Section? { Arena.Section(rawValue: Int(rawValue >> 32)) }
}

/// What does not fit into a node's record: names (up to 255 bytes) with their parents, and long file handles (up to 128).
///
///     a name:    parent NodeID (8)   length (2)   bytes, zero byte
///     a handle:  type (4)   length (4)   bytes
///
/// A section of the arena for each of five sizes; the smallest that is large enough and not full is taken.
final class Store: Sendable {
    private let pool32, pool64, pool128, pool256, pool320: Pool
    private static let nameHeader = 10
    private static let handleHeader = 8

    /// - Throws: `.enomem`.
    init(_ arena: Arena) throws(Errno) {
        pool32 = try Pool(arena, .store32, link: 0)
        pool64 = try Pool(arena, .store64, link: 0)
        pool128 = try Pool(arena, .store128, link: 0)
        pool256 = try Pool(arena, .store256, link: 0)
        pool320 = try Pool(arena, .store320, link: 0)
    }

    /// Blocks in use.
    var count: Int { pool32.count + pool64.count + pool128.count + pool256.count + pool320.count }

    /// Stores a parent and a name.
    /// - Throws: `.enametoolong` above 255 bytes, `.enomem`, `.enfile`.
    func name(_ name: UnsafePointer<CChar>, in parent: NodeID) throws(Errno) -> StoreBlock {
        let length = strlen(name)
        guard length <= 255 else { throw .enametoolong }
        let block = try allocate(Store.nameHeader + length + 1)
        let memory = address(block)
        memory.storeBytes(of: parent.rawValue, as: UInt64.self)
        memory.storeBytes(of: UInt16(length), toByteOffset: 8, as: UInt16.self)
        memcpy(memory + Store.nameHeader, name, length + 1)
        return block
    }

    /// The parent in a block that ``name(_:in:)`` made.
    func parent(_ block: StoreBlock) -> NodeID { NodeID(rawValue: address(block).load(as: UInt64.self)) }

    /// The name in a block that ``name(_:in:)`` made, ended by a zero byte, valid as long as the block.
    func name(_ block: StoreBlock) -> UnsafePointer<CChar> {
        UnsafePointer((address(block) + Store.nameHeader).assumingMemoryBound(to: CChar.self))
    }

    /// Stores a file handle of at most 128 bytes.
    /// - Throws: `.enomem`, `.enfile`.
    func handle(_ handle: linux_file_handle) throws(Errno) -> StoreBlock {
        let length = min(Int(handle.bytes), MemoryLayout.size(ofValue: handle.data))
        let block = try allocate(Store.handleHeader + length)
        let memory = address(block)
        memory.storeBytes(of: handle.type, as: Int32.self)
        memory.storeBytes(of: UInt32(length), toByteOffset: 4, as: UInt32.self)
        withUnsafeBytes(of: handle.data) { bytes in
            _ = memcpy(memory + Store.handleHeader, bytes.baseAddress.unsafelyUnwrapped, length)
        }
        return block
    }

    /// Writes the handle in a block that ``handle(_:)`` made to `handle`, whose data is zero behind it.
    func load(_ block: StoreBlock, _ handle: inout linux_file_handle) {
        let memory = address(block)
        handle = linux_file_handle()
        handle.type = memory.load(as: Int32.self)
        handle.bytes = memory.load(fromByteOffset: 4, as: UInt32.self)
        let length = min(Int(handle.bytes), MemoryLayout.size(ofValue: handle.data))
        withUnsafeMutableBytes(of: &handle.data) { bytes in
            _ = memcpy(bytes.baseAddress.unsafelyUnwrapped, memory + Store.handleHeader, length)
        }
    }

    func free(_ block: StoreBlock) {
        switch block.section {
        case .store32: pool32.free(block.number)
        case .store64: pool64.free(block.number)
        case .store128: pool128.free(block.number)
        case .store256: pool256.free(block.number)
        default: pool320.free(block.number)
        }
    }

    private func address(_ block: StoreBlock) -> UnsafeMutableRawPointer {
        switch block.section {
        case .store32: pool32.address(block.number)
        case .store64: pool64.address(block.number)
        case .store128: pool128.address(block.number)
        case .store256: pool256.address(block.number)
        default: pool320.address(block.number)
        }
    }

    private func allocate(_ size: Int) throws(Errno) -> StoreBlock {
        if size <= 32, let number = try room(pool32) { return StoreBlock(.store32, number) }
        if size <= 64, let number = try room(pool64) { return StoreBlock(.store64, number) }
        if size <= 128, let number = try room(pool128) { return StoreBlock(.store128, number) }
        if size <= 256, let number = try room(pool256) { return StoreBlock(.store256, number) }
        return StoreBlock(.store320, try pool320.allocate())
    }

    /// A block of `pool`, nil if the pool is full.
    private func room(_ pool: Pool) throws(Errno) -> UInt32? {
        do throws(Errno) {
            return try pool.allocate()
        } catch .enfile {
            return nil
        }
    }
}
