import SystemCalls

/// v1's cpuacct controller (kernel/sched/cpuacct.c). Nanoseconds, and ticks of 10 ms in cpuacct.stat.
enum CPUAccounting {
    static let source =
        "/proc/PID/schedstat and stat of members, what the kernel told of those that exited; /proc/stat for the root"

    static let rows: [FileRow] = [
        .figure(
            "cpuacct.usage", .cpuacct, .everywhere, "Processor time. Writing 0 begins anew.", source: source,
            write: { group, input throws(Errno) in
                if try input.unsigned() != 0 { throw .einval }
                let (figures, id) = (group.state.figures, group.id)
                group.state.later { figures.resetProcessorTime(of: id) }
            }
        ) { time($0).total },
        .figure("cpuacct.usage_user", .cpuacct, .everywhere, "Processor time in programs.", source: source) {
            time($0).user
        },
        .figure("cpuacct.usage_sys", .cpuacct, .everywhere, "Processor time in the kernel.", source: source) {
            time($0).system
        },
        perProcessor("cpuacct.usage_percpu", "Processor time by processor.") { $0.user + $0.system },
        perProcessor("cpuacct.usage_percpu_user", "Processor time in programs by processor.") { $0.user },
        perProcessor("cpuacct.usage_percpu_sys", "Processor time in the kernel by processor.") { $0.system },
        FileRow(
            "cpuacct.usage_all", .cpuacct, .everywhere, "Both by processor, as a table.", source: source,
            read: .figures { reader, text in
                text.line("cpu user system")
                for (number, share) in time(reader).processors.enumerated() {
                    text.append(number)
                    text.space()
                    text.append(share.user)
                    text.space()
                    text.line(share.system)
                }
            }),
        FileRow(
            "cpuacct.stat", .cpuacct, .everywhere, "Processor time in ticks.", source: source,
            read: .figures { reader, text in
                let time = time(reader)
                text.line("user", time.user / 10_000_000)
                text.line("system", time.system / 10_000_000)
            }),
    ]

    private static func time(_ reader: FigureReader) -> ProcessorTime { reader.figures.processorTime(of: reader.group) }

    private static func perProcessor(
        _ name: String, _ summary: String, _ value: @escaping @Sendable (ProcessorTime.PerProcessor) -> UInt64
    ) -> FileRow {
        FileRow(
            name, .cpuacct, .everywhere, summary, source: source,
            read: .figures { reader, text in
                for share in time(reader).processors {
                    text.append(value(share))
                    text.space()
                }
                text.newline()
            })
    }
}
