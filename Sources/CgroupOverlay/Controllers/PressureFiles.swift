import SystemCalls

/// Pressure stall information of v2 groups (Documentation/accounting/psi.rst).
enum PressureFiles {
    static let rows: [FileRow] = [
        row("cpu.pressure", .cpu, "How long tasks waited for a processor."),
        row("memory.pressure", .memory, "How long tasks waited for memory."),
        row("io.pressure", .io, "How long tasks waited for disks."),
    ]

    private static func row(_ name: String, _ resource: PressureResource, _ summary: String) -> FileRow {
        FileRow(
            name, summary + " Triggers may be written and are checked, but wake nobody.",
            source:
                "/proc/pressure for the root; groups, waiting times of members in /proc/PID/schedstat and stat, taken as independent",
            read: .figures { reader, text in
                let figures = reader.figures.pressure(of: reader.group, resource)
                text.line("some", figures.some)
                text.line("full", figures.full)
            }, write: checkTrigger)
    }

    /// "some|full THRESHOLD WINDOW" in microseconds (psi_trigger_create).
    private static func checkTrigger(_ group: Group, _ input: Input) throws(Errno) {
        let words = input.words
        guard words.count >= 3, words[0].elementsEqual("some".utf8) || words[0].elementsEqual("full".utf8),
            let threshold = Input.decimal(words[1])?.0, let window = Input.decimal(words[2])?.0
        else { throw .einval }
        if !(500_000...10_000_000).contains(window) || threshold == 0 || threshold > window { throw .einval }
        if input.caller.uid != 0 && window % 2_000_000 != 0 { throw .einval }
    }
}

extension Text {
    fileprivate mutating func line(_ key: StaticString, _ line: PressureFigures.Line) {
        append(key)
        append(" avg10=" as StaticString)
        append(hundredths: line.average10)
        append(" avg60=" as StaticString)
        append(hundredths: line.average60)
        append(" avg300=" as StaticString)
        append(hundredths: line.average300)
        append(" total=" as StaticString)
        self.line(line.total)
    }
}
