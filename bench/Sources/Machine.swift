import Foundation

/// Where the figures were taken.
struct Machine: Codable {
    var kernel = ""
    var processor = ""
    var cores = 0
    var memoryBytes: UInt64 = 0
    var distribution = ""
    /// The kernel has it; systems that take it are measured with it enabled.
    var fuseOverRings = false
    var date = ""
    /// In the order of the report.
    var systems: [String] = []
    var rows: [String] = []
    var commands: [String: String] = [:]
    var versions: [String: String] = [:]
    var absentPeers: [String] = []

    init() {
        func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
        func value(_ key: String, _ path: String, _ separator: Character) -> String {
            let line = text(path).split(separator: "\n").first { $0.hasPrefix(key) }
            return line?.split(separator: separator, maxSplits: 1).last?.trimmingCharacters(in: [" ", "\t", "\""]) ?? ""
        }
        kernel = text("/proc/sys/kernel/osrelease").trimmingCharacters(in: .whitespacesAndNewlines)
        processor = value("model name", "/proc/cpuinfo", ":")
        cores = ProcessInfo.processInfo.activeProcessorCount
        memoryBytes = ProcessInfo.processInfo.physicalMemory
        distribution = value("PRETTY_NAME", "/etc/os-release", "=")
        fuseOverRings = !text("/sys/module/fuse/parameters/enable_uring").isEmpty
        date = ISO8601DateFormatter().string(from: Date())
    }
}
