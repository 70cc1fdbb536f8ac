import Glibc
import Testing

@testable import FuseKernel
@testable import stackfs

@Suite struct StatisticsReportTests {
    private var report: StatisticsReport {
        let worker = Statistics()
        for _ in 0..<98 { worker.count(Opcode.lookup.rawValue, failed: false, nanoseconds: 1000) }
        worker.count(Opcode.lookup.rawValue, failed: true, nanoseconds: 3_000_000)
        worker.count(Opcode.lookup.rawValue, failed: true, nanoseconds: 3_000_000)
        worker.count(Opcode.getattr.rawValue, failed: false, nanoseconds: nil)
        return StatisticsReport(operations: Statistics.merge([worker]), lower: "/a \"b\"\n", mount: "/m")
    }

    @Test func text() {
        let lines = report.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(
            lines.suffix(4).dropLast().map(String.init) == [
                "operation  requests  errors      p50      p99    p99.9",
                "LOOKUP          100       2  1024 ns  4194 us  4194 us",
                "GETATTR           1       0        -        -        -",
            ])
    }

    @Test func json() {
        #expect(
            report.json == """
                {"lower": "/a \\"b\\"\\u000a", "mount": "/m", "operations": [
                    {"operation": "LOOKUP", "opcode": 1, "requests": 100, "errors": 2, "latency_ns": [[1024, 98], [4194304, 2]]},
                    {"operation": "GETATTR", "opcode": 3, "requests": 1, "errors": 0, "latency_ns": []}
                ]}

                """)
    }

    @Test func durations() {
        #expect(StatisticsReport.duration(9_999) == "9999 ns")
        #expect(StatisticsReport.duration(10_000) == "10 us")
        #expect(StatisticsReport.duration(20_000_000) == "20 ms")
        #expect(StatisticsReport.duration(30_000_000_000) == "30 s")
    }
}
