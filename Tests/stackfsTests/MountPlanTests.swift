import Testing

@testable import stackfs

@Suite struct MountPlanTests {
    private func plan(_ list: String, user: UInt32, lower: LowerFlags = []) throws -> MountPlan {
        MountPlan(try MountOptions(lists: [list]), user: user, source: "/lower", lower: lower)
    }

    @Test func rootsDefaults() throws {
        let plan = try plan("", user: 0)
        #expect(
            plan.options == [
                "fsname=/lower", "subtype=stackfs", "default_permissions", "allow_other", "rw", "dev", "suid", "exec",
            ])
        #expect(plan.notes == [])
        #expect(!plan.readOnly)
    }

    @Test func aUsersDefaults() throws {
        let plan = try plan("", user: 1000)
        #expect(
            plan.options == [
                "fsname=/lower", "subtype=stackfs", "default_permissions", "rw", "nodev", "nosuid", "exec",
            ])
        #expect(plan.notes == [])
    }

    @Test func lowerFlagsAreHandedOnUnlessOverruled() throws {
        let lower: LowerFlags = [.readOnly, .noDevices, .noSetID, .noPrograms]
        let plain = try plan("", user: 0, lower: lower)
        #expect(plain.options.suffix(4) == ["ro", "nodev", "nosuid", "noexec"])
        #expect(plain.readOnly)
        let overruled = try plan("rw,dev,suid,exec", user: 0, lower: lower)
        #expect(overruled.options.suffix(4) == ["rw", "dev", "suid", "exec"])
        #expect(!overruled.readOnly)
    }

    @Test func aUserIsToldWhatIsLeftOut() throws {
        let plan = try plan("dev,suid", user: 1000)
        #expect(plan.options.contains("nodev") && plan.options.contains("nosuid"))
        #expect(plan.notes == ["dev and suid left out: for root only"])
    }

    @Test func whoMayUseTheMount() throws {
        #expect(try !plan("noallow_other", user: 0).options.contains("allow_other"))
        #expect(try !plan("allow_root", user: 0).options.contains("allow_other"))
        let root = try plan("allow_root", user: 1000)
        #expect(root.options.contains("allow_other"))
        #expect(root.soleUser == 1000)
        #expect(try plan("allow_other", user: 1000).soleUser == nil)
    }

    @Test func onlyLibfuseIsToldNonempty() throws {
        #expect(try plan("nonempty", user: 0).options.contains("nonempty"))
        #expect(try !plan("nonempty", user: 1000).options.contains("nonempty"))
        #expect(try !plan("nonempty,auto_unmount", user: 0).options.contains("nonempty"))
    }

    @Test func rootsFlagsAreSetAgainAfterFusermount() throws {
        #expect(try plan("", user: 0).flagsAfterwards == nil)
        #expect(try plan("auto_unmount", user: 1000).flagsAfterwards == nil)
        #expect(try plan("auto_unmount", user: 0).flagsAfterwards == 1 << 21)
        #expect(
            try plan("auto_unmount,ro,nosuid,nodev,noexec,noatime", user: 0).flagsAfterwards == 1 + 2 + 4 + 8 + 1024)
    }

    @Test func whatFuseDoesNotDoIsSaid() throws {
        #expect(try plan("async", user: 0).notes == [])
        #expect(try plan("sync", user: 0).notes.count == 1)
        #expect(try plan("dirsync", user: 0).notes.first?.hasPrefix("sync and dirsync only set") == true)
    }
}
