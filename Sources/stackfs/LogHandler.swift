import CLinux
import Glibc
import Logging
import Synchronization

/// Writes plain lines: to standard error while somebody is there to read them, to syslog(3) in the background.
struct CommandLog: LogHandler {
    /// Where lines go. One for the whole process, as its change at the going to the background concerns every logger.
    enum Destination: Int {
        case standardError
        /// In the background, the mount not ready yet: notices and worse are shown as well.
        case both
        case system
    }

    private static let destination = Atomic<Int>(Destination.standardError.rawValue)

    static func send(to destination: Destination) {
        if destination != .standardError {
            openlog(programName, LOG_PID, Int32(LOG_DAEMON))
        }
        Self.destination.store(destination.rawValue, ordering: .relaxed)
    }

    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let destination = Destination(rawValue: Self.destination.load(ordering: .relaxed)) ?? .standardError
        if destination != .system, destination == .standardError || event.level >= .notice {
            sayOnStandardError("\(event.message)")
        }
        if destination != .standardError { Self.sendToSystem(event.level, "\(event.message)") }
    }

    private static func sendToSystem(_ level: Logger.Level, _ message: String) {
        message.withCString { text in
            withVaList([text]) { vsyslog(level.priority, "%s", $0) }
        }
    }

    /// openlog(3) keeps the pointer.
    private static var programName: UnsafePointer<CChar> {
        let name: StaticString = "stackfs"
        return UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

extension Logger.Level {
    /// The priority of syslog(3).
    fileprivate var priority: Int32 {
        switch self {
        case .trace, .debug: return LOG_DEBUG
        case .info: return LOG_INFO
        case .notice: return LOG_NOTICE
        case .warning: return LOG_WARNING
        case .error: return LOG_ERR
        case .critical: return LOG_CRIT
        }
    }
}

/// Writes `stackfs: message` in one write(2), so that lines of several threads do not mix.
func sayOnStandardError(_ message: String) { say("stackfs: \(message)\n", on: 2) }

/// Writes a text to a descriptor.
func say(_ text: String, on descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)
        while !rest.isEmpty {
            let written = linux_write(descriptor, rest.baseAddress!, rest.count)
            guard written > 0 || written == Int64(-EINTR) else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(max(0, Int(written))))
        }
    }
}
