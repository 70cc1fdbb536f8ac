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

/// A name in a directory, in the three words of a record's reference.
///
///     words 0: the directory's NodeID     words 1, 2: the name, up to 15 bytes and zeros
///                                         or a block with the name, and 0xff in the last byte
struct StoredName {
    var words: (UInt64, UInt64, UInt64)

    static let longestInline = 15
    static let blockMark: UInt64 = 0xff << 56

    var parent: NodeID { NodeID(rawValue: words.0) }
    var block: StoreBlock? { words.2 & StoredName.blockMark != 0 ? StoreBlock(rawValue: words.1) : nil }
}

/// A file handle that is too long for its record: three words for the record, of which the first is the block with the bytes.
struct StoredHandle {
    var words: (UInt64, UInt64, UInt64)

    var block: StoreBlock { StoreBlock(rawValue: words.0) }
}

/// What does not fit into a node's record: names of 16 to 255 bytes, and file handles of 25 to 128.
///
/// A section of the arena for each of five sizes; the smallest that is large enough and not full is taken.
final class Store: Sendable {
    private let pool32, pool48, pool64, pool128, pool256: Pool

    /// - Throws: `.enomem`.
    init(_ arena: Arena) throws(Errno) {
        pool32 = try Pool(arena, .store32, link: 0)
        pool48 = try Pool(arena, .store48, link: 0)
        pool64 = try Pool(arena, .store64, link: 0)
        pool128 = try Pool(arena, .store128, link: 0)
        pool256 = try Pool(arena, .store256, link: 0)
    }

    /// Blocks in use.
    var count: Int { pool32.count + pool48.count + pool64.count + pool128.count + pool256.count }

    /// Stores a name with its directory.
    /// - Throws: `.enametoolong` above 255 bytes, `.enomem`, `.enfile`.
    func store(_ name: UnsafePointer<CChar>, in parent: NodeID) throws(Errno) -> StoredName {
        let length = strlen(name)
        guard length <= 255 else { throw .enametoolong }
        var stored = StoredName(words: (parent.rawValue, 0, 0))
        if length <= StoredName.longestInline {
            withUnsafeMutableBytes(of: &stored.words) { words in
                _ = memcpy(words.baseAddress.unsafelyUnwrapped + 8, name, length)
            }
        } else {
            let block = try allocate(length + 1)
            memcpy(address(block), name, length + 1)
            stored.words.1 = block.rawValue
            stored.words.2 = StoredName.blockMark
        }
        return stored
    }

    /// Copies a name and its final zero byte to `buffer`, which has room for 256 bytes.
    func load(_ stored: StoredName, _ buffer: UnsafeMutablePointer<CChar>) {
        if let block = stored.block {
            strncpy(buffer, address(block).assumingMemoryBound(to: CChar.self), 256)
        } else {
            withUnsafeBytes(of: stored.words) { words in
                _ = memcpy(buffer, words.baseAddress.unsafelyUnwrapped + 8, StoredName.longestInline + 1)
            }
        }
    }

    func free(_ stored: StoredName) {
        if let block = stored.block { free(block) }
    }

    /// Stores a file handle of at most 128 bytes.
    /// - Throws: `.enomem`, `.enfile`.
    func store(_ handle: linux_file_handle) throws(Errno) -> StoredHandle {
        let length = min(Int(handle.bytes), MemoryLayout.size(ofValue: handle.data))
        let block = try allocate(length)
        withUnsafeBytes(of: handle.data) { bytes in
            _ = memcpy(address(block), bytes.baseAddress.unsafelyUnwrapped, length)
        }
        return StoredHandle(
            words: (block.rawValue, UInt64(length), UInt64(UInt32(bitPattern: handle.type))))
    }

    /// Writes a stored handle to `handle`, whose data is zero behind it.
    func load(_ stored: StoredHandle, _ handle: inout linux_file_handle) {
        handle = linux_file_handle()
        let length = min(Int(truncatingIfNeeded: stored.words.1), MemoryLayout.size(ofValue: handle.data))
        handle.bytes = UInt32(length)
        handle.type = Int32(truncatingIfNeeded: stored.words.2)
        withUnsafeMutableBytes(of: &handle.data) { bytes in
            _ = memcpy(bytes.baseAddress.unsafelyUnwrapped, address(stored.block), length)
        }
    }

    func free(_ stored: StoredHandle) { free(stored.block) }

    private func free(_ block: StoreBlock) { pool(block).free(block.number) }

    private func address(_ block: StoreBlock) -> UnsafeMutableRawPointer { pool(block).address(block.number) }

    private func pool(_ block: StoreBlock) -> Pool {
        switch block.section {
        case .store32: pool32
        case .store48: pool48
        case .store64: pool64
        case .store128: pool128
        default: pool256
        }
    }

    private func allocate(_ size: Int) throws(Errno) -> StoreBlock {
        if size <= 32, let number = try room(pool32) { return StoreBlock(.store32, number) }
        if size <= 48, let number = try room(pool48) { return StoreBlock(.store48, number) }
        if size <= 64, let number = try room(pool64) { return StoreBlock(.store64, number) }
        if size <= 128, let number = try room(pool128) { return StoreBlock(.store128, number) }
        return StoreBlock(.store256, try pool256.allocate())
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
