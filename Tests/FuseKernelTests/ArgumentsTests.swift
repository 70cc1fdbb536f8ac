import CLinux
import SystemCalls
import Testing

@testable import FuseKernel

@Suite struct ArgumentsTests {
    /// What `body` makes of arguments, or the error it throws.
    private func reading<R>(_ bytes: [UInt8], _ body: (inout Arguments) throws(Errno) -> R) -> Result<R, Errno> {
        bytes.withUnsafeBytes { buffer in
            var arguments = Arguments(buffer)
            do throws(Errno) { return .success(try body(&arguments)) } catch { return .failure(error) }
        }
    }

    private func name(_ bytes: [UInt8], dotsAllowed: Bool = false) -> Result<String, Errno> {
        reading(bytes) { arguments throws(Errno) in try arguments.name(dotsAllowed: dotsAllowed).text }
    }

    @Test(arguments: 0..<8) func structureThatIsCutShort(_ length: Int) {
        let result = reading(Array(repeating: 1, count: length)) { arguments throws(Errno) in
            try arguments.take(UInt64.self)
        }
        #expect(result == .failure(.einval))
    }

    @Test func structuresInOrderAtAnyAddress() {
        let result = reading([1, 2, 0, 0, 0, 3]) { arguments throws(Errno) in
            let first = try arguments.take(UInt8.self)
            let second = try arguments.take(UInt32.self)
            return [UInt32(first), second, UInt32(arguments.remaining)]
        }
        #expect(result == .success([1, 2, 1]))
    }

    @Test func failureTakesNothing() {
        let result = reading([1, 2, 3]) { arguments throws(Errno) in
            do throws(Errno) { _ = try arguments.take(UInt32.self) } catch {}
            do throws(Errno) { _ = try arguments.bytes(4) } catch {}
            return arguments.remaining
        }
        #expect(result == .success(3))
    }

    @Test func nothingAtAll() {
        #expect(reading([]) { $0.remaining } == .success(0))
        #expect(name([]) == .failure(.einval))
        let noBytes = reading([]) { arguments throws(Errno) in try arguments.bytes(0).byteCount }
        #expect(noBytes == .success(0))
    }

    @Test func stringsFollowOneAnother() {
        let result = reading(Array("one\0\0three\0".utf8)) { arguments throws(Errno) in
            let texts = [
                try arguments.string().text, try arguments.string().text, try arguments.string().text,
            ]
            return texts + ["\(arguments.remaining)"]
        }
        #expect(result == .success(["'one'", "''", "'three'", "0"]))
    }

    @Test func stringWithoutEnd() {
        let result = reading(Array("unterminated".utf8)) { arguments throws(Errno) in try arguments.string().count }
        #expect(result == .failure(.einval))
    }

    @Test(arguments: ["", "/", "a/b", "/a", "a/", ".", "..", "../a"])
    func namesThatNoEntryHas(_ text: String) {
        #expect(name(Array(text.utf8) + [0]) == .failure(.einval))
    }

    @Test(arguments: ["a", "...", ".a", "..a", "a.", " ", "\n", "\u{7f}", "~", "\\"])
    func namesThatEntriesHave(_ text: String) {
        #expect(name(Array(text.utf8) + [0]) == .success("'\(text)'"))
    }

    @Test func dotsWhereTheyAreAllowed() {
        #expect(name([0x2e, 0], dotsAllowed: true) == .success("'.'"))
        #expect(name([0x2e, 0x2e, 0], dotsAllowed: true) == .success("'..'"))
        #expect(name([0x2e, 0x2f, 0], dotsAllowed: true) == .failure(.einval))
        #expect(name([0], dotsAllowed: true) == .failure(.einval))
    }

    @Test func everyByteButTwoIsGoodInAName() {
        for byte in UInt8.min...UInt8.max where byte != 0 && byte != UInt8(ascii: "/") {
            let result = reading([byte, 0x41, 0]) { arguments throws(Errno) in
                let name = try arguments.name()
                return [name.pointer[0], name.pointer[1], name.pointer[2]]
            }
            #expect(result == .success([CChar(bitPattern: byte), 0x41, 0]))
        }
    }

    @Test(arguments: [-1, .min, 4, 5, .max] as [Int]) func bytesThatAreNotThere(_ count: Int) {
        let result = reading([1, 2, 3]) { arguments throws(Errno) in try arguments.bytes(count).byteCount }
        #expect(result == .failure(.einval))
    }

    @Test func bytesThatAreThere() {
        let result = reading([1, 2, 3]) { arguments throws(Errno) in
            try arguments.bytes(2).withUnsafeBytes(Array.init) + [UInt8(arguments.remaining)]
        }
        #expect(result == .success([1, 2, 1]))
    }
}
