import Glibc

/// What the environment says about the tests to run.
public enum Environment {
    /// The number in a variable; nil where there is none.
    public static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

    /// The words of a variable, between commas; none where there is none.
    public static func words(_ name: String) -> [String] {
        getenv(name).map { String(cString: $0).split(separator: ",").map(String.init) } ?? []
    }
}
