import Glibc

/// To which disks the bytes of processes go: /proc/PID/io does not tell, so what is read and written is divided as the disks of the
/// machine were busy meanwhile. With one busy disk that is exact.
struct DiskShares: Sendable {
    private var totals: [CgroupDevice: BlockIOFigures] = [:]
    private var reads: [(device: CgroupDevice, share: Double)] = []
    private var writes: [(device: CgroupDevice, share: Double)] = []

    /// Takes in what the disks have done by now.
    mutating func update(_ disks: [BlockIOFigures]) {
        var read: [(CgroupDevice, UInt64)] = []
        var written: [(CgroupDevice, UInt64)] = []
        for disk in disks {
            let before = totals[disk.device]
            read.append((disk.device, disk.readBytes &- (before?.readBytes ?? 0)))
            written.append((disk.device, disk.writtenBytes &- (before?.writtenBytes ?? 0)))
            totals[disk.device] = disk
        }
        Self.weigh(read, &reads)
        Self.weigh(written, &writes)
    }

    /// Where nothing moved, the last shares hold on.
    private static func weigh(
        _ amounts: [(CgroupDevice, UInt64)], _ shares: inout [(device: CgroupDevice, share: Double)]
    ) {
        let sum = amounts.reduce(0.0) { $0 + Double($1.1) }
        if sum > 0 { shares = amounts.filter { $0.1 > 0 }.map { ($0.0, Double($0.1) / sum) } }
    }

    func divide(_ step: TaskCounters) -> [BlockIOFigures] {
        var result: [CgroupDevice: BlockIOFigures] = [:]
        func divide(
            _ bytes: UInt64, _ calls: UInt64, _ shares: [(device: CgroupDevice, share: Double)],
            _ to: (inout BlockIOFigures, UInt64, UInt64) -> Void
        ) {
            if bytes == 0 { return }
            let requests = Self.requests(bytes, calls)
            var (restOfBytes, restOfRequests) = (bytes, requests)
            for (index, (device, share)) in shares.enumerated() {
                let isLast = index == shares.count - 1
                let part = isLast ? restOfBytes : min(restOfBytes, UInt64(Double(bytes) * share))
                let count = isLast ? restOfRequests : min(restOfRequests, UInt64(Double(requests) * share))
                to(&result[device, default: BlockIOFigures(device: device)], part, count)
                restOfBytes -= part
                restOfRequests -= count
            }
        }
        divide(step[.readBytes], step[.readCalls], reads) {
            $0.readBytes += $1; $0.reads += $2
        }
        divide(step[.writtenBytes], step[.writeCalls], writes) {
            $0.writtenBytes += $1; $0.writes += $2
        }
        return Array(result.values)
    }

    /// Requests to disks, of which /proc tells nothing: as many as system calls, many of which reach no disk, but of no less than a
    /// page and no more than 1 MiB each.
    private static func requests(_ bytes: UInt64, _ calls: UInt64) -> UInt64 {
        min(max(calls, (bytes + 0xf_ffff) >> 20), (bytes + 4095) / 4096)
    }
}
