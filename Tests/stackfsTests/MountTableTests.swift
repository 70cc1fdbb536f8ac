import Testing

@testable import stackfs

@Suite struct MountTableTests {
    private let table = MountTable(
        text: """
            20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
            21 20 8:1 /srv/a /mnt/bound rw,relatime shared:1 master:2 - ext4 /dev/sda1 rw
            22 20 0:40 / /mnt/with\\040blank\\134 rw,nosuid - fuse.stackfs /srv/lo\\040wer rw,user_id=1000,group_id=1000,allow_other
            23 20 0:41 / /mnt/sub rw - fuse x rw,user_id=0
            24 23 0:42 / /mnt/sub/tmp rw - tmpfs none rw
            25 20 0:43 / /mnt/bare rw - fuseblk /dev/sdb1 rw
            a line that is none

            """)

    @Test func fields() throws {
        #expect(table.entries.count == 6)
        let entry = try #require(table.entries.first { $0.id == 22 })
        #expect(entry.point == "/mnt/with blank\\")
        #expect(entry.source == "/srv/lo wer")
        #expect(entry.type == "fuse.stackfs")
        #expect(entry.owner == 1000)
        #expect(entry.isFuse)
    }

    @Test func mountsByPath() {
        #expect(table.mount(at: "/mnt/sub")?.id == 23)
        #expect(table.mount(at: "/mnt") == nil)
        #expect(table.fuseMount(above: "/mnt/sub/x/y")?.id == 23)
        #expect(table.fuseMount(above: "/mnt/subject") == nil)
        #expect(table.mount(at: "/mnt/bare")?.owner == nil)
    }

    @Test func placesSeeThroughBinds() throws {
        #expect(table.place(of: "/srv/a/b", mountID: 20) == Place(device: "8:1", path: "/srv/a/b"))
        #expect(table.place(of: "/mnt/bound/b", mountID: 21) == Place(device: "8:1", path: "/srv/a/b"))
        #expect(table.place(of: "/mnt/bound", mountID: 21) == Place(device: "8:1", path: "/srv/a"))
        #expect(table.place(of: "/mnt/sub", mountID: 23) == Place(device: "0:41", path: "/"))
        #expect(table.place(of: "/", mountID: 20) == Place(device: "8:1", path: "/"))
        #expect(table.place(of: "/elsewhere", mountID: 21) == nil)
        #expect(table.place(of: "/", mountID: 99) == nil)
    }

    @Test func insideIsByWholeNames() {
        #expect(isInside("/a/b", "/a"))
        #expect(isInside("/a", "/a"))
        #expect(isInside("/a", "/"))
        #expect(!isInside("/ab", "/a"))
        #expect(!isInside("/", "/a"))
        #expect(!Place(device: "8:1", path: "/a/b").isInside(Place(device: "8:2", path: "/a")))
    }

    @Test func userAllowOther() {
        #expect(FuseConfiguration.userAllowOther(in: "# comment\nuser_allow_other\n"))
        #expect(FuseConfiguration.userAllowOther(in: "  user_allow_other  # yes\n"))
        #expect(!FuseConfiguration.userAllowOther(in: "#user_allow_other\nmount_max = 10\n"))
        #expect(!FuseConfiguration.userAllowOther(in: "user_allow_others\n"))
    }
}
