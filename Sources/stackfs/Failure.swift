/// Why a command did not do what it was asked to: one sentence for standard error, and the exit status.
struct Failure: Error, Equatable {
    let message: String
    /// 2 for a wrong command line, 1 for the rest.
    let status: Int32

    /// The command line is wrong.
    static func usage(_ message: String) -> Failure { Failure(message: message, status: 2) }

    /// The command line is right, and it cannot be done.
    static func unable(_ message: String) -> Failure { Failure(message: message, status: 1) }
}
