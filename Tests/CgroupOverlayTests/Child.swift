import Glibc
import SystemCalls

/// A shell with a pipe to its standard input, in a process group of its own.
final class Child {
    let pid: Int32
    private var input: Int32

    init(_ command: String) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Errno.last }
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        defer { posix_spawn_file_actions_destroy(&actions) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        defer { posix_spawnattr_destroy(&attributes) }
        var arguments: [UnsafeMutablePointer<CChar>?] =
            ["sh", "-c", command].map { (text: String) in strdup(text) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: Int32 = 0
        let result = posix_spawn(&pid, "/bin/sh", &actions, &attributes, &arguments, environ)
        close(ends[0])
        self.pid = pid
        input = ends[1]
        if result != 0 {
            close(ends[1])
            throw Errno(rawValue: result)
        }
    }

    func endInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    /// Ends the whole process group and waits for the shell.
    func end() {
        endInput()
        kill(-pid, SIGKILL)
        waitpid(pid, nil, 0)
    }
}
