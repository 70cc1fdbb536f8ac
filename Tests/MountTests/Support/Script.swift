import Glibc
import MountSupport

/// A program text that a test runs in a directory.
struct Script {
    private let interpreter: [String]
    private let text: String

    /// For sh(1); the first command that fails ends it.
    static func shell(_ text: String) -> Script {
        Script(interpreter: ["sh", "-euc"], text: "export LC_ALL=C TZ=UTC0 HOME=/nonexistent\numask 022\n" + text)
    }

    /// For python3(1), after ``pythonPrelude``.
    static func python(_ text: String) -> Script { Script(interpreter: ["python3", "-c"], text: pythonPrelude + text) }

    struct Result: Equatable {
        let ending: Subprocess.Ending?
        let output: String
    }

    /// - Parameters:
    ///   - directory: the working directory.
    ///   - arguments: `$1` and so on in sh, `sys.argv[1]` in Python.
    ///   - seconds: when the script is killed.
    /// - Returns: how it ended, nil when it was killed, and what it wrote.
    func run(in directory: String, _ arguments: [String] = [], seconds: Double = 60) throws -> Result {
        let output = "/tmp/stackfs-test-script-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(output) }
        let process = try Subprocess(
            ["sh", "-c", "cd -- \"$1\" && shift && exec \"$@\"", "sh", directory] + command(arguments), output: output)
        let ending = process.wait(seconds: seconds)
        if ending == nil {
            process.signal(SIGKILL)
            _ = process.wait(seconds: 5)
        }
        return Result(ending: ending, output: TextFile.read(output))
    }

    /// The program to run and its arguments.
    func command(_ arguments: [String]) -> [String] {
        let name = interpreter[0] == "sh" ? ["sh"] : []
        return interpreter + [text] + name + arguments
    }

    /// Imports, and calls that Python has no name for.
    private static let pythonPrelude = """
        import array, contextlib, ctypes, errno, fcntl, mmap, os, signal, socket, stat, struct, subprocess, sys, time
        libc = ctypes.CDLL(None, use_errno=True)

        def name(call):
            "The name of the error that a call ends with, or 'done'."
            try:
                call()
            except OSError as error:
                return errno.errorcode[error.errno]
            return 'done'

        def system(result):
            "The result of a C function, or the error it left."
            if result < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            return result

        def link_open(fd, path):
            "Gives an open file a (further) name."
            AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400
            system(libc.linkat(AT_FDCWD, f'/proc/self/fd/{fd}'.encode(), AT_FDCWD, os.fsencode(path), AT_SYMLINK_FOLLOW))

        def write(path, data=b'', mode=0o644, flags=0):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | flags, mode)
            assert os.write(fd, data) == len(data)
            os.close(fd)

        def read(path):
            with open(path, 'rb', buffering=0) as file:
                return file.read()

        def as_user(uid, body, gid=None, groups=()):
            "What a call prints and returns (as an error name) in a process of another user."
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    os.setgroups(groups)
                    os.setgid(uid if gid is None else gid)
                    os.setuid(uid)
                    print(f'{uid}: {name(body)}', flush=True)
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(pid, 0)[1] == 0


        """
}
