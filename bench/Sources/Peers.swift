import Foundation

/// File systems of the same kind, each at the best settings that its documentation names and with caching off.
struct Peers {
    /// Those that are installed.
    private(set) var systems: [System] = []
    /// Those that are not, and how to get them.
    private(set) var absent: [String] = []
    /// Names and versions, for the report.
    private(set) var versions: [String: String] = [:]

    init(scratch: Scratch) throws {
        let (lower, mount) = (scratch.lower, scratch.mountPoint)
        addBindfs(lower, mount)
        addMergerfs(lower, mount)
        addFuseOverlayfs(scratch)
        addUnionfs(lower, mount)
        try addPassthroughLL(scratch)
    }

    private mutating func add(
        _ name: String, _ program: String, best: [String], uncached: [String],
        prepare: (@Sendable () throws -> Void)? = nil
    ) {
        systems.append(System(name, [program] + best, prepare: prepare))
        systems.append(System(name + "-nocache", [program] + uncached, prepare: prepare))
        guard let (_, text) = try? Subprocess.output(of: [program, "--version"], seconds: 5) else { return }
        // Some say more than they were asked.
        let lines = text.split(separator: "\n")
        versions[name] = (lines.first { $0.hasPrefix(name) } ?? lines.first { $0.contains("version") })
            .map(String.init)
    }

    private mutating func addBindfs(_ lower: String, _ mount: String) {
        guard let program = Subprocess.find("bindfs") else {
            return absent.append("bindfs: apt-get install bindfs")
        }
        func arguments(_ options: String) -> [String] { ["-f", "--multithreaded", "-o", options, lower, mount] }
        let best = "attr_timeout=3600,entry_timeout=3600,negative_timeout=3600,kernel_cache,big_writes"
        add("bindfs", program, best: arguments(best), uncached: arguments("attr_timeout=0,entry_timeout=0"))
    }

    private mutating func addMergerfs(_ lower: String, _ mount: String) {
        guard let program = Subprocess.find("mergerfs") else {
            return absent.append("mergerfs: apt-get install mergerfs")
        }
        let common = "minfreespace=0,category.create=ff,allow_other"
        let best =
            "cache.files=auto-full,cache.writeback=true,cache.attr=3600,cache.entry=3600,cache.negative_entry=3600,"
            + "cache.readdir=true,cache.symlinks=true,dropcacheonclose=false,security_capability=false"
        let uncached = "cache.files=partial,cache.attr=0,cache.entry=0,cache.negative_entry=0"
        add(
            "mergerfs", program, best: ["-f", "-o", "\(common),\(best)", lower, mount],
            uncached: ["-f", "-o", "\(common),\(uncached)", lower, mount])
    }

    private mutating func addFuseOverlayfs(_ scratch: Scratch) {
        guard let program = Subprocess.find("fuse-overlayfs") else {
            return absent.append("fuse-overlayfs: apt-get install fuse-overlayfs")
        }
        let (empty, work) = (scratch.beside + "/empty", scratch.beside + "/overlay-work")
        let layers = "lowerdir=\(empty),upperdir=\(scratch.lower),workdir=\(work),allow_other"
        add(
            "fuse-overlayfs", program,
            best: ["-f", "-o", "\(layers),timeout=3600,static_nlink,noacl", scratch.mountPoint],
            uncached: ["-f", "-o", "\(layers),timeout=0", scratch.mountPoint]
        ) {
            for path in [empty, work] { mkdir(path, 0o755) }
        }
    }

    private mutating func addUnionfs(_ lower: String, _ mount: String) {
        guard let program = Subprocess.find("unionfs") ?? Subprocess.find("unionfs-fuse") else {
            return absent.append("unionfs-fuse: apt-get install unionfs-fuse")
        }
        func arguments(_ options: String) -> [String] { ["-f", "-o", "allow_other,\(options)", "\(lower)=RW", mount] }
        let best = "attr_timeout=3600,entry_timeout=3600,negative_timeout=3600,kernel_cache,big_writes"
        add(
            "unionfs-fuse", program, best: arguments(best), uncached: arguments("attr_timeout=0,entry_timeout=0"))
    }

    /// The example of libfuse, compiled here.
    private mutating func addPassthroughLL(_ scratch: Scratch) throws {
        let source = "/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c"
        guard FileManager.default.fileExists(atPath: source), let compiler = Subprocess.find("cc") else {
            return absent.append("passthrough_ll: apt-get install libfuse3-dev gcc pkg-config")
        }
        let program = scratch.directory + "/passthrough_ll"
        let command = "\(compiler) -O2 -w \(source) -o \(program) $(pkg-config --cflags --libs fuse3)"
        let (status, text) = try Subprocess.output(of: ["sh", "-c", command])
        guard status == 0 else { return absent.append("passthrough_ll: does not compile: \(text.prefix(200))") }
        func arguments(_ options: String) -> [String] {
            ["-f", "-o", "source=\(scratch.lower),\(options)", scratch.mountPoint]
        }
        add(
            "passthrough_ll", program, best: arguments("cache=always,writeback,timeout=3600"),
            uncached: arguments("cache=never,timeout=0"))
    }
}
