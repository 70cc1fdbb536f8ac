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
    let openMemory: @convention(c) (UnsafeRawPointer, Int, UnsafeRawPointer?) -> Object?
    let loadObject: @convention(c) (Object) -> Int32
    let closeObject: @convention(c) (Object) -> Void
    let findProgram: @convention(c) (Object, UnsafePointer<CChar>) -> Program?
    let programDescriptor: @convention(c) (Program) -> Int32
    let setAutoload: @convention(c) (Program, Bool) -> Int32
    let attach: @convention(c) (Program) -> OpaquePointer?
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

    /// - Throws: ``BPFObstacle/noLibrary(_:)``. The library stays loaded.
    init() throws(BPFObstacle) {
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
        attach = try function("bpf_program__attach")
        destroyLink = try function("bpf_link__destroy")
        findMap = try function("bpf_object__find_map_fd_by_name")
        newRing = try function("ring_buffer__new")
        ringDescriptor = try function("ring_buffer__epoll_fd")
        consumeRing = try function("ring_buffer__consume")
        freeRing = try function("ring_buffer__free")
    }

    /// Keeps libbpf from writing to standard error what goes wrong, the verifier's log included.
    func silence() { _ = setPrint(nil) }
}
