import SystemCalls

/// What devices a group may use: everything, or nothing, and the exceptions from it (security/device_cgroup.c, whose functions
/// the names follow).
struct DeviceRules: Equatable {
    struct Exception: Equatable {
        var isBlock: Bool
        /// nil is any.
        var major: UInt32?
        var minor: UInt32?
        var access: Access
    }

    struct Access: OptionSet {
        let rawValue: UInt8
        static let make = Access(rawValue: 1)
        static let read = Access(rawValue: 2)
        static let write = Access(rawValue: 4)
    }

    enum Command: Equatable {
        case all
        case some(Exception)
    }

    var allowsByDefault = true
    var exceptions: [Exception] = []

    mutating func add(_ new: Exception) {
        if let index = exceptions.firstIndex(where: { $0.names(new) }) {
            exceptions[index].access.formUnion(new.access)
        } else {
            exceptions.append(new)
        }
    }

    mutating func remove(_ old: Exception) {
        for index in exceptions.indices.reversed() where exceptions[index].names(old) {
            exceptions[index].access.subtract(old.access)
            if exceptions[index].access.isEmpty { exceptions.remove(at: index) }
        }
    }

    /// Whether an exception of a child with such a default may stand, these rules being the parent's (verify_new_ex).
    func permit(_ exception: Exception, inChildThatAllows childAllows: Bool) -> Bool {
        if !allowsByDefault { return exceptions.contains { $0.contains(exception) } }
        return childAllows || !exceptions.contains { $0.overlaps(exception) }
    }

    /// Whether the parent, these rules, lets a child take an exception back (parent_allows_removal).
    func permitRemoval(_ exception: Exception, inChildThatAllows childAllows: Bool) -> Bool {
        !childAllows || !exceptions.contains { $0.overlaps(exception) }
    }

    /// "a", or "c 1:3 rwm".
    /// - Throws: EINVAL.
    static func parse(_ text: ArraySlice<UInt8>) throws(Errno) -> Command {
        // What follows an "a" does not count.
        if text.first == 97 { return .all }
        guard let type = text.first, type == 98 || type == 99, let blank = text.dropFirst().first, Input.isSpace(blank)
        else { throw .einval }
        var rest = text.dropFirst(2)
        let major = try number(&rest)
        guard rest.first == 58 else { throw .einval }
        rest = rest.dropFirst()
        let minor = try number(&rest)
        guard let blank = rest.first, Input.isSpace(blank) else { throw .einval }
        var access: Access = []
        for letter in rest.dropFirst().prefix(3).prefix(while: { $0 != 10 }) {
            switch letter {
            case 114: access.insert(.read)
            case 119: access.insert(.write)
            case 109: access.insert(.make)
            default: throw .einval
            }
        }
        return .some(Exception(isBlock: type == 98, major: major, minor: minor, access: access))
    }

    private static func number(_ text: inout ArraySlice<UInt8>) throws(Errno) -> UInt32? {
        if text.first == 42 {
            text = text.dropFirst()
            return nil
        }
        let count = text.prefix { (48...57).contains($0) }.count
        guard count > 0, count <= 11, let (value, rest) = Input.decimal(text), let value = UInt32(exactly: value) else {
            throw .einval
        }
        text = rest
        return value
    }
}

extension DeviceRules.Exception {
    func names(_ other: Self) -> Bool { isBlock == other.isBlock && major == other.major && minor == other.minor }

    /// Whether all of the other one is in this one (match_exception).
    func contains(_ other: Self) -> Bool {
        isBlock == other.isBlock && (major == nil || major == other.major) && (minor == nil || minor == other.minor)
            && other.access.isSubset(of: access)
    }

    /// Whether they have anything in common (match_exception_partial).
    func overlaps(_ other: Self) -> Bool {
        isBlock == other.isBlock && (major == nil || other.major == nil || major == other.major)
            && (minor == nil || other.minor == nil || minor == other.minor) && !access.isDisjoint(with: other.access)
    }
}
