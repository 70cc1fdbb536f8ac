import CTestCalls
import Glibc
import MountSupport
import Testing

/// LIMITS.md: modes of fallocate(2) that the kernel's FUSE client refuses by itself.
@Suite(.enabled(if: Requirements.missing(for: .ext4) == nil, "\(Requirements.missing(for: .ext4) ?? "")"))
struct AllocateModesTests {
    @Test func rangesCannotBeCollapsedOrInserted() throws {
        let fixture = try Fixture(.ext4)
        // FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE.
        for mode: Int64 in [0x08, 0x20] {
            #expect(allocate(fixture.sides.native, mode) == 0)
            #expect(allocate(fixture.sides.mount, mode) == -Int64(EOPNOTSUPP))
        }
        try fixture.mount?.unmount()
    }

    /// fallocate(2) of the second page of a fresh file of four.
    private func allocate(_ directory: String, _ mode: Int64) -> Int64 {
        let fd = open("\(directory)/file", O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer { close(fd) }
        _ = ftruncate(fd, 16384)
        return tc_call(TC_fallocate, Int64(fd), mode, 4096, 4096, 0, 0)
    }
}
