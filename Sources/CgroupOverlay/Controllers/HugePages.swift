import SystemCalls

/// The hugetlb controller (mm/hugetlb_cgroup.c): a set of files for each size of pages.
enum HugePages {
    static let source =
        "/proc/PID/status of members, as pages of the default size; /sys/kernel/mm/hugepages for the root"

    static func figures(_ reader: FigureReader, _ size: UInt64) -> HugePageFigures {
        guard let index = reader.figures.hugePageSizes.firstIndex(of: size) else { return HugePageFigures() }
        let all = reader.figures.hugePages(of: reader.group)
        return index < all.count ? all[index] : HugePageFigures()
    }

    /// " N0=1 N1=2" after the total.
    static func showNodes(_ reader: FigureReader, _ size: UInt64, _ text: inout Text) {
        let figures = figures(reader, size)
        text.append("total=" as StaticString)
        text.append(figures.current)
        for (number, value) in (figures.nodes.isEmpty ? [figures.current] : figures.nodes).enumerated() {
            text.append(" N" as StaticString)
            text.append(number)
            text.append("=" as StaticString)
            text.append(value)
        }
        text.newline()
    }

    static func write(
        _ setting: HugePageSetting, _ size: UInt64, unlimited: StaticString
    ) -> FileRow.Writing {
        { group, input throws(Errno) in
            let value = try input.memory(unlimited: unlimited, page: size)
            if group.isRoot { throw .einval }
            group.hugePages[setting, default: [:]][size] = value == .max ? nil : value
        }
    }
}

/// "2MB", as the files' names have it (mem_fmt).
func hugePageName(_ size: UInt64) -> String {
    size >= 1 << 30 ? "\(size >> 30)GB" : size >= 1 << 20 ? "\(size >> 20)MB" : "\(size >> 10)KB"
}

enum HugePagesV2 {
    static func rows(_ size: UInt64) -> [FileRow] {
        let name = "hugetlb.\(hugePageName(size))"
        return [
            limit("\(name).max", .max, size, "The most of such pages, bytes or max. Kept."),
            limit("\(name).rsvd.max", .reservedMax, size, "The most that may be reserved. Kept."),
            .figure("\(name).current", .hugetlb, .notRoot, "Such pages in use, bytes.", source: HugePages.source) {
                HugePages.figures($0, size).current
            },
            .figure("\(name).rsvd.current", .hugetlb, .notRoot, "Such pages reserved, bytes.", source: HugePages.source)
            {
                HugePages.figures($0, size).reserved
            },
            events("\(name).events", size) { $0.events },
            events("\(name).events.local", size) { $0.ownEvents },
            FileRow(
                "\(name).numa_stat", .hugetlb, .notRoot, "Such pages by memory node.", source: HugePages.source,
                read: .figures { reader, text in HugePages.showNodes(reader, size, &text) }),
        ]
    }

    private static func limit(_ name: String, _ setting: HugePageSetting, _ size: UInt64, _ summary: String) -> FileRow
    {
        FileRow(
            name, .hugetlb, .notRoot, summary,
            read: .state { group, text in
                text.append(orMax: group.hugePages[setting]?[size] ?? .max)
                text.newline()
            }, write: HugePages.write(setting, size, unlimited: "max"))
    }

    private static func events(
        _ name: String, _ size: UInt64, _ events: @escaping @Sendable (Group) -> [CgroupEvent: UInt64]
    ) -> FileRow {
        FileRow(
            name, .hugetlb, .notRoot, "How often the limit was met.", source: "figures held against the limit",
            read: .state { group, text in text.line("max", events(group)[.hugePagesMax(size: size)] ?? 0) })
    }
}

enum HugePagesV1 {
    static func rows(_ size: UInt64) -> [FileRow] {
        files("hugetlb.\(hugePageName(size))", .max, size, usage: { $0.current }, peak: { $0.peak })
            + files(
                "hugetlb.\(hugePageName(size)).rsvd", .reservedMax, size, usage: { $0.reserved },
                peak: { $0.reservedPeak })
            + [
                FileRow(
                    "hugetlb.\(hugePageName(size)).numa_stat", .hugetlb, "Such pages by memory node.",
                    source: HugePages.source,
                    read: .figures { reader, text in HugePages.showNodes(reader, size, &text) })
            ]
    }

    private static func files(
        _ name: String, _ setting: HugePageSetting, _ size: UInt64,
        usage: @escaping @Sendable (HugePageFigures) -> UInt64, peak: @escaping @Sendable (HugePageFigures) -> UInt64
    ) -> [FileRow] {
        // PAGE_COUNTER_MAX in whole pages of the size.
        let unlimited = (UInt64(Int64.max) / 4096 * 4096) / size * size
        return [
            FileRow(
                "\(name).limit_in_bytes", .hugetlb, "The most of such pages, bytes; -1 for no limit. Kept.",
                read: .state { group, text in text.line(group.hugePages[setting]?[size] ?? unlimited) },
                write: HugePages.write(setting, size, unlimited: "-1")),
            .figure(
                "\(name).usage_in_bytes", .hugetlb, .everywhere, "Such pages in use, bytes.", source: HugePages.source
            ) {
                usage(HugePages.figures($0, size))
            },
            .figure(
                "\(name).max_usage_in_bytes", .hugetlb, .everywhere, "The most there were. Any write begins anew.",
                source: HugePages.source,
                write: { group, _ in
                    let (figures, id) = (group.state.figures, group.id)
                    group.state.later { figures.resetPeak(of: id, .hugePages(size: size)) }
                }
            ) { peak(HugePages.figures($0, size)) },
            FileRow(
                "\(name).failcnt", .hugetlb, "How often the limit was met. Any write sets it to 0.",
                source: "figures held against the limit",
                read: .state { group, text in text.line(group.ownEvents[.hugePagesMax(size: size)] ?? 0) },
                write: { group, _ in group.ownEvents[.hugePagesMax(size: size)] = 0 }),
        ]
    }
}
