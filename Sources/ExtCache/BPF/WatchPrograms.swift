import CLinux
import CWatch
import Glibc
import SystemCalls

/// The programs of ebpf/watch.bpf.c in the kernel, attached; they go when this does, and with the process in any case.
final class WatchPrograms: @unchecked Sendable {
    /// A program and the kernel function it is attached to.
    private struct Hook {
        let program: String
        let function: String
        let type: Libbpf.AttachType
        /// What is not seen without it; nil if there is no watching without it.
        let loss: String?
    }
    private static let hooks = [
        Hook(program: "notified", function: "fsnotify", type: .fentry, loss: nil),
        Hook(program: "notified_of_child", function: "__fsnotify_parent", type: .fentry, loss: nil),
        Hook(program: "stored", function: "file_update_time", type: .fexit, loss: "stores through mappings"),
        Hook(program: "flags_set", function: "vfs_fileattr_set", type: .fexit, loss: "chattr"),
    ]

    let memory: WatchMemory
    /// Kinds of changes that this kernel lets no program see.
    let losses: [String]
    private let library: Libbpf
    private let object: Libbpf.Object
    private let links: [OpaquePointer]
    private let events: Int32
    private let descriptors: [Int32]

    /// Loads and attaches the programs. All of it needs privileges: see ``BPFObstacle/noPrivilege``.
    ///
    /// - Parameter verbose: libbpf writes to standard error why it fails, with the verifier's log.
    init(verbose: Bool) throws(BPFObstacle) {
        library = try Libbpf(verbose: verbose)
        let library = library
        let loaded = try Libbpf.privileged { () throws(BPFObstacle) in try Self.load(library) }
        (object, links, events, memory, losses) = (
            loaded.object, loaded.links, loaded.events, loaded.memory!, loaded.losses
        )
        descriptors = loaded.descriptors
    }

    /// How many times a program did not run, as it was running on that processor: where the kernel is preemptible, one task can be
    /// stopped in the middle of it and the next one get there. Not a system call of bpf(2).
    var misses: UInt64 {
        descriptors.reduce(0) { sum, descriptor in
            let line = text(of: "/proc/self/fdinfo/\(descriptor)").split(separator: "\n").first {
                $0.hasPrefix("recursion_misses:")
            }
            return sum &+ (line?.split(separator: "\t").last.flatMap { UInt64($0) } ?? 0)
        }
    }

    /// The ring buffer that the programs write to, read by ``WatchRing``.
    ///
    /// - Throws: what mmap(2) and epoll_create1(2) give.
    func ring(_ receive: @escaping @Sendable (UnsafePointer<watch_event>) -> Void) throws(Errno) -> WatchRing {
        try WatchRing(library, events, receive)
    }

    deinit {
        for link in links { _ = library.destroyLink(link) }
        library.closeObject(object)
    }

    private struct Loaded {
        var object: Libbpf.Object
        var links: [OpaquePointer] = []
        var events: Int32 = -1
        var descriptors: [Int32] = []
        var memory: WatchMemory?
        var losses: [String] = []
    }

    private static func load(_ library: Libbpf) throws(BPFObstacle) -> Loaded {
        let object = try library.open(watchObject)
        var loaded = Loaded(object: object)
        do throws(BPFObstacle) {
            try load(library, &loaded)
        } catch {
            for link in loaded.links { _ = library.destroyLink(link) }
            library.closeObject(object)
            throw error
        }
        return loaded
    }

    private static func load(_ library: Libbpf, _ loaded: inout Loaded) throws(BPFObstacle) {
        var programs: [Libbpf.Program] = []
        for hook in hooks {
            guard let program = library.findProgram(loaded.object, hook.program) else {
                throw .refused(.opening, .enoent)
            }
            if library.findKernelFunction(hook.function, hook.type.rawValue) > 0 {
                programs.append(program)
            } else if let loss = hook.loss {
                _ = library.setAutoload(program, false)
                loaded.losses.append(loss)
            } else {
                throw .noFunction(hook.function)
            }
        }
        try library.load(loaded.object)
        // Before the first program runs.
        let map = library.findMap(loaded.object, "shared")
        do throws(Errno) {
            loaded.memory = try WatchMemory(map: map)
        } catch {
            throw .refused(.mapping, error)
        }
        loaded.events = library.findMap(loaded.object, "events")
        for program in programs {
            loaded.descriptors.append(library.programDescriptor(program))
            loaded.links.append(try library.attach(program))
        }
    }
}
