import CLinux
import Testing

@testable import ExtCache

/// What is read from an inotify instance, as inotify(7) lays it out, and what no kernel would write.
@Suite struct InotifyEventTests {
    private struct Seen: Equatable {
        var watch: Int32
        var mask: UInt32
        var name: String
    }

    private static func bytes<Value: BitwiseCopyable>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value, Array.init)
    }

    private static func event(_ watch: Int32, _ mask: UInt32, _ name: [UInt8], claimed: UInt32? = nil) -> [UInt8] {
        bytes(watch) + bytes(mask) + bytes(UInt32(0)) + bytes(claimed ?? UInt32(name.count)) + name
    }

    private static let padded = Array("name".utf8) + [UInt8](repeating: 0, count: 12)

    private static func read(_ bytes: [UInt8]) -> (makesSense: Bool, seen: [Seen]) {
        var seen: [Seen] = []
        // Of its own length, so that a sanitizer notices who looks beyond it.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        let makesSense = InotifyEvent.forEach(in: UnsafeRawBufferPointer(buffer)) { event in
            seen.append(
                Seen(watch: event.watch, mask: event.mask, name: String(decoding: event.name, as: UTF8.self)))
        }
        return (makesSense, seen)
    }

    @Test func eventsAreRead() {
        let (makesSense, seen) = Self.read(
            Self.event(7, 0x100, Self.padded) + Self.event(8, 0x4, []) + Self.event(-1, 0x4000, []))
        #expect(makesSense)
        #expect(
            seen == [
                Seen(watch: 7, mask: 0x100, name: "name"), Seen(watch: 8, mask: 0x4, name: ""),
                Seen(watch: -1, mask: 0x4000, name: ""),
            ])
    }

    /// What comes before is reported all the same.
    @Test func whatIsCutOffMakesNoSense() {
        let first = Self.event(7, 0x100, Self.padded)
        for length in 1..<first.count {
            let alone = Self.read(Array(first[..<length]))
            #expect(!alone.makesSense && alone.seen.isEmpty, "\(length) bytes")
            let after = Self.read(first + first[..<length])
            #expect(!after.makesSense && after.seen.count == 1, "\(length) bytes after another")
        }
    }

    @Test(arguments: [17, 1 << 16, .max] as [UInt32]) func lengthsThatCannotBe(_ length: UInt32) {
        let (makesSense, seen) = Self.read(Self.event(7, 0x100, Self.padded, claimed: length))
        #expect(!makesSense && seen.isEmpty)
    }

    /// A name without a zero at its end stops where its event does.
    @Test func aNameWithoutItsEnd() {
        let (makesSense, seen) = Self.read(Self.event(7, 0x100, Array("abcd".utf8)) + Self.event(8, 0x4, []))
        #expect(makesSense && seen.map(\.name) == ["abcd", ""])
    }
}
