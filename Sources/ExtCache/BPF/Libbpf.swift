import CLinux
import Glibc
import SystemCalls

/// The functions of libbpf that loading a program takes, found at run time: the binary starts where libbpf is missing, and says
/// so. Their signatures are those of libbpf 1.0 and later.
struct Libbpf {
    typealias Object = OpaquePointer
    typealias Program = OpaquePointer
    typealias Ring = OpaquePointer
    typealias Sample = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, Int) -> Int32

    private let setPrint: @convention(c) (UnsafeRawPointer?) -> UnsafeRawPointer?
    let findKernelFunction: @convention(c) (UnsafePointer<CChar>, UInt32) -> Int32
    private let openMemory: @convention(c) (UnsafeRawPointer, Int, UnsafeRawPointer?) -> Object?
    private let loadObject: @convention(c) (Object) -> Int32
    let closeObject: @convention(c) (Object) -> Void
    let findProgram: @convention(c) (Object, UnsafePointer<CChar>) -> Program?
    let programDescriptor: @convention(c) (Program) -> Int32
    let setAutoload: @convention(c) (Program, Bool) -> Int32
    private let attachProgram: @convention(c) (Program) -> OpaquePointer?
    let linkDescriptor: @convention(c) (OpaquePointer) -> Int32
    let destroyLink: @convention(c) (OpaquePointer) -> Int32
    let findMap: @convention(c) (Object, UnsafePointer<CChar>) -> Int32
    let newRing: @convention(c) (Int32, Sample, UnsafeMutableRawPointer?, UnsafeRawPointer?) -> Ring?
    let ringDescriptor: @convention(c) (Ring) -> Int32
    let consumeRing: @convention(c) (Ring) -> Int32
    let freeRing: @convention(c) (Ring) -> Void

    /// enum bpf_attach_type.
    enum AttachType: UInt32 {
        case fentry = 24
        case fexit = 25
    }

    /// - Parameter verbose: the library writes to standard error what goes wrong, the verifier's log included.
    /// - Throws: ``BPFObstacle/noLibrary(_:)``, ``BPFObstacle/noTypes``. The library stays loaded.
    init(verbose: Bool) throws(BPFObstacle) {
        guard let library = dlopen("libbpf.so.1", RTLD_NOW | RTLD_LOCAL) else {
            throw .noLibrary(dlerror().map { String(cString: $0) } ?? "")
        }
        func function<Type>(_ name: String, _: Type.Type = Type.self) throws(BPFObstacle) -> Type {
            guard let address = dlsym(library, name) else { throw .noLibrary("libbpf.so.1 has no \(name)") }
            return unsafeBitCast(address, to: Type.self)
        }
        setPrint = try function("libbpf_set_print")
        findKernelFunction = try function("libbpf_find_vmlinux_btf_id")
        openMemory = try function("bpf_object__open_mem")
        loadObject = try function("bpf_object__load")
        closeObject = try function("bpf_object__close")
        findProgram = try function("bpf_object__find_program_by_name")
        programDescriptor = try function("bpf_program__fd")
        setAutoload = try function("bpf_program__set_autoload")
        attachProgram = try function("bpf_program__attach")
        linkDescriptor = try function("bpf_link__fd")
        destroyLink = try function("bpf_link__destroy")
        findMap = try function("bpf_object__find_map_fd_by_name")
        newRing = try function("ring_buffer__new")
        ringDescriptor = try function("ring_buffer__epoll_fd")
        consumeRing = try function("ring_buffer__consume")
        freeRing = try function("ring_buffer__free")
        if !verbose { _ = setPrint(nil) }
        guard access("/sys/kernel/btf/vmlinux", R_OK) == 0 else { throw .noTypes }
    }

    /// An object file in hexadecimal digits, as it is made when the package is built.
    func open(_ digits: StaticString) throws(BPFObstacle) -> Object {
        func value(_ digit: UInt8) -> UInt8 { digit <= UInt8(ascii: "9") ? digit - 48 : digit - 87 }
        let bytes = digits.withUTF8Buffer { text in
            stride(from: 0, to: text.count, by: 2).map { value(text[$0]) << 4 | value(text[$0 + 1]) }
        }
        let opened = bytes.withUnsafeBytes { openMemory($0.baseAddress!, $0.count, nil) }
        guard let object = opened else { throw .refused(.opening, .last) }
        return object
    }

    /// Loads the programs of an object into the kernel.
    func load(_ object: Object) throws(BPFObstacle) {
        let result = loadObject(object)
        guard result == 0 else { throw .refused(.loading, Errno(rawValue: -result)) }
    }

    /// Attaches a program that is loaded.
    func attach(_ program: Program) throws(BPFObstacle) -> OpaquePointer {
        guard let link = attachProgram(program) else { throw .refused(.attaching, .last) }
        return link
    }

    /// Runs `body`, and says so where it fails for want of privilege.
    static func privileged<Result: ~Copyable>(
        _ body: () throws(BPFObstacle) -> Result
    ) throws(BPFObstacle) -> Result {
        do throws(BPFObstacle) {
            return try body()
        } catch .refused(_, .eperm) where !isPrivileged {
            throw .noPrivilege
        }
    }

    /// Whether bpf(2) may be called; capabilities(7).
    private static var isPrivileged: Bool {
        var header = linux_cap_header(version: LINUX_CAP_VERSION_3, pid: 0)
        var data = linux_cap_data()
        guard linux_capget(&header, &data) == 0 else { return false }
        let effective = UInt64(data.effective_low) | UInt64(data.effective_high) << 32
        func has(_ capability: UInt32) -> Bool { effective >> capability & 1 != 0 }
        return has(LINUX_CAP_SYS_ADMIN) || has(LINUX_CAP_BPF) && has(LINUX_CAP_PERFMON)
    }
}
