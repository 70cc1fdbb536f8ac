/// Writing down what a tree keeps: groups, settings, events, and who is where.
extension TreeState {
    static let stateHeader: StaticString = "stackfs cgroup state 1"

    /// The whole of it as a state file has it.
    func snapshot() -> [UInt8] {
        var text = Text()
        text.line(Self.stateHeader)
        text.record("version", Array((configuration.version == .v1 ? "v1" : "v2").utf8))
        text.record("boot", Array(processTable.bootIdentity.utf8))
        // Whoever begins while nobody looks inherits from its parent; whoever is listed here does not.
        for (pid, process) in known { text.record("seen", decimalBytes(pid), decimalBytes(process.start)) }
        for hierarchy in hierarchies {
            text.record("hierarchy", Array(hierarchy.name.utf8))
            if !hierarchy.releaseAgent.isEmpty { text.record("agent", hierarchy.releaseAgent) }
            hierarchy.root.forEachInSubtree { snapshot($0, &text) }
        }
        text.append("end " as StaticString)
        text.line(StateText.checksum(text.bytes))
        return text.bytes
    }

    private func snapshot(_ group: Group, _ text: inout Text) {
        text.record(
            "group", group.path, decimalBytes(group.created), decimalBytes(group.uid), decimalBytes(group.gid),
            decimalBytes(group.mode))
        for setting in Setting.allCases where group[setting] != setting.standard {
            text.record("set", Array("\(setting)".utf8), decimalBytes(group[setting]))
        }
        if !group.isRoot {
            snapshot("processors", group.processors, &text)
            snapshot("nodes", group.memoryNodes, &text)
        }
        if !group.subtreeControl.isEmpty { text.record("control", decimalBytes(group.subtreeControl.rawValue)) }
        for (setting, values) in group.devices {
            for (device, value) in values {
                text.record(
                    "device", Array("\(setting)".utf8), decimalBytes(device.major), decimalBytes(device.minor),
                    decimalBytes(value))
            }
        }
        for (setting, values) in group.hugePages {
            for (size, value) in values {
                text.record("hugepages", Array("\(setting)".utf8), decimalBytes(size), decimalBytes(value))
            }
        }
        for (interface, priority) in group.interfacePriorities {
            text.record("priority", Array(interface.utf8), decimalBytes(priority))
        }
        snapshotRules(group, &text)
        for (event, count) in group.events where count > 0 {
            text.record("event", event.word, decimalBytes(group.ownEvents[event] ?? 0), decimalBytes(count))
        }
        if group.tasksPeak > 0 { text.record("peak", decimalBytes(group.tasksPeak)) }
        if let figures = figures.saved(of: group.id) { text.record("figures", Array(figures.utf8)) }
        snapshotAttributes(group, &text)
        for pid in group.processes {
            if let process = known[pid] { text.record("member", decimalBytes(pid), decimalBytes(process.start)) }
        }
        for tid in group.threads {
            guard let pid = group.hierarchy.groupOfThread[tid]?.pid, let process = known[pid] else { continue }
            text.record("thread", decimalBytes(tid), decimalBytes(pid), decimalBytes(process.start))
        }
    }

    private func snapshot(_ keyword: StaticString, _ set: CgroupSet, _ text: inout Text) {
        if set.isEmpty { return }
        var list = Text()
        list.append(set)
        text.record(keyword, list.bytes)
    }

    private func snapshotRules(_ group: Group, _ text: inout Text) {
        guard group.hierarchy.controllers.contains(.devices), group.deviceRules != DeviceRules() else { return }
        text.record("devices", Array((group.deviceRules.allowsByDefault ? "allow" : "deny").utf8))
        for exception in group.deviceRules.exceptions {
            var rule = Text()
            Devices.show(exception, &rule)
            text.record("rule", Array(rule.bytes.dropLast()))
        }
    }

    /// Of a file, its name; of the directory, nothing.
    private func snapshotAttributes(_ group: Group, _ text: inout Text) {
        func name(_ file: Int) -> [UInt8] { file == 0 ? [] : Array(group.hierarchy.rows[file - 1].name.utf8) }
        func number(_ value: (some BinaryInteger)?) -> [UInt8] { value.map { decimalBytes($0) } ?? [] }
        for (file, overrides) in group.overrides {
            text.record(
                "attributes", name(file), number(overrides.mode), number(overrides.uid), number(overrides.gid),
                number(overrides.accessed), number(overrides.modified), number(overrides.changed))
        }
        for (file, attributes) in group.extendedAttributes {
            for attribute in attributes { text.record("extended", name(file), attribute.name, attribute.value) }
        }
    }
}

extension CgroupEvent {
    /// Its name in a state file; the size of huge pages after a colon.
    var word: [UInt8] {
        if case .hugePagesMax(let size) = self { return Array("hugePagesMax:\(size)".utf8) }
        return Array("\(self)".utf8)
    }

    init?(word: [UInt8]) {
        let text = String(decoding: word, as: UTF8.self)
        let plain: [CgroupEvent] = [
            .memoryLow, .memoryHigh, .memoryMax, .oom, .oomKill, .oomGroupKill, .swapHigh, .swapMax, .swapFail,
            .pidsMax,
        ]
        if let event = plain.first(where: { "\($0)" == text }) {
            self = event
        } else if text.hasPrefix("hugePagesMax:"), let size = UInt64(text.dropFirst(13)) {
            self = .hugePagesMax(size: size)
        } else {
            return nil
        }
    }
}
