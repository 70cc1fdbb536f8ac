import SystemCalls

/// v2's cpuset controller (dfl_files of kernel/cgroup/cpuset.c).
enum CPUSetV2 {
    static let rows: [FileRow] = [
        set(
            "cpuset.cpus", \.processors, "The processors that members may run on, of those that the parent has; obeyed."
        ),
        set("cpuset.mems", \.memoryNodes, "The memory nodes that members may use; kept."),
        FileRow(
            "cpuset.cpus.effective", .cpuset, "The processors that members run on.",
            read: .state { group, text in text.line(group.effectiveProcessors) }),
        FileRow(
            "cpuset.mems.effective", .cpuset, "The memory nodes that members use.",
            read: .state { group, text in text.line(group.effectiveMemoryNodes) }),
        FileRow(
            "cpuset.cpus.partition", .cpuset, .notRoot,
            "member, root or isolated. Kept; processors are not taken from others.",
            read: .state(showPartition),
            write: { group, input throws(Errno) in
                guard let value = partitions.firstIndex(where: { input.stripped.elementsEqual($0.utf8) }) else {
                    throw .einval
                }
                group[.partition] = UInt64(value)
            }),
    ]

    private static let partitions = ["member", "root", "isolated"]

    private static func showPartition(_ group: Group, _ text: inout Text) throws(Errno) {
        text.append(partitions[Int(group[.partition])])
        if group.isSet(.partition), let reason = whyInvalid(group) {
            text.append(" invalid (" as StaticString)
            text.append(reason)
            text.append(")" as StaticString)
        }
        text.newline()
    }

    /// Why a partition is none, in the kernel's words.
    private static func whyInvalid(_ group: Group) -> StaticString? {
        guard let parent = group.parent else { return nil }
        if !parent.isRoot && !parent.isSet(.partition) { return "Parent is not a partition root" }
        if group.processors.isEmpty { return "Cpu list in cpuset.cpus is empty" }
        let shared = parent.children.values.contains {
            $0 !== group && !$0.processors.intersection(group.processors).isEmpty
        }
        return shared ? "Cpu list in cpuset.cpus not exclusive" : nil
    }

    private static func set(
        _ name: String, _ set: ReferenceWritableKeyPath<Group, CgroupSet> & Sendable, _ summary: String
    ) -> FileRow {
        FileRow(
            name, .cpuset, .notRoot, summary, read: .state { group, text in text.line(group[keyPath: set]) },
            write: { group, input throws(Errno) in
                let new = try CPUSetList.parse(input, for: group, isProcessors: set == \.processors)
                group.state.follow()
                group[keyPath: set] = new
                if set == \.processors { group.state.applyProcessors(to: group) }
            })
    }
}
