import ArgumentParser
import CLinux
import FuseKernel
import Glibc
import SystemCalls

/// `stackfs umount`: ends a mount, or clears one whose daemon is dead.
struct UmountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "umount", abstract: "Unmount, also what a killed daemon has left behind.")

    @Flag(name: .shortAndLong, help: "Detach a mount that is in use; it ends when its last user leaves.")
    var lazy = false

    @Flag(
        name: .shortAndLong, help: "End the connection: whoever waits for a daemon that hangs or is dead gets an error."
    )
    var force = false

    @Argument(help: ArgumentHelp("The mount point.", valueName: "mount"))
    var mount: String

    func run() throws {
        let path = lexicallyAbsolute(mount)
        guard let entry = MountTable.read().mount(at: path) else {
            var status = linux_statx()
            let found = linux_statx_at(LINUX_AT_FDCWD, path, LINUX_AT_SYMLINK_NOFOLLOW, 0, &status)
            if found == Int64(-ENOENT) { throw Failure.unable("\(mount) does not exist") }
            throw Failure.unable("\(mount) is not a mount point: nothing is mounted there")
        }
        guard entry.isFuse else {
            throw Failure.unable("\(mount) is a mount of type \(entry.type), not of stackfs: use umount(8)")
        }
        if geteuid() != 0, let owner = entry.owner, owner != geteuid() {
            throw Failure.unable("\(mount) was mounted by user \(owner): only that user and root may unmount it")
        }
        // Whoever looks at every mount in passing holds one for a moment only: half a second for that.
        for attempt in 1...10 {
            do throws(Errno) {
                return try Mount.unmount(at: path, lazily: lazy, forcibly: force)
            } catch {
                let users = error == .ebusy ? MountUsers.find(path) : ""
                if error != .ebusy || !users.isEmpty || attempt == 10 { throw failure(error, path, users: users) }
                usleep(50_000)
            }
        }
    }

    private func failure(_ error: Errno, _ path: String, users: String) -> Failure {
        switch error {
        case .ebusy:
            let names = users.isEmpty ? "by a process that cannot be seen from here, or by a mount inside it" : users
            return .unable(
                "\(path) is in use \(names): end that, or detach the mount with `stackfs umount -l \(path)`")
        case .eperm:
            if force { return .unable("\(path) may be forced by root only: try without -f") }
            return .unable("\(path) may not be unmounted by \(Checks.user): fusermount3 is missing, or run as root")
        default: return .unable("\(path) cannot be unmounted: \(error)")
        }
    }
}

/// Who keeps a mount busy, as far as /proc shows it: by working directory, root, program or open file.
enum MountUsers {
    /// "by bash (12) and vim (13)", "" if nobody is found. No daemon is asked: links of /proc hold paths as text.
    static func find(_ path: String) -> String {
        var users: [String] = []
        for process in names(in: "/proc").compactMap({ Int32($0) }) where uses(process, path) {
            let name = contents(of: "/proc/\(process)/comm")?.split(separator: "\n").first ?? "process"
            users.append("\(name) (\(process))")
        }
        guard users.count > 1 else { return users.first.map { "by \($0)" } ?? "" }
        let more = users.count > 5 ? " and \(users.count - 5) more" : ""
        return "by " + users.prefix(5).joined(separator: ", ") + more
    }

    private static func uses(_ process: Int32, _ path: String) -> Bool {
        let directory = "/proc/\(process)"
        let links =
            ["cwd", "root", "exe"].map { "\(directory)/\($0)" }
            + names(in: "\(directory)/fd").map { "\(directory)/fd/\($0)" }
        return links.contains { link(at: $0).map { $0 != "/" && isInside($0, path) } ?? false }
    }

    private static func link(at path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBytes {
            linux_readlinkat(LINUX_AT_FDCWD, path, $0.baseAddress!, $0.count)
        }
        return length > 0 ? String(decoding: buffer[..<Int(length)], as: UTF8.self) : nil
    }

    private static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
