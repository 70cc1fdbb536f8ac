import CLinux
import FuseKernel
import FuseMessages

/// Damages well-formed messages: bytes, lengths, opcodes, node ids, handles, sizes.
struct Mutator {
    private static let headerSize = 40
    private static let interesting: [UInt64] = [
        0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000,
        0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, .max, .max - 1,
    ]

    /// Damages a message, or with one chance in three leaves it as it is. The number that tells its reply stays.
    func mutate(_ message: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        guard random.chance(66) else { return message }
        var bytes = message
        for _ in 0...random.below(3) { damage(&bytes, &random) }
        if bytes.count < Self.headerSize { bytes += Array(message[bytes.count..<Self.headerSize]) }
        bytes.replaceSubrange(8..<16, with: message[8..<16])
        // What does not agree with its length is refused at once: mostly not worth its time.
        if random.chance(95) { bytes.setLength() }
        return bytes
    }

    private func damage(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        switch random.below(10) {
        case 0: bytes[random.below(bytes.count)] = UInt8(random.below(256))
        case 1: bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
        case 2: bytes = Array(bytes.prefix(Self.headerSize + random.below(bytes.count - Self.headerSize + 1)))
        case 3: bytes += (0..<random.below(64)).map { _ in UInt8(random.below(256)) }
        case 4: store(UInt64(random.below(60)), bytes: 4, at: 4, in: &bytes)  // the opcode
        case 5: store(word(&random), bytes: 8, at: 16, in: &bytes)  // the node
        case 6: store(UInt64(random.below(20)), bytes: 2, at: 36, in: &bytes)  // total_extlen
        case 7: store(word(&random), bytes: 8, at: Self.headerSize, in: &bytes)  // the handle, mostly
        case 8: store(word(&random), bytes: 4, at: Self.headerSize + 4 * random.below(12), in: &bytes)
        default: store(word(&random), bytes: 8, at: Self.headerSize + 8 * random.below(8), in: &bytes)
        }
    }

    private func word(_ random: inout SeededGenerator) -> UInt64 {
        random.chance(70) ? random.pick(Self.interesting) : random.next() >> UInt64(random.below(64))
    }

    private func store(_ value: UInt64, bytes count: Int, at offset: Int, in bytes: inout [UInt8]) {
        guard offset + count <= bytes.count else { return }
        for index in 0..<count { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }

    /// Keeps what is written small: lengths that would fill the lower file system come down to a few pages. Sparse files may be
    /// of any size, and numbers that no length can be stay.
    func tame(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= Self.headerSize else { return bytes }
        var bytes = bytes
        let opcode = Opcode(rawValue: bytes.structure(fuse_in_header.self).opcode)
        let lengthAt: Int
        switch opcode {
        case .fallocate: lengthAt = 56
        case .copyFileRange, .copyFileRange64: lengthAt = 80
        default: return bytes
        }
        guard bytes.count >= lengthAt + 8 else { return bytes }
        let length = bytes.structure(UInt64.self, at: lengthAt)
        if length > 65_536, length <= UInt64(Int64.max) { store(length & 0xffff, bytes: 8, at: lengthAt, in: &bytes) }
        return bytes
    }
}
