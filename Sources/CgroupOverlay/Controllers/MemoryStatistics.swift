import SystemCalls

/// The long tables of the memory controller, keys in the kernel's order.
enum MemoryStatistics {
    /// Where memory is from, in both versions.
    static let source =
        "/proc/PID/status of members, what the kernel told of those that exited; /proc/meminfo and vmstat for the root"

    /// v2's memory.stat (memory_stats of mm/memcontrol.c): all counters up to v1's own.
    static let keys: [(MemoryCounter, StaticString)] = [
        (.anon, "anon"), (.file, "file"), (.kernel, "kernel"), (.kernelStack, "kernel_stack"),
        (.pageTables, "pagetables"), (.secPageTables, "sec_pagetables"), (.perCPU, "percpu"), (.sock, "sock"),
        (.vmalloc, "vmalloc"), (.shmem, "shmem"), (.fileMapped, "file_mapped"), (.fileDirty, "file_dirty"),
        (.fileWriteback, "file_writeback"), (.swapCached, "swapcached"), (.anonTHP, "anon_thp"),
        (.fileTHP, "file_thp"), (.shmemTHP, "shmem_thp"), (.inactiveAnon, "inactive_anon"),
        (.activeAnon, "active_anon"), (.inactiveFile, "inactive_file"), (.activeFile, "active_file"),
        (.unevictable, "unevictable"), (.slabReclaimable, "slab_reclaimable"),
        (.slabUnreclaimable, "slab_unreclaimable"), (.slab, "slab"),
        (.workingsetRefaultAnon, "workingset_refault_anon"), (.workingsetRefaultFile, "workingset_refault_file"),
        (.workingsetActivateAnon, "workingset_activate_anon"), (.workingsetActivateFile, "workingset_activate_file"),
        (.workingsetRestoreAnon, "workingset_restore_anon"), (.workingsetRestoreFile, "workingset_restore_file"),
        (.workingsetNodeReclaim, "workingset_nodereclaim"), (.pgscan, "pgscan"), (.pgsteal, "pgsteal"),
        (.pgscanKswapd, "pgscan_kswapd"), (.pgscanDirect, "pgscan_direct"), (.pgstealKswapd, "pgsteal_kswapd"),
        (.pgstealDirect, "pgsteal_direct"), (.pgfault, "pgfault"), (.pgmajfault, "pgmajfault"),
        (.pgrefill, "pgrefill"), (.pgactivate, "pgactivate"), (.pgdeactivate, "pgdeactivate"),
        (.pglazyfree, "pglazyfree"), (.pglazyfreed, "pglazyfreed"), (.thpFaultAlloc, "thp_fault_alloc"),
        (.thpCollapseAlloc, "thp_collapse_alloc"),
    ]

    static func showV2(_ reader: FigureReader, _ text: inout Text) throws(Errno) {
        let memory = reader.figures.memory(of: reader.group, own: false)
        for (counter, key) in keys { text.line(key, memory[counter]) }
    }

    /// Counters that are kept by memory node: neither what the kernel allocates by processor, nor events but the working set's.
    private static let notByNode: Set<MemoryCounter> = [.kernel, .perCPU, .sock, .vmalloc, .slab]

    static func showNodesV2(_ reader: FigureReader, _ text: inout Text) throws(Errno) {
        let memory = reader.figures.memory(of: reader.group, own: false)
        for (counter, key) in keys
        where counter.rawValue <= MemoryCounter.workingsetNodeReclaim.rawValue && !notByNode.contains(counter) {
            text.append(key)
            appendNodes(memory, &text) { $0[counter] }
        }
    }

    /// " N0=1 N1=2" and the line's end.
    private static func appendNodes(_ memory: MemoryFigures, _ text: inout Text, _ value: (MemoryFigures) -> UInt64) {
        for (number, node) in (memory.nodes.isEmpty ? [memory] : memory.nodes).enumerated() {
            text.append(" N" as StaticString)
            text.append(number)
            text.append("=" as StaticString)
            text.append(value(node))
        }
        text.newline()
    }

    private typealias Value = @Sendable (MemoryFigures) -> UInt64
    private static let keysV1: [(StaticString, Value)] = [
        ("cache", { $0[.file] }), ("rss", { $0[.anon] }), ("rss_huge", { $0[.anonTHP] }), ("shmem", { $0[.shmem] }),
        ("mapped_file", { $0[.fileMapped] }), ("dirty", { $0[.fileDirty] }), ("writeback", { $0[.fileWriteback] }),
        ("workingset_refault_anon", { $0[.workingsetRefaultAnon] }),
        ("workingset_refault_file", { $0[.workingsetRefaultFile] }), ("swap", { $0.swap }),
        ("swapcached", { $0[.swapCached] }), ("pgpgin", { $0[.pgpgin] }), ("pgpgout", { $0[.pgpgout] }),
        ("pgfault", { $0[.pgfault] }), ("pgmajfault", { $0[.pgmajfault] }), ("inactive_anon", { $0[.inactiveAnon] }),
        ("active_anon", { $0[.activeAnon] }), ("inactive_file", { $0[.inactiveFile] }),
        ("active_file", { $0[.activeFile] }), ("unevictable", { $0[.unevictable] }),
    ]

    static func showV1(_ reader: FigureReader, _ text: inout Text) throws(Errno) {
        let unlimited: UInt64 = 9_223_372_036_854_771_712
        let own = reader.figures.memory(of: reader.group, own: true)
        for (key, value) in keysV1 { text.line(key, value(own)) }
        text.line("hierarchical_memory_limit", min(reader.effectiveMemoryMax, unlimited))
        text.line("hierarchical_memsw_limit", min(reader.effectiveMemoryAndSwapMax, unlimited))
        let all = reader.figures.memory(of: reader.group, own: false)
        for (key, value) in keysV1 {
            text.append("total_" as StaticString)
            text.line(key, value(all))
        }
    }

    /// Pages. `file` is the two lists of file pages, and so on.
    static func showNodesV1(_ reader: FigureReader, _ text: inout Text) throws(Errno) {
        let lists: [(StaticString, Value)] = [
            (
                "total",
                {
                    $0[.inactiveAnon] + $0[.activeAnon] + $0[.inactiveFile] + $0[.activeFile] + $0[.unevictable]
                }
            ), ("file", { $0[.inactiveFile] + $0[.activeFile] }), ("anon", { $0[.inactiveAnon] + $0[.activeAnon] }),
            ("unevictable", { $0[.unevictable] }),
        ]
        for own in [true, false] {
            let memory = reader.figures.memory(of: reader.group, own: own)
            for (key, value) in lists {
                if !own { text.append("hierarchical_" as StaticString) }
                text.append(key)
                text.append("=" as StaticString)
                text.append(value(memory) / 4096)
                appendNodes(memory, &text) { value($0) / 4096 }
            }
        }
    }
}
