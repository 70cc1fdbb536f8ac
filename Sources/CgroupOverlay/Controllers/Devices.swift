import SystemCalls

/// v1's devices controller (security/device_cgroup.c). The rules are kept exactly; no access is refused by them from outside.
enum Devices {
    static let rows: [FileRow] = [
        FileRow(
            "devices.allow", .devices, "\"c 1:3 rwm\" allows a device, \"a\" all that the parent allows.",
            write: { group, input throws(Errno) in try change(group, input, isAllowing: true) }),
        FileRow(
            "devices.deny", .devices, "The same, taking away; groups below lose it as well.",
            write: { group, input throws(Errno) in try change(group, input, isAllowing: false) }),
        FileRow(
            "devices.list", .devices, "What is allowed. Kept exactly; the kernel refuses nothing by it.",
            read: .state { group, text in
                if group.deviceRules.allowsByDefault {
                    text.line("a *:* rwm")
                    return
                }
                for exception in group.deviceRules.exceptions { show(exception, &text) }
            }),
    ]

    static func show(_ exception: DeviceRules.Exception, _ text: inout Text) {
        func number(_ value: UInt32?) {
            if let value { text.append(UInt64(value)) } else { text.append("*" as StaticString) }
        }
        text.append(exception.isBlock ? "b " : "c " as StaticString)
        number(exception.major)
        text.append(":" as StaticString)
        number(exception.minor)
        text.space()
        if exception.access.contains(.read) { text.append("r" as StaticString) }
        if exception.access.contains(.write) { text.append("w" as StaticString) }
        if exception.access.contains(.make) { text.append("m" as StaticString) }
        text.newline()
    }

    /// devcgroup_update_access().
    /// - Throws: EPERM, EINVAL.
    private static func change(_ group: Group, _ input: Input, isAllowing: Bool) throws(Errno) {
        if input.caller.uid != 0 { throw .eperm }
        let parent = group.parent
        switch try DeviceRules.parse(input.stripped) {
        case .all:
            if !group.children.isEmpty { throw .einval }
            if isAllowing {
                if parent?.deviceRules.allowsByDefault == false { throw .eperm }
                group.deviceRules = DeviceRules(
                    allowsByDefault: true, exceptions: parent?.deviceRules.exceptions ?? [])
            } else {
                group.deviceRules = DeviceRules(allowsByDefault: false)
            }
        case .some(let exception):
            let allows = group.deviceRules.allowsByDefault
            if isAllowing {
                if let rules = parent?.deviceRules {
                    let permitted =
                        allows
                        ? rules.permitRemoval(exception, inChildThatAllows: allows)
                        : rules.permit(exception, inChildThatAllows: allows)
                    if !permitted { throw .eperm }
                }
                if allows { group.deviceRules.remove(exception) } else { group.deviceRules.add(exception) }
            } else {
                if allows { group.deviceRules.add(exception) } else { group.deviceRules.remove(exception) }
                propagate(exception, below: group)
            }
        }
    }

    /// Takes a device away from all groups below, and there what their parents have no more (propagate_exception).
    private static func propagate(_ exception: DeviceRules.Exception, below root: Group) {
        root.forEachInSubtree { group in
            guard group !== root, let parent = group.parent else { return }
            let allows = group.deviceRules.allowsByDefault
            if root.deviceRules.allowsByDefault && allows {
                group.deviceRules.add(exception)
            } else {
                group.deviceRules.remove(exception)
            }
            for exception in group.deviceRules.exceptions
            where !parent.deviceRules.permit(exception, inChildThatAllows: allows) {
                group.deviceRules.remove(exception)
            }
        }
    }
}
