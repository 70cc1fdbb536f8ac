import CWatch
import SystemCalls

/// The reading end of the programs' ring buffer, for one thread.
final class WatchRing: @unchecked Sendable {
    private let library: Libbpf
    private let ring: Libbpf.Ring
    private let receiver: Unmanaged<Receiver>

    private final class Receiver {
        let receive: @Sendable (UnsafePointer<watch_event>) -> Void
        init(_ receive: @escaping @Sendable (UnsafePointer<watch_event>) -> Void) { self.receive = receive }
    }

    /// - Parameter receive: called by ``consume()`` for each record, which is there during the call.
    init(
        _ library: Libbpf, _ map: Int32, _ receive: @escaping @Sendable (UnsafePointer<watch_event>) -> Void
    ) throws(Errno) {
        self.library = library
        receiver = .passRetained(Receiver(receive))
        let made = library.newRing(
            map,
            { context, record, size in
                guard size >= MemoryLayout<watch_event>.size, let context, let record else { return 0 }
                let receiver = Unmanaged<Receiver>.fromOpaque(context).takeUnretainedValue()
                receiver.receive(UnsafePointer(record.assumingMemoryBound(to: watch_event.self)))
                return 0
            }, receiver.toOpaque(), nil)
        guard let made else {
            let error = Errno.last
            receiver.release()
            throw error
        }
        ring = made
    }

    deinit {
        library.freeRing(ring)
        receiver.release()
    }

    /// Becomes readable when there are records (poll(2)).
    var descriptor: Int32 { library.ringDescriptor(ring) }

    /// Reads until there is no record left.
    func consume() { _ = library.consumeRing(ring) }
}
