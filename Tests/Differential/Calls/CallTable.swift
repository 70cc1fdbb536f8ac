/// Every call the test makes, with how often it is drawn.
enum CallTable {
    struct Row: Sendable {
        let name: String
        let weight: Int
        /// What must be open for the call to reach anything.
        let needs: Kind?
        let make: @Sendable (inout Generator) -> any Call

        init<C: Call>(_ call: C.Type, _ weight: Int, needs: Kind? = nil) {
            name = "\(call)"
            self.weight = weight
            self.needs = needs
            make = { C(using: &$0) }
        }
    }

    static let rows: [Row] = [
        Row(Open.self, 130), Row(OpenDirectory.self, 35), Row(OpenTemporary.self, 12), Row(Close.self, 55),
        Row(Duplicate.self, 6), Row(ChangeStatusFlags.self, 5, needs: .file),
        Row(SwitchDirect.self, 2, needs: .file),

        Row(Read.self, 30, needs: .file), Row(ReadAt.self, 30, needs: .file), Row(Write.self, 45, needs: .file),
        Row(WriteAt.self, 40, needs: .file), Row(WriteVector.self, 15, needs: .file),
        Row(MapAndStore.self, 20, needs: .file),

        Row(Seek.self, 30, needs: .file), Row(Truncate.self, 15), Row(TruncateOpen.self, 15, needs: .file),
        Row(Allocate.self, 35, needs: .file),
        Row(CopyRange.self, 15, needs: .file), Row(Splice.self, 8, needs: .file), Row(SendFile.self, 8, needs: .file),

        Row(MakeDirectory.self, 45), Row(MakeNode.self, 18), Row(MakeSymlink.self, 18), Row(ReadLink.self, 12),
        Row(Link.self, 28), Row(LinkOpen.self, 12, needs: .file), Row(Unlink.self, 40), Row(RemoveDirectory.self, 18),
        Row(Rename.self, 55),

        Row(Stat.self, 70), Row(StatOpen.self, 45), Row(SameFile.self, 12), Row(ChangeMode.self, 32),
        Row(ChangeOwner.self, 32), Row(SetTimes.self, 25), Row(Access.self, 25),

        Row(SetXattr.self, 35), Row(GetXattr.self, 25), Row(ListXattr.self, 18), Row(RemoveXattr.self, 10),

        Row(List.self, 25, needs: .directory), Row(ReadSomeEntries.self, 6, needs: .directory),
        Row(ListWhileChanging.self, 2), Row(DeepPath.self, 2),

        Row(LockWhole.self, 18, needs: .file), Row(LockRange.self, 40, needs: .file),

        Row(Sync.self, 12), Row(StatFileSystem.self, 10), Row(ChangeInodeFlags.self, 12),
        Row(ExtendedInodeFlags.self, 4),
        Row(ChangeUmask.self, 5), Row(NextEpoch.self, 60),
    ]

    private static let totalWeight = rows.reduce(0) { $0 + $1.weight }

    static func draw(using generator: inout Generator) -> any Call {
        var ticket = generator.random.below(totalWeight)
        for row in rows {
            ticket -= row.weight
            guard ticket < 0 else { continue }
            if let kind = row.needs, !generator.hasOpen(kind), generator.random.chance(85) {
                return kind == .directory ? OpenDirectory(using: &generator) : Open(using: &generator)
            }
            return row.make(&generator)
        }
        fatalError("a ticket beyond the total weight")
    }
}
