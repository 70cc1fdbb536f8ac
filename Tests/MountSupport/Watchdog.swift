import Glibc
import Synchronization

/// A FUSE connection as /sys/fs/fuse/connections shows it.
struct Connection: Sendable {
    let minor: String

    /// Ends the connection: whoever waits for an answer gets ECONNABORTED, and nobody stays in an uninterruptible sleep.
    func abort() {
        let directory = "/sys/fs/fuse/connections"
        if access("\(directory)/\(minor)", F_OK) != 0 {
            _ = try? Subprocess.run(["mount", "-t", "fusectl", "fusectl", directory])
        }
        TextFile.write("1", to: "\(directory)/\(minor)/abort")
    }
}

/// Aborts a mount that is not done with in time, so that a hanging daemon fails its test and hangs nothing else.
final class Watchdog: Sendable {
    private let state = Mutex<(deadline: Deadline?, barked: Bool)>((nil, false))
    private let connection: Connection

    init(connection: Connection, seconds: Double) {
        self.connection = connection
        state.withLock { $0.deadline = Deadline(seconds: seconds) }
        var thread = pthread_t()
        let error = pthread_create(
            &thread, nil,
            {
                Unmanaged<Watchdog>.fromOpaque($0!).takeRetainedValue().watch()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(error == 0, "pthread_create: \(String(cString: strerror(error)))")
        pthread_detach(thread)
    }

    /// Whether the mount was aborted.
    var barked: Bool { state.withLock { $0.barked } }

    /// Ends the watch.
    func stop() { state.withLock { $0.deadline = nil } }

    private func watch() {
        while true {
            usleep(50_000)
            let late: Bool? = state.withLock { state in
                guard let deadline = state.deadline else { return nil }
                if deadline.passed { state.barked = true }
                return deadline.passed
            }
            guard let late else { return }
            if late {
                connection.abort()
                return
            }
        }
    }
}
