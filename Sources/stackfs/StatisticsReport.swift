import CLinux
import FuseKernel
import Glibc
import SystemCalls

/// The figures of `--statsdir`: operations.txt to be read by people, operations.json by programs.
struct StatisticsReport {
    let operations: [OperationStatistics]
    /// The lower directory and the mount point.
    let lower: String
    let mount: String

    /// One row an operation, the most frequent first: counts, errors, and the latencies that half, 99 % and all but one in a
    /// thousand of the requests stayed below (bounds of power-of-two buckets).
    var text: String {
        var rows = [["operation", "requests", "errors", "p50", "p99", "p99.9"]]
        for operation in operations.sorted(by: { $0.requests > $1.requests }) {
            let quantiles = [0.5, 0.99, 0.999].map { operation.latency(quantile: $0).map(Self.duration) ?? "-" }
            rows.append([operation.name, "\(operation.requests)", "\(operation.errors)"] + quantiles)
        }
        return "\(lower) on \(mount)\n\n" + alignedTable(rows, numbersFrom: 1)
    }

    /// Under "latency_ns" stand pairs: the bucket's upper bound in nanoseconds, and the requests in it.
    var json: String {
        let rows = operations.map { operation in
            let buckets = operation.latency.enumerated().filter { $0.element > 0 }
                .map { "[\(UInt64(1) << UInt64($0.offset + 1)), \($0.element)]" }.joined(separator: ", ")
            return """
                    {"operation": "\(operation.name)", "opcode": \(operation.code), "requests": \(operation.requests), \
                "errors": \(operation.errors), "latency_ns": [\(buckets)]}
                """
        }
        return """
            {"lower": \(Self.quoted(lower)), "mount": \(Self.quoted(mount)), "operations": [
            \(rows.joined(separator: ",\n"))
            ]}

            """
    }

    /// Replaces both files in a directory; each is complete whenever it is there.
    func write(to directory: Int32) throws(Errno) {
        try Self.replace("operations.txt", in: directory, with: text)
        try Self.replace("operations.json", in: directory, with: json)
    }

    private static func replace(_ name: String, in directory: Int32, with text: String) throws(Errno) {
        let temporary = ".\(name).\(getpid())"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | LINUX_O_CLOEXEC | LINUX_O_NOFOLLOW
        let file = Descriptor(owning: Int32(try checked(linux_openat(directory, temporary, flags, 0o644))))
        var bytes = Array(text.utf8)
        var written = 0
        do throws(Errno) {
            while written < bytes.count {
                written += try checked(
                    bytes.withUnsafeMutableBytes {
                        linux_write(file.number, $0.baseAddress! + written, $0.count - written)
                    })
            }
            try checked(linux_renameat2(directory, temporary, directory, name, 0))
        } catch {
            _ = linux_unlinkat(directory, temporary, 0)
            throw error
        }
    }

    static func duration(_ nanoseconds: UInt64) -> String {
        switch nanoseconds {
        case ..<10_000: return "\(nanoseconds) ns"
        case ..<10_000_000: return "\(nanoseconds / 1000) us"
        case ..<10_000_000_000: return "\(nanoseconds / 1_000_000) ms"
        default: return "\(nanoseconds / 1_000_000_000) s"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// Columns of equal width, two blanks apart, one line a row; from the column `numbersFrom` on they are flush right.
func alignedTable(_ rows: [[String]], numbersFrom: Int = .max) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
        rows.compactMap { column < $0.count ? $0[column].count : nil }.max() ?? 0
    }
    return rows.map { row in
        var line = ""
        for (column, cell) in row.enumerated() {
            let gap = String(repeating: " ", count: widths[column] - cell.count)
            if column >= numbersFrom {
                line += gap + cell
            } else {
                line += column + 1 < row.count ? cell + gap : cell
            }
            if column + 1 < row.count { line += "  " }
        }
        return line + "\n"
    }.joined()
}
