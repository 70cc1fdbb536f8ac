import SystemCalls

/// v2's io controller (block/blk-cgroup.c, block/blk-throttle.c, block/blk-iocost.c).
enum IOV2 {
    static let rows: [FileRow] = [
        FileRow(
            "io.stat", .io, "Bytes and requests by disk.",
            source: BlockIOV1.source,
            read: .figures { reader, text in
                for io in reader.figures.blockIO(of: reader.group, own: false) {
                    text.append(io.device)
                    let values: [(StaticString, UInt64)] = [
                        (" rbytes=", io.readBytes), (" wbytes=", io.writtenBytes), (" rios=", io.reads),
                        (" wios=", io.writes), (" dbytes=", io.discardedBytes), (" dios=", io.discards),
                    ]
                    for (key, value) in values {
                        text.append(key)
                        text.append(value)
                    }
                    text.newline()
                }
            }),
        FileRow(
            "io.max", .io, .notRoot, "\"8:0 rbps=N wbps=N riops=N wiops=N\", or max. Checked and kept.",
            read: .state(showMax), write: writeMax),
        FileRow(
            "io.weight", .io, .notRoot, "Share of disk time, 1...10000, and by disk. Kept.",
            read: .state { group, text in DeviceLimits.showWeights(group, .blockWeight, .weight, &text) },
            write: { group, input throws(Errno) in
                try DeviceLimits.writeWeight(group, input, .blockWeight, .weight)
            }),
        cost("io.cost.qos"), cost("io.cost.model"),
    ]

    private static let limits: [(DeviceSetting, StaticString)] = [
        (.readBytes, "rbps"), (.writeBytes, "wbps"), (.readRequests, "riops"), (.writeRequests, "wiops"),
    ]

    private static func showMax(_ group: Group, _ text: inout Text) throws(Errno) {
        let devices = Set(limits.flatMap { Array((group.devices[$0.0] ?? [:]).keys) })
        for device in devices.sorted() {
            text.append(device)
            for (setting, key) in limits {
                text.space()
                text.append(key)
                text.append("=" as StaticString)
                text.append(orMax: group.devices[setting]?[device] ?? .max)
            }
            text.newline()
        }
    }

    /// tg_set_limit(): all of the line, or nothing.
    private static func writeMax(_ group: Group, _ input: Input) throws(Errno) {
        let (device, rest) = try DeviceLimits.parse(input, group)
        var new: [(DeviceSetting, UInt64)] = []
        for word in rest.split(whereSeparator: { Input.isSpace($0) }) {
            guard word.count <= 26, let equals = word.firstIndex(of: 61) else { throw .einval }
            let value: UInt64
            if let (number, _) = Input.decimal(word[(equals + 1)...]) {
                value = number
            } else if word[(equals + 1)...].elementsEqual("max".utf8) {
                value = .max
            } else {
                throw .einval
            }
            if value == 0 { throw .erange }
            let key = word[..<equals]
            guard value > 1, let setting = limits.first(where: { $0.1.withUTF8Buffer { key.elementsEqual($0) } })?.0
            else {
                throw .einval
            }
            new.append((setting, value))
        }
        for (setting, value) in new {
            group.devices[setting, default: [:]][device] = value == .max ? nil : value
        }
    }

    private static func cost(_ name: String) -> FileRow {
        FileRow(
            name, .io, .root, "Empty: disks are not governed by cost. Writing for a disk is EOPNOTSUPP.",
            read: .state { _, _ in },
            write: { group, input throws(Errno) in
                _ = try DeviceLimits.parse(input, group)
                throw .eopnotsupp
            })
    }
}
