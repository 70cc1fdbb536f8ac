import SystemCalls

/// What is written for single disks: "MAJOR:MINOR VALUES".
enum DeviceLimits {
    /// The disk, and what follows it (blkg_conf_prep of block/blk-cgroup.c).
    /// - Throws: EINVAL, ENODEV where there is no such disk.
    static func parse(_ input: Input, _ group: Group) throws(Errno) -> (CgroupDevice, ArraySlice<UInt8>) {
        let text = input.bytes.drop { Input.isSpace($0) }
        guard let (major, rest) = Input.decimal(text), rest.first == 58,
            let (minor, end) = Input.decimal(rest.dropFirst().drop { Input.isSpace($0) }), let blank = end.first,
            Input.isSpace(blank)
        else { throw .einval }
        guard let major = UInt32(exactly: major), let minor = UInt32(exactly: minor) else { throw .enodev }
        let device = CgroupDevice(major: major, minor: minor)
        if !group.state.figures.hasDisk(device) { throw .enodev }
        return (device, end.drop { Input.isSpace($0) })
    }

    /// "default 100", or "100".
    static func weight(_ input: Input, most: UInt64, else error: Errno) throws(Errno) -> UInt64 {
        var text = input.stripped
        if text.starts(with: "default ".utf8) { text = text.dropFirst(8).drop { Input.isSpace($0) } }
        guard let (weight, _) = Input.decimal(text) else { throw .einval }
        if !(1...most).contains(weight) { throw error }
        return weight
    }

    /// The same, and for a disk "8:0 100" or "8:0 default".
    static func writeWeight(_ group: Group, _ input: Input, _ setting: Setting, _ deviceSetting: DeviceSetting)
        throws(Errno)
    {
        if !input.bytes.contains(58) {
            group[setting] = try weight(input, most: 10000, else: .einval)
            return
        }
        let (device, rest) = try parse(input, group)
        if Input.strip(rest).elementsEqual("default".utf8) {
            group.devices[deviceSetting]?[device] = nil
            return
        }
        guard let (weight, _) = Input.decimal(rest), (1...10000).contains(weight) else { throw .einval }
        group.devices[deviceSetting, default: [:]][device] = weight
    }

    static func showWeights(_ group: Group, _ setting: Setting, _ deviceSetting: DeviceSetting, _ text: inout Text) {
        text.line("default", group[setting])
        for (device, weight) in (group.devices[deviceSetting] ?? [:]).sorted(by: { $0.key < $1.key }) {
            text.append(device)
            text.space()
            text.line(weight)
        }
    }
}

extension Text {
    mutating func append(_ device: CgroupDevice) {
        append(UInt64(device.major))
        append(":" as StaticString)
        append(UInt64(device.minor))
    }
}
