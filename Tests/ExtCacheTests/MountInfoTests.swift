import CWatch
import Testing

@testable import ExtCache

@Suite struct MountInfoTests {
    @Test func linesAreRead() {
        let text = """
            36 35 98:5 /mnt1 /mnt\\0402/a\\134b rw,noatime master:1 - ext3 /dev/root rw,errors=continue
            no line
            40 36 0:61 / /mnt/ü rw - tmpfs none rw
            """
        let mounts = MountInfo.all(in: text)
        #expect(mounts.map(\.id) == [36, 40])
        #expect(mounts.map(\.device) == [watch_device(98, 5), watch_device(0, 61)])
        #expect(mounts.map(\.point) == ["/mnt 2/a\\b", "/mnt/ü"])
    }
}
