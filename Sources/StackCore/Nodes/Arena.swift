import CLinux
import Glibc
import Synchronization
import SystemCalls

/// The memory of the mount: all that a successor process must know about nodes and open files, as plain data in one memfd.
///
///     offset 0                                                              (all sections sparse)
///     +--------+------------------+------------+--------+---------+------+------+-------+-------+-------+
///     | header | nodes            | open files | mounts | devices | 32 B | 48 B | 64 B  | 128 B | 256 B |
///     +--------+------------------+------------+--------+---------+------+------+-------+-------+-------+
///       magic    64 B each, slot    64 B each    64 B     8 B each  `-- variable-size store, a section a class:
///       version  0 unused, slot 1                 each                  names and file handles that are
///       layout   the root                                               too long for the record
///       counter
///
/// There is no pointer inside: records name each other by slot, block number or ``NodeID``. What speeds up access (hash
/// indexes, free lists, the clock of cached descriptors) lies in private memory and can be rebuilt by reading the records:
/// a node record is in use if its ``Use`` word says live, and so is an open file.
///
/// Sections are only address space until a chunk of 64 KiB is committed. Committing allocates the chunk's pages, so that a
/// machine without memory gives an error here and not SIGBUS at the first store; releasing punches them out again.
final class Arena: Sendable {
    /// What is committed and released at a time, in bytes.
    static let chunkSize = 1 << 16
    /// "stackfs" and a zero byte, read as a little-endian number.
    static let magic: UInt64 = 0x0073_666b_6361_7473
    /// Raised whenever the meaning of any byte changes.
    static let version: UInt32 = 1

    /// The arrays, in the order in which they lie.
    enum Section: Int, CaseIterable {
        case nodes, openFiles, mounts, devices, store32, store48, store64, store128, store256

        /// Bytes of a record.
        var stride: Int {
            switch self {
            case .nodes, .openFiles, .mounts, .store64: 64
            case .devices: 8
            case .store32: 32
            case .store48: 48
            case .store128: 128
            case .store256: 256
            }
        }

        /// How many chunks it may fill when there are to be at most `nodes` nodes.
        func chunks(nodes: Int) -> Int {
            let records: Int
            switch self {
            case .nodes: records = nodes
            case .openFiles: records = 1 << 22
            case .mounts, .devices: records = 1 << 16
            case .store32, .store48, .store64, .store128, .store256: records = min(nodes, 1 << 25)
            }
            let perChunk = Arena.chunkSize / stride
            return (records + perChunk - 1) / perChunk
        }
    }

    /// The start of the arena. The section table follows it.
    struct Header {
        var magic: UInt64
        var version: UInt32
        var chunkSize: UInt32
        var length: UInt64
        var sectionCount: UInt32
        /// The last generation given out.
        var generation: UInt32
    }

    /// An entry of the section table, at offset 64 of the arena.
    struct SectionEntry {
        var offset: UInt64
        var chunks: UInt32
        var stride: UInt32
    }

    /// The memfd, which is what a successor is handed.
    let descriptor: Int32
    /// Where the memfd is mapped, as a number: the arena moves between processes, only offsets mean anything.
    private let address: UInt
    private let length: Int

    var base: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped }

    private var table: UnsafeMutablePointer<SectionEntry> {
        (base + 64).assumingMemoryBound(to: SectionEntry.self)
    }

    /// Makes an arena for at most `nodes` nodes, or for fewer if the address space is limited (RLIMIT_AS).
    /// - Throws: `.enomem`, `.emfile`, `.enfile`, `.efbig` (RLIMIT_FSIZE).
    init(nodes: Int) throws(Errno) {
        let memory = Descriptor(owning: Int32(try checked(linux_memfd_create("stackfs-arena", LINUX_MFD_CLOEXEC))))
        var nodes = min(max(nodes, 1 << 10), 1 << 31)
        var mapping: UnsafeMutableRawPointer?
        var size = 0
        while true {
            size = Arena.length(nodes: nodes)
            try checked(linux_ftruncate(memory.number, Int64(size)))
            mapping = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory.number, 0)
            if mapping != MAP_FAILED { break }
            if nodes == 1 << 10 { throw .last }
            nodes = max(nodes / 2, 1 << 10)
        }
        // A core dump that walks through tens of gigabytes of holes is of no use to anybody.
        madvise(mapping, size, MADV_DONTDUMP)
        address = UInt(bitPattern: mapping)
        length = size
        descriptor = memory.take()
        try commit(offset: 0, length: Arena.chunkSize)
        writeHeader(nodes: nodes)
    }

    deinit {
        munmap(base, length)
        _ = linux_close(descriptor)
    }

    private static func length(nodes: Int) -> Int {
        var chunks = 1
        for section in Section.allCases { chunks += section.chunks(nodes: nodes) }
        return chunks * chunkSize
    }

    private func writeHeader(nodes: Int) {
        base.bindMemory(to: Header.self, capacity: 1).initialize(
            to: Header(
                magic: Arena.magic, version: Arena.version, chunkSize: UInt32(Arena.chunkSize), length: UInt64(length),
                sectionCount: UInt32(Section.allCases.count), generation: 0))
        (base + 64).bindMemory(to: SectionEntry.self, capacity: Section.allCases.count)
        var chunk = 1
        for section in Section.allCases {
            let chunks = section.chunks(nodes: nodes)
            table[section.rawValue] = SectionEntry(
                offset: UInt64(chunk * Arena.chunkSize), chunks: UInt32(chunks), stride: UInt32(section.stride))
            chunk += chunks
        }
    }

    /// Where a section begins, in bytes from the start of the arena, and how many chunks it may fill.
    func extent(of section: Section) -> (offset: Int, chunks: Int) {
        (Int(table[section.rawValue].offset), Int(table[section.rawValue].chunks))
    }

    /// A number that no record of this arena has had as generation for the last billion records: 1..<2^30.
    func nextGeneration() -> UInt32 {
        let field = base + MemoryLayout<Header>.offset(of: \.generation).unsafelyUnwrapped
        let counter = UnsafePointer(field.assumingMemoryBound(to: Atomic<UInt32>.self))
        while true {
            let value = counter.pointee.wrappingAdd(1, ordering: .relaxed).newValue & 0x3fff_ffff
            if value != 0 { return value }
        }
    }

    /// Gives memory to a part of a section; it reads as zeros unless it was committed already.
    /// - Throws: `.enomem`.
    func commit(offset: Int, length: Int) throws(Errno) {
        while true {
            let result = linux_fallocate(descriptor, 0, Int64(offset), Int64(length))
            if result >= 0 { return }
            // A signal ends fallocate(2) on a memfd early. Everything else that may happen here is a want of memory.
            if result != -Int64(EINTR) { throw .enomem }
        }
    }

    /// Takes the memory of a part of a section back; a failure only keeps it in use.
    func release(offset: Int, length: Int) {
        madvise(base + offset, length, Int32(LINUX_MADV_REMOVE))
    }

    /// Bytes of memory that the arena occupies, sections' holes not counted.
    var residentBytes: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }
}
