/// One system call, or a short fixed run of them, with its arguments: a plain value that can be repeated on any side.
///
/// To add a call, write a type like those in Calls/ and give it a row in ``CallTable``. Its properties are what a failing
/// script prints.
protocol Call: Sendable, CustomStringConvertible {
    /// Draws the arguments.
    init(using generator: inout Generator)
    /// Makes the call on one side. What the outcome holds is compared with the other side's, all of it.
    func run(on stage: Stage) -> Outcome
    /// Says what exists after the call has succeeded in `process`.
    func note(in scene: inout Scene, process: Int)
    /// The slot that the call opens a file into, nil for most calls.
    var opened: Slot? { get }
    /// The slot of the file that the call writes to, nil for most calls.
    var written: Slot? { get }
}

extension Call {
    func note(in scene: inout Scene, process: Int) {}
    var opened: Slot? { nil }
    var written: Slot? { nil }

    var description: String {
        let arguments = Mirror(reflecting: self).children.map { child in
            let mirror = Mirror(reflecting: child.value)
            let value =
                mirror.displayStyle == .optional
                ? mirror.children.first.map { "\($0.value)" } ?? "none" : "\(child.value)"
            return child.label.map { "\($0): \(value)" } ?? value
        }
        return "\(type(of: self))(\(arguments.joined(separator: ", ")))"
    }
}

/// A call with who makes it.
public struct Step: Sendable, CustomStringConvertible {
    let process: Int
    let user: User
    let call: any Call

    public var description: String { "p\(process) uid \(user): \(call)" }

    /// The name of the call, "Open".
    var name: String { "\(type(of: call))" }
}
