import CLinux
import CWatch
import Glibc
import StackCore
import SystemCalls

/// Finds descriptors on FUSE mounts by the program of ebpf/held.bpf.c, an iterator in the kernel: some 0.3 us for each descriptor of
/// the machine. /proc/PID/fdinfo, which tells the same, takes a hundred times as long, and CAP_SYS_PTRACE.
///
/// While the program looks at a file, the reader holds it. Whose owner closes it meanwhile is closed once the reading call returns, by the
/// reader, which waits for as long as that takes.
public final class HeldFiles: HeldFileSource {
    /// The program attached, from which readings are made.
    private let link: Descriptor

    /// Loads the program. A FUSE mount is there already: the kernel's types of FUSE come with its module.
    ///
    /// - Parameter verbose: libbpf writes to standard error why it fails.
    public init(verbose: Bool) throws(BPFObstacle) {
        link = try Libbpf.privileged { () throws(BPFObstacle) in try Self.attach(verbose: verbose) }
    }

    private static func attach(verbose: Bool) throws(BPFObstacle) -> Descriptor {
        let library = try Libbpf(verbose: verbose)
        let object = try library.open(heldObject)
        defer { library.closeObject(object) }
        try library.load(object)
        guard let program = library.findProgram(object, "held") else { throw .refused(.opening, .enoent) }
        let attached = try library.attach(program)
        defer { _ = library.destroyLink(attached) }
        let copy = linux_fcntl(library.linkDescriptor(attached), F_DUPFD_CLOEXEC, 0)
        do throws(Errno) {
            return Descriptor(owning: Int32(try checked(copy)))
        } catch {
            throw .refused(.attaching, error)
        }
    }

    public func forEach(within runTime: UInt64, _ body: (HeldFile) -> Void) {
        // The link, and flags of which there are none.
        let attributes: InlineArray<2, UInt32> = [UInt32(link.number), 0]
        let made = withUnsafeBytes(of: attributes) {
            linux_bpf(LINUX_BPF_ITER_CREATE, $0.baseAddress!, UInt32($0.count))
        }
        guard made >= 0 else { return }
        let reading = Descriptor(owning: Int32(made))
        let start = Self.runTime
        // Of little room, so that the call returns often: see above.
        withUnsafeTemporaryAllocation(byteCount: 64 * MemoryLayout<held_file>.stride, alignment: 8) { buffer in
            while Self.runTime - start < runTime {
                let length = linux_read(reading.number, buffer.baseAddress!, buffer.count)
                // A million descriptors of which none is on a FUSE mount: it goes on.
                if length == Int64(-EAGAIN) { continue }
                if length <= 0 { return }
                for record in UnsafeRawBufferPointer(rebasing: buffer[..<Int(length)]).bindMemory(to: held_file.self) {
                    if record.node != 0 { body(HeldFile(node: record.node, device: record.device)) }
                }
            }
        }
    }

    /// For how long the calling thread has run, in nanoseconds: a busy machine gives it no less to do.
    private static var runTime: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
