import SystemCalls

/// The misc controller (kernel/cgroup/misc.c): resources of encrypted virtual machines, of which a process outside the
/// kernel knows none.
enum Misc {
    static let rows: [FileRow] = [
        FileRow("misc.capacity", .misc, .root, "Empty: there is no such resource.", read: .state { _, _ in }),
        FileRow(
            "misc.max", .misc, .notRoot, "Empty: there is no such resource to limit.", read: .state { _, _ in },
            write: { _, _ throws(Errno) in throw .einval }),
        FileRow("misc.current", .misc, .notRoot, "Empty: there is no such resource.", read: .state { _, _ in }),
        FileRow("misc.events", .misc, .notRoot, "Empty: there is no such resource.", read: .state { _, _ in }),
    ]
}

/// The rdma controller (kernel/cgroup/rdma.c): devices register with it inside the kernel, and none can be seen here.
enum RDMA {
    static let rows: [FileRow] = [
        FileRow(
            "rdma.max", .rdma, .notRoot, "Empty: no device can be limited from outside.", read: .state { _, _ in },
            write: { _, input throws(Errno) in
                let words = input.words
                if words.count < 2 || !words.dropFirst().allSatisfy({ $0.contains(61) }) { throw .einval }
                throw .enodev
            }),
        FileRow("rdma.current", .rdma, .notRoot, "Empty, alike.", read: .state { _, _ in }),
    ]
}
