import CLoops
import Foundation

/// A bar on a terminal; a line a workload elsewhere.
struct Progress {
    private let total: Int
    private var done = 0
    private let start = bench_now()
    private let terminal = isatty(2) == 1

    init(total: Int) { self.total = total }

    mutating func step(_ text: String) {
        done += 1
        guard terminal else { return }
        let width = 24
        let filled = width * done / max(total, 1)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        let left = Double(bench_now() - start) / 1e9 / Double(done) * Double(total - done)
        let time = String(format: "%d:%02d", Int(left) / 60, Int(left) % 60)
        Self.say("\r\u{1b}[K[\(bar)] \(done)/\(total), \(time) left: \(text)")
    }

    /// A line that stays.
    func line(_ text: String) { Self.say(terminal ? "\r\u{1b}[K\(text)\n" : text + "\n") }

    private static func say(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
