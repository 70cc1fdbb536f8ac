import CLinux
import Glibc
import SystemCalls

/// The terminal that standard input and output are, with a screen of its own and keys that come one by one.
///
/// The sequences are those of xterm(1), which terminals of today know.
final class Terminal {
    /// What the terminal was like before.
    private let attributes: termios
    private var isTaken = false

    /// Whether there is a terminal that can show screens and send keys.
    static var isThere: Bool {
        guard isatty(0) == 1, isatty(1) == 1, let kind = getenv("TERM") else { return false }
        return !["", "dumb"].contains(String(cString: kind))
    }

    /// - Throws: what tcgetattr(3) gives.
    init() throws(Errno) {
        var now = termios()
        guard tcgetattr(0, &now) == 0 else { throw .last }
        attributes = now
    }

    deinit { giveBack() }

    /// Takes the terminal, also again after somebody else had it meanwhile.
    func take() {
        var raw = attributes
        // Ctrl-C and Ctrl-Z still send signals.
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
        // VMIN and VTIME: a read returns with what there is.
        withUnsafeMutableBytes(of: &raw.c_cc) {
            $0[Int(VMIN)] = 1
            $0[Int(VTIME)] = 0
        }
        tcsetattr(0, TCSADRAIN, &raw)
        // The alternate screen, without cursor and without the breaking of long lines.
        say("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l", on: 1)
        isTaken = true
    }

    /// Leaves the terminal as it was. Called again it does nothing.
    func giveBack() {
        guard isTaken else { return }
        isTaken = false
        say("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l", on: 1)
        var before = attributes
        tcsetattr(0, TCSADRAIN, &before)
    }

    /// Columns and lines; 80 and 24 where the terminal does not say.
    var size: (width: Int, height: Int) {
        var size = winsize()
        guard linux_ioctl(1, UInt32(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Shows lines in place of what there is, one of them reversed. All is written at once, so that nothing flickers.
    func show(_ lines: [String], reversed: Int) {
        // A line is erased before it is written: behind a full one the cursor still stands on its last character.
        let shown = lines.enumerated().map { index, line in
            "\u{1b}[K" + (index == reversed ? "\u{1b}[7m\(line)\u{1b}[m" : line)
        }
        say("\u{1b}[H" + shown.joined(separator: "\r\n") + (lines.count < size.height ? "\r\n\u{1b}[J" : ""), on: 1)
    }

    /// The keys that were pressed; nil when the terminal is gone.
    func keys() -> [TopKey]? {
        var buffer = [UInt8](repeating: 0, count: 256)
        let length = buffer.withUnsafeMutableBytes { linux_read(0, $0.baseAddress!, $0.count) }
        if length == Int64(-EINTR) || length == Int64(-EAGAIN) { return [] }
        return length > 0 ? TopKey.keys(in: buffer[..<Int(length)]) : nil
    }
}
