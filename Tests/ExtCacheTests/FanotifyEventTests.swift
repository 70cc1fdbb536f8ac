import CLinux
import Testing

@testable import ExtCache

/// What is read from a notification group, as fanotify(7) lays it out, and what no kernel would write.
@Suite struct FanotifyEventTests {
    private struct Seen: Equatable {
        var mask: UInt64
        var process: Int32
        var hasDirectory: Bool
        var name: String
        var hasTarget: Bool
    }

    private static func bytes<Value: BitwiseCopyable>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value, Array.init)
    }

    private static func event(_ mask: UInt64, _ records: [UInt8], version: UInt8 = 3) -> [UInt8] {
        bytes(UInt32(24 + records.count)) + [version, 0] + bytes(UInt16(24)) + bytes(mask) + bytes(Int32(-1))
            + bytes(Int32(7)) + records
    }

    private static func record(_ type: UInt8, _ handle: [UInt8], _ name: String? = nil, claimed: Int? = nil) -> [UInt8]
    {
        var body = bytes(Int32(1)) + bytes(Int32(2)) + bytes(UInt32(claimed ?? handle.count)) + bytes(Int32(1)) + handle
        if let name { body += Array(name.utf8) + [0] }
        while body.count % 4 != 0 { body.append(0) }
        return [type, 0] + bytes(UInt16(4 + body.count)) + body
    }

    private static let whole =
        event(0x100, record(2, [1, 2, 3, 4, 5, 6, 7, 8], "name") + record(1, [9, 9, 9, 9]))

    private static func read(_ bytes: [UInt8]) -> (makesSense: Bool, seen: [Seen]) {
        var seen: [Seen] = []
        // Of its own length, so that a sanitizer notices who looks beyond it.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        let makesSense = FanotifyEvent.forEach(in: UnsafeRawBufferPointer(buffer)) { event in
            seen.append(
                Seen(
                    mask: event.mask, process: event.process, hasDirectory: event.directory != nil,
                    name: String(decoding: event.name, as: UTF8.self), hasTarget: event.target != nil))
        }
        return (makesSense, seen)
    }

    @Test func eventsAreRead() {
        let (makesSense, seen) = Self.read(Self.whole + Self.event(0x4000, []))
        #expect(makesSense)
        #expect(
            seen == [
                Seen(mask: 0x100, process: 7, hasDirectory: true, name: "name", hasTarget: true),
                Seen(mask: 0x4000, process: 7, hasDirectory: false, name: "", hasTarget: false),
            ])
    }

    @Test func whatIsCutOffMakesNoSense() {
        for length in 1..<Self.whole.count {
            let (makesSense, seen) = Self.read(Array(Self.whole[..<length]))
            #expect(!makesSense && seen.isEmpty, "\(length) bytes")
        }
    }

    @Test func lengthsThatCannotBe() {
        for length in [0, 23, 25 + Self.whole.count] {
            #expect(!Self.read(Self.bytes(UInt32(length)) + Self.whole[4...]).makesSense, "\(length)")
        }
        #expect(!Self.read(Self.event(0x100, [], version: 2)).makesSense)
        var short = Self.whole
        short[6] = 20
        #expect(!Self.read(short).makesSense)
    }

    /// The event is reported without what its records do not tell.
    @Test func recordsThatCannotBe() {
        let nothing = [Seen(mask: 0x100, process: 7, hasDirectory: false, name: "", hasTarget: false)]
        let handle = [UInt8](repeating: 1, count: 8)
        #expect(Self.read(Self.event(0x100, Self.record(2, handle, "name", claimed: 1 << 20))).seen == nothing)
        #expect(Self.read(Self.event(0x100, Self.record(77, handle, "name"))).seen == nothing)
        let long = [UInt8](repeating: 1, count: 200)
        #expect(Self.read(Self.event(0x100, Self.record(1, long))).seen == nothing)
        #expect(Self.read(Self.event(0x100, [2, 0, 0, 0] + [UInt8](repeating: 0, count: 20))).seen == nothing)
        #expect(Self.read(Self.event(0x100, [2, 0, 255, 255] + [UInt8](repeating: 0, count: 20))).seen == nothing)
    }

    /// A name without a zero at its end stops where its record does.
    @Test func aNameWithoutItsEnd() {
        var records = Self.record(2, [1, 2, 3, 4], "abc")
        records[records.count - 1] = UInt8(ascii: "d")
        #expect(Self.read(Self.event(0x100, records + Self.record(1, [9, 9, 9, 9]))).seen.map(\.name) == ["abcd"])
    }
}
