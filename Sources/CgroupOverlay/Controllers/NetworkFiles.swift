import SystemCalls

/// v1's net_cls and net_prio (net/core/netclassid_cgroup.c, netprio_cgroup.c). Kept: packets are marked by the kernel only.
enum NetworkFiles {
    static let rows: [FileRow] = [
        .setting("net_cls.classid", .netClass, .everywhere, .netClass, "The class of the group's packets. Kept.") {
            group, input throws(Errno) in
            group[.netClass] = try input.unsigned() & 0xffff_ffff
        },
        FileRow(
            "net_prio.prioidx", .netPriority, "The group's number.",
            read: .state { group, text in text.line(UInt64(group.id.place)) }),
        FileRow(
            "net_prio.ifpriomap", .netPriority, "The priority of its packets by interface, \"eth0 5\". Kept.",
            read: .state { group, text in
                for interface in group.state.figures.networkInterfaces {
                    text.line(interface, UInt64(group.interfacePriorities[interface] ?? 0))
                }
            },
            write: { group, input throws(Errno) in
                let words = input.words
                guard words.count >= 2, let priority = Input.decimal(words[1])?.0 else { throw .einval }
                let name = String(decoding: words[0], as: UTF8.self)
                if !group.state.figures.networkInterfaces.contains(name) { throw .enodev }
                group.interfacePriorities[name] = UInt32(truncatingIfNeeded: priority)
            }),
    ]
}
