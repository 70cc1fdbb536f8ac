import Glibc
import SystemCalls

/// A directory tree of plain files in the place of control groups: what is written stays, and nothing else counts.
final class PlainTree {
    let path: String

    init() throws {
        var template = Array("/tmp/stackfs-top-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno.last }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit { remove("") }

    /// Makes a group, those on the way to it too, and its files.
    func group(_ name: String, _ files: [String: String]) throws {
        var directory = path
        for part in name.split(separator: "/") {
            directory += "/\(part)"
            if mkdir(directory, 0o755) != 0, errno != EEXIST { throw Errno.last }
        }
        for (file, text) in files { try write("\(directory)/\(file)", text) }
    }

    /// A group of v2, with the file that each has.
    func unified(_ name: String, _ files: [String: String] = [:]) throws {
        try group(name, ["cgroup.procs": "", "cgroup.controllers": "", "cgroup.threads": ""].merging(files) { $1 })
    }

    /// A group of v1 in one hierarchy.
    func legacy(_ name: String, _ files: [String: String] = [:]) throws {
        try group(name, ["cgroup.procs": "", "tasks": ""].merging(files) { $1 })
    }

    private func write(_ path: String, _ text: String) throws {
        guard let file = fopen(path, "w") else { throw Errno.last }
        fputs(text, file)
        fclose(file)
    }

    /// Removes a file or a directory with all in it.
    func remove(_ name: String) {
        let path = name.isEmpty ? self.path : "\(self.path)/\(name)"
        // First, as a symbolic link to a directory is no directory.
        if unlink(path) == 0 { return }
        guard let listing = opendir(path) else { return }
        while let entry = readdir(listing) {
            let child = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if child != ".", child != ".." { remove(name.isEmpty ? child : "\(name)/\(child)") }
        }
        closedir(listing)
        rmdir(path)
    }
}
