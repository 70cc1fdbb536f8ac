import CLinux
import Synchronization
import SystemCalls

/// Answers from other threads to requests whose entries a ring's thread has put aside: only that thread may use the ring.
final class RingMailbox: Sendable {
    /// Readable when something was posted.
    let event: Event
    private let letters = Mutex<[(unique: UInt64, error: Errno?)]>([])

    init() throws(Errno) { event = try Event() }

    func post(_ unique: UInt64, _ error: Errno?) {
        letters.withLock { $0.append((unique, error)) }
        event.signal()
    }

    func takeAll() -> [(unique: UInt64, error: Errno?)] {
        letters.withLock { letters in
            defer { letters = [] }
            return letters
        }
    }
}

/// Which requests wait for an answer from another thread, and in which ring.
///
/// The answer may come before the ring's thread has put the request aside, so that either comes first.
final class ParkedRequests: Sendable {
    private enum State {
        case parked(RingMailbox)
        /// It came by /dev/fuse, before the rings were ready.
        case device
        case answered(Errno?)
    }

    private let states = Mutex<[UInt64: State]>([:])

    /// A thread puts a request aside, a ring's with its mailbox. Returns the answer if it is there already.
    func park(_ unique: UInt64, _ mailbox: RingMailbox?) -> Errno?? {
        states.withLock { states in
            if case .answered(let error) = states.removeValue(forKey: unique) { return .some(error) }
            states[unique] = mailbox.map { .parked($0) } ?? .device
            return nil
        }
    }

    /// Another thread answers. True if the answer is to go to /dev/fuse.
    func answer(_ unique: UInt64, _ error: Errno?) -> Bool {
        let (mailbox, isForDevice) = states.withLock { states -> (RingMailbox?, Bool) in
            switch states.removeValue(forKey: unique) {
            case .parked(let mailbox): return (mailbox, false)
            case .device: return (nil, true)
            case .answered, nil:
                states[unique] = .answered(error)
                return (nil, false)
            }
        }
        mailbox?.post(unique, error)
        return isForDevice
    }
}
