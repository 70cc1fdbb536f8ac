import SystemCalls

/// v1's blkio controller (block/blk-throttle.c, block/bfq-cgroup.c).
enum BlockIOV1 {
    static let source =
        "/proc/PID/io of members, and of those that exited, divided as the disks were busy; /proc/diskstats for the root"

    static let rows: [FileRow] =
        [
            limit("blkio.throttle.read_bps_device", .readBytes, "Bytes read a second"),
            limit("blkio.throttle.write_bps_device", .writeBytes, "Bytes written a second"),
            limit("blkio.throttle.read_iops_device", .readRequests, "Requests to read a second"),
            limit("blkio.throttle.write_iops_device", .writeRequests, "Requests to write a second"),
            FileRow(
                "blkio.bfq.weight", .io, .notRoot, "Share of disk time, 1...1000. Kept.",
                read: .state { group, text in text.line(group[.bfqWeight]) },
                write: { group, input throws(Errno) in
                    let weight = try input.unsigned()
                    if !(1...1000).contains(weight) { throw .erange }
                    group[.bfqWeight] = weight
                }),
            FileRow(
                "blkio.bfq.weight_device", .io, .notRoot,
                "The default for all disks. For single ones it is EOPNOTSUPP, as without BFQ.",
                read: .state { group, text in text.line("default", group[.bfqWeight]) },
                write: { group, input throws(Errno) in
                    if input.bytes.contains(58) {
                        let (_, values) = try DeviceLimits.parse(input, group)
                        throw values.isEmpty ? .einval : .eopnotsupp
                    }
                    if input.stripped.isEmpty { throw .erange }
                    group[.bfqWeight] = try DeviceLimits.weight(input, most: 1000, else: .erange)
                }),
            FileRow(
                "blkio.reset_stats", .io, "Accepted; figures go on.",
                write: { _, input throws(Errno) in _ = try input.unsigned() }),
        ]
        + ["throttle", "bfq"].flatMap { policy in
            [
                statistics("blkio.\(policy).io_service_bytes", own: true, bytes: true),
                statistics("blkio.\(policy).io_serviced", own: true, bytes: false),
                statistics("blkio.\(policy).io_service_bytes_recursive", own: false, bytes: true),
                statistics("blkio.\(policy).io_serviced_recursive", own: false, bytes: false),
            ]
        }

    private static func limit(_ name: String, _ setting: DeviceSetting, _ summary: String) -> FileRow {
        FileRow(
            name, .io, summary + ", by disk; 0 takes it away. Kept.",
            read: .state { group, text in
                for (device, value) in (group.devices[setting] ?? [:]).sorted(by: { $0.key < $1.key }) {
                    text.append(device)
                    text.space()
                    text.line(value)
                }
            },
            write: { group, input throws(Errno) in
                let (device, rest) = try DeviceLimits.parse(input, group)
                guard let (value, _) = Input.decimal(rest) else { throw .einval }
                // The kernel cuts requests down to 32 bits.
                let isRequests = setting == .readRequests || setting == .writeRequests
                let unlimited = isRequests ? UInt64(UInt32.max) : .max
                let limit = value & unlimited
                group.devices[setting, default: [:]][device] = value == 0 || limit == unlimited ? nil : limit
            })
    }

    /// "8:0 Read 1" and so on. What was waited for cannot be told from outside: reads count as synchronous, writes as not.
    private static func statistics(_ name: String, own: Bool, bytes: Bool) -> FileRow {
        FileRow(
            name, .io, bytes ? "Bytes by disk and direction." : "Requests by disk and direction.", source: source,
            read: .figures { reader, text in
                var sum: UInt64 = 0
                for io in reader.figures.blockIO(of: reader.group, own: own) {
                    let read = bytes ? io.readBytes : io.reads
                    let written = bytes ? io.writtenBytes : io.writes
                    let discarded = bytes ? io.discardedBytes : io.discards
                    let lines: [(StaticString, UInt64)] = [
                        (" Read", read), (" Write", written), (" Sync", read), (" Async", written),
                        (" Discard", discarded),
                        (" Total", read + written + discarded),
                    ]
                    for (key, value) in lines {
                        text.append(io.device)
                        text.line(key, value)
                    }
                    sum += read + written + discarded
                }
                text.line("Total", sum)
            })
    }
}
