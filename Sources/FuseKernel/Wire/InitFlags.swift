/// The capability bits that kernel and daemon exchange in INIT: `flags` in the low half, `flags2` in the high half
/// (FUSE_INIT_EXT, 7.36).
public struct InitFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let asyncRead = InitFlags(bit: 0)
    public static let posixLocks = InitFlags(bit: 1)
    public static let atomicTruncate = InitFlags(bit: 3)
    public static let exportSupport = InitFlags(bit: 4)
    public static let bigWrites = InitFlags(bit: 5)
    public static let dontMask = InitFlags(bit: 6)
    public static let spliceWrite = InitFlags(bit: 7)
    public static let spliceMove = InitFlags(bit: 8)
    public static let spliceRead = InitFlags(bit: 9)
    public static let flockLocks = InitFlags(bit: 10)
    public static let ioctlDirectories = InitFlags(bit: 11)
    public static let autoInvalidateData = InitFlags(bit: 12)
    public static let readdirplus = InitFlags(bit: 13)
    public static let readdirplusAuto = InitFlags(bit: 14)
    public static let asyncDirectIO = InitFlags(bit: 15)
    public static let writebackCache = InitFlags(bit: 16)
    public static let noOpen = InitFlags(bit: 17)
    public static let parallelDirectoryOperations = InitFlags(bit: 18)
    public static let handleKillPrivileges = InitFlags(bit: 19)
    public static let posixACL = InitFlags(bit: 20)
    public static let abortError = InitFlags(bit: 21)
    public static let maxPages = InitFlags(bit: 22)
    public static let cacheSymlinks = InitFlags(bit: 23)
    public static let noOpendir = InitFlags(bit: 24)
    public static let explicitInvalidateData = InitFlags(bit: 25)
    public static let mapAlignment = InitFlags(bit: 26)
    public static let submounts = InitFlags(bit: 27)
    public static let handleKillPrivilegesV2 = InitFlags(bit: 28)
    public static let setxattrExtended = InitFlags(bit: 29)
    public static let initExtended = InitFlags(bit: 30)
    public static let securityContext = InitFlags(bit: 32)
    public static let inodeDAX = InitFlags(bit: 33)
    public static let createSupplementaryGroup = InitFlags(bit: 34)
    public static let expireOnly = InitFlags(bit: 35)
    public static let directIOAllowMmap = InitFlags(bit: 36)
    public static let passthrough = InitFlags(bit: 37)
    public static let noExportSupport = InitFlags(bit: 38)
    public static let resend = InitFlags(bit: 39)
    public static let allowIdmap = InitFlags(bit: 40)
    public static let overIOUring = InitFlags(bit: 41)
    public static let requestTimeout = InitFlags(bit: 42)

    private init(bit: UInt64) { self.init(rawValue: 1 << bit) }

    var low: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    var high: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
}
