/// The path /proc/self/fd/N of an open descriptor, in place and without an allocation.
struct DescriptorPath {
    // "/proc/self/fd/" is 14 bytes, a descriptor has at most 10 digits, and a zero byte ends it.
    private var bytes: InlineArray<32, CChar>

    init(_ descriptor: Int32) {
        bytes = InlineArray(repeating: 0)
        var length = 0
        let prefix: StaticString = "/proc/self/fd/"
        for index in 0..<prefix.utf8CodeUnitCount {
            bytes[length] = CChar(prefix.utf8Start[index])
            length += 1
        }
        var digits = 1
        var bound: Int32 = 10
        while digits < 10, descriptor >= bound {
            digits += 1
            bound = bound &* 10
        }
        var rest = max(0, descriptor)
        for index in stride(from: length + digits - 1, through: length, by: -1) {
            bytes[index] = CChar(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
    }

    func withPointer(_ body: (UnsafePointer<CChar>) -> Int64) -> Int64 {
        bytes.span.withUnsafeBufferPointer { body($0.baseAddress!) }
    }
}
