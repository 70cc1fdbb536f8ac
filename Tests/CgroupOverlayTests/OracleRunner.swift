import CgroupOverlay
import Glibc
import SystemCalls

/// Runs the commands that a real kernel has answered against a tree, and prints what it answers in the same words.
///
/// What only a mount can answer is left out: statfs (F), the seek of an open file (K), and poll with inotify (EV).
struct OracleRunner {
    let harness: TreeHarness
    /// What stands for the tree's root in the commands.
    let prefix: String

    /// The lines, without those of commands that need a mount.
    func run(_ commands: String) throws -> [String] {
        try commands.split(separator: "\n").flatMap { line -> [String] in
            if line.hasPrefix("#") { return [String(line)] }
            let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            return try run(words[0], words[1], words.count > 2 ? words[2] : "")
        }
    }

    private func run(_ command: String, _ path: String, _ value: String) throws -> [String] {
        let inside = String(path.dropFirst(prefix.count))
        switch command {
        case "W": return [write(path, value)]
        case "T": return ["[creat|trunc] " + write(path, value)]
        case "O": return ["[off 3] " + write(path, value)]
        case "A": return ["[append] " + write(path, value)]
        case "ME": return [write(path, "\(harness.caller.thread)")]
        case "ZOMB":
            let pid = harness.processes.add(parent: harness.caller.thread)
            harness.processes.exit(pid)
            defer { harness.processes.reap(pid) }
            return ["[zombie] " + write(path, "\(pid)")]
        case "R":
            let text = harness.read(inside)
            if text == "ENOENT" { return ["R \(path) open=ENOENT"] }
            let isError = text.hasPrefix("E") && !text.hasSuffix("\n")
            return [isError ? "R \(path) \(text) ''" : "R \(path) OK '\(escape(text, 400))'"]
        case "S": return [status(path, inside)]
        case "D": return ["mkdir \(path) = \(harness.makeDirectory(inside))"]
        case "X": return ["rmdir \(path) = \(harness.removeDirectory(inside))"]
        case "MV":
            return ["rename \(path) \(value) = \(harness.rename(inside, String(value.dropFirst(prefix.count))))"]
        case "U": return ["unlink \(path) = \(name(of: harness.tree.refusal(of: .unlink)))"]
        case "LN": return ["link \(path) \(value) = \(name(of: harness.tree.refusal(of: .link)))"]
        case "SY": return ["symlink \(path) \(value) = \(name(of: harness.tree.refusal(of: .symlink)))"]
        case "C": return ["creat \(path) = \(name(of: harness.tree.refusal(of: .create)))"]
        case "TR", "UT": return ["\(command == "TR" ? "truncate" : "utimes") \(path) = \(change(inside) { _ in })"]
        case "CH": return ["chmod \(path) \(value) = \(change(inside) { $0.mode = UInt32(value, radix: 8) })"]
        case "CO": return ["chown \(path) = \(change(inside) { $0.uid = UInt32(value) })"]
        case "XA":
            let result = harness.attempt { () throws(Errno) in
                let node = try harness.node(inside)
                try TreeHarness.withBytes(value) { name throws(Errno) in
                    try TreeHarness.withBytes("1") { one throws(Errno) in
                        try harness.tree.setAttribute(name, of: node, to: one, flags: 0)
                    }
                }
            }
            return ["setxattr \(path) \(value) = \(result)"]
        case "P": return [pread(path, inside, value)]
        case "LS": return try list(inside, Int(value) ?? 300)
        default: return []
        }
    }

    private func change(_ path: String, _ body: (inout CgroupAttributeChange) -> Void) -> String {
        harness.attempt { () throws(Errno) in
            var change = CgroupAttributeChange()
            body(&change)
            _ = try harness.tree.setAttributes(of: try harness.node(path), change)
        }
    }

    private func write(_ path: String, _ value: String) -> String {
        let text = unescape(value)
        let inside = String(path.dropFirst(prefix.count))
        let result = text.isEmpty && (try? harness.node(inside)) != nil ? "OK" : harness.write(inside, text)
        if result == "ENOENT" && (try? harness.node(inside)) == nil { return "W \(path) '\(value)' open=ENOENT" }
        return "W \(path) '\(value)' = \(result == "OK" ? text.utf8.count : -1) \(result)"
    }

    private func status(_ path: String, _ inside: String) -> String {
        do throws(Errno) {
            let status = try harness.tree.attributes(of: try harness.node(inside))
            return "S \(path) mode=\(String(status.mode, radix: 8)) size=\(status.size) nlink=\(status.links)"
                + " blocks=0 blksize=4096 ino=\(status.inode) uid=\(status.uid)"
        } catch {
            return "S \(path) \(name(of: error))"
        }
    }

    private func pread(_ path: String, _ inside: String, _ value: String) -> String {
        let numbers = value.split(separator: " ").compactMap { Int($0) }
        let (offset, count) = (numbers[0], numbers[1])
        do throws(Errno) {
            let handle = try harness.tree.open(try harness.node(inside), flags: O_RDONLY, harness.caller)
            defer { harness.tree.release(handle) }
            let bytes = try harness.tree.read(handle, at: UInt64(offset), count: count)
            let text = escape(String(decoding: bytes, as: UTF8.self), 80)
            return "pread \(path) off=\(offset) len=\(count) -> \(bytes.count)  '\(text)'"
        } catch {
            return "pread \(path) off=\(offset) len=\(count) -> -1 \(name(of: error)) ''"
        }
    }

    private func list(_ path: String, _ most: Int) throws -> [String] {
        try harness.list(path).sorted().compactMap { name -> String? in
            let status = try harness.tree.attributes(of: try harness.node("\(path)/\(name)"))
            if status.mode & S_IFMT == S_IFDIR { return nil }
            let text = harness.read("\(path)/\(name)")
            let isError = text.hasPrefix("E") && !text.hasSuffix("\n")
            let head = "L \(name) \(String(status.mode & 0o7777, radix: 8)) sz=\(status.size) "
            return head + (isError ? "read:\(text) ''" : "'\(escape(text, most))'")
        }
    }

    private func escape(_ text: String, _ most: Int) -> String {
        let bytes = Array(text.utf8)
        let start = String(decoding: bytes.prefix(most), as: UTF8.self).replacing("\n", with: "\\n")
        return bytes.count > most ? "\(start)...(\(bytes.count) bytes)" : start
    }

    private func unescape(_ text: String) -> String { text.replacing("\\n", with: "\n").replacing("\\s", with: " ") }
}
