import SystemCalls

/// A state file, read: records in their order.
struct StateRecords {
    struct Record {
        let keyword: ArraySlice<UInt8>
        let words: [[UInt8]]

        func number<Number: FixedWidthInteger>(_ index: Int, as: Number.Type = Number.self) -> Number? {
            index < words.count ? Number(String(decoding: words[index], as: UTF8.self)) : nil
        }
        func string(_ index: Int) -> String? {
            index < words.count ? String(decoding: words[index], as: UTF8.self) : nil
        }
    }

    let records: [Record]

    /// nil for what is no state file, not whole, or of another version of the format.
    init?(_ bytes: [UInt8]) {
        guard bytes.last == 10, let start = bytes.dropLast().lastIndex(of: 10),
            bytes[(start + 1)...].starts(with: "end ".utf8),
            let (sum, rest) = Input.decimal(bytes[(start + 5)...]), rest.elementsEqual([10]),
            sum == StateText.checksum(bytes[..<(start + 5)])
        else { return nil }
        let lines = bytes[...start].split(separator: 10)
        guard let header = lines.first, TreeState.stateHeader.withUTF8Buffer({ header.elementsEqual($0) }) else {
            return nil
        }
        var records: [Record] = []
        for line in lines.dropFirst() {
            let parts = line.split(separator: 32)
            let words = parts.dropFirst().map { StateText.unescape($0) }
            guard let keyword = parts.first, !words.contains(where: { $0 == nil }) else { return nil }
            records.append(Record(keyword: keyword, words: words.compactMap { $0 }))
        }
        self.records = records
    }
}

/// Bringing a tree to what a state file says. Before anybody uses the tree.
extension TreeState {
    /// Records that this tree does not know, or that name what the machine no longer has, are passed over.
    func restore(_ state: StateRecords) {
        var reader = Restoration(state: self)
        for record in state.records { reader.take(record) }
        // Whoever has begun since is a child of somebody restored, or of nobody.
        follow()
        for hierarchy in hierarchies {
            hierarchy.root.forEachInSubtree {
                if $0.isFreezing {
                    unfrozen.insert($0.id)
                    applyFreezer(to: $0)
                }
            }
            if hierarchy.controllers.contains(.cpuset) { applyProcessors(to: hierarchy.root) }
        }
        changedNodes = []
        needsSaving = false
    }
}

private struct Restoration {
    let state: TreeState
    var hierarchy: Hierarchy?
    var group: Group?
    var isSameVersion = false
    var isSameBoot = false

    mutating func take(_ record: StateRecords.Record) {
        switch String(decoding: record.keyword, as: UTF8.self) {
        case "version": isSameVersion = record.string(0) == (state.configuration.version == .v1 ? "v1" : "v2")
        case "boot": isSameBoot = record.string(0) == state.processTable.bootIdentity
        case "seen":
            if let pid = record.number(0, as: Int32.self) { see(pid, record.number(1)) }
        case "hierarchy":
            group = nil
            hierarchy = isSameVersion ? state.hierarchies.first { $0.name == record.string(0) } : nil
        case "agent": hierarchy?.releaseAgent = record.words.first ?? []
        case "group": group = make(record)
        default: if let group { set(record, group) }
        }
    }

    /// The process that the record means, where it lives still.
    @discardableResult
    private func see(_ pid: Int32, _ start: UInt64?) -> KnownProcess? {
        guard isSameBoot, let start else { return nil }
        if let process = state.known[pid] { return process.start == start ? process : nil }
        guard let process = state.processTable.process(pid), process.start == start else { return nil }
        state.known[pid] = KnownProcess(process, seen: 0)
        return state.known[pid]
    }

    /// Parents come before their children; a root is there already.
    private func make(_ record: StateRecords.Record) -> Group? {
        guard let hierarchy, let path = record.words.first else { return nil }
        let names = path.split(separator: 47).map { Array($0) }
        guard let name = names.last else { return hierarchy.root }
        var parent: Group = hierarchy.root
        for name in names.dropLast() {
            guard let child = parent.children[name] else { return nil }
            parent = child
        }
        guard parent.children[name] == nil, !state.isFull, name.count <= 255,
            let created = record.number(1, as: Int64.self),
            let uid = record.number(2, as: UInt32.self), let gid = record.number(3, as: UInt32.self),
            let mode = record.number(4, as: UInt32.self)
        else { return nil }
        return state.makeGroup(
            name, in: parent, of: hierarchy, uid: uid, gid: gid, mode: mode & 0o7777, created: created)
    }

    private func set(_ record: StateRecords.Record, _ group: Group) {
        switch String(decoding: record.keyword, as: UTF8.self) {
        case "set":
            guard let setting = Setting.allCases.first(where: { "\($0)" == record.string(0) }),
                let value: UInt64 = record.number(1)
            else { return }
            if setting == .frozen { group.setFrozen(value != 0) } else { group[setting] = value }
        case "processors": group.processors = list(record).intersection(state.figures.processors)
        case "nodes": group.memoryNodes = list(record).intersection(state.figures.memoryNodes)
        case "control":
            group.subtreeControl = CgroupControllers(rawValue: record.number(0) ?? 0).intersection(group.controllers)
        case "device":
            guard let setting = DeviceSetting.allCases.first(where: { "\($0)" == record.string(0) }),
                let major = record.number(1, as: UInt32.self), let minor = record.number(2, as: UInt32.self),
                let value: UInt64 = record.number(3)
            else { return }
            group.devices[setting, default: [:]][CgroupDevice(major: major, minor: minor)] = value
        case "hugepages":
            guard let setting = HugePageSetting.allCases.first(where: { "\($0)" == record.string(0) }),
                let size: UInt64 = record.number(1), let value: UInt64 = record.number(2)
            else { return }
            group.hugePages[setting, default: [:]][size] = value
        case "priority":
            guard let interface = record.string(0), let priority: UInt32 = record.number(1) else { return }
            group.interfacePriorities[interface] = priority
        case "devices": group.deviceRules = DeviceRules(allowsByDefault: record.string(0) == "allow")
        case "rule":
            guard let rule = record.words.first, case .some(let exception)? = try? DeviceRules.parse(rule[...]) else {
                return
            }
            group.deviceRules.exceptions.append(exception)
        case "event":
            guard let word = record.words.first, let event = CgroupEvent(word: word) else { return }
            group.ownEvents[event] = record.number(1)
            group.events[event] = record.number(2)
        case "peak": group.tasksPeak = record.number(0) ?? 0
        case "figures": state.figures.restore(group.id, record.string(0) ?? "")
        case "member": join(record, group)
        case "thread": joinThread(record, group)
        default: setAttributes(record, group)
        }
    }

    private func list(_ record: StateRecords.Record) -> CgroupSet {
        (try? CgroupSet(list: ArraySlice(record.words.first ?? []), limit: 4096)) ?? CgroupSet()
    }

    private func join(_ record: StateRecords.Record, _ group: Group) {
        guard let pid = record.number(0, as: Int32.self), let process = see(pid, record.number(1)),
            group.hierarchy.groupOfProcess[pid] == nil
        else { return }
        state.join(pid, process, group, inherited: false)
    }

    private func joinThread(_ record: StateRecords.Record, _ group: Group) {
        guard let tid = record.number(0, as: Int32.self), let pid = record.number(1, as: Int32.self),
            let process = see(pid, record.number(2)), state.processTable.processOfThread(tid) == pid,
            group.hierarchy.groupOfThread[tid] == nil
        else { return }
        state.join(thread: tid, of: pid, process, group)
    }

    private func setAttributes(_ record: StateRecords.Record, _ group: Group) {
        guard let name = record.string(0), let file = name.isEmpty ? 0 : group.hierarchy.file(named: name) else {
            return
        }
        switch String(decoding: record.keyword, as: UTF8.self) {
        case "attributes":
            group.overrides[file] = AttributeOverrides(
                mode: record.number(1), uid: record.number(2), gid: record.number(3), accessed: record.number(4),
                modified: record.number(5), changed: record.number(6))
        case "extended" where record.words.count == 3:
            group.extendedAttributes[file, default: []].append((record.words[1], record.words[2]))
        default: break
        }
    }
}
