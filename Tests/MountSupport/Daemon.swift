import Foundation

/// The program under test.
public enum Daemon {
    /// Where it lies: STACKFS_BINARY, or `stackfs` beside the running test program.
    /// - Throws: ``SupportError`` when it is not there.
    public static func binary() throws(SupportError) -> String {
        if let given = ProcessInfo.processInfo.environment["STACKFS_BINARY"] { return given }
        // Beside the test bundle, as both are products of one build.
        let programs = [
            CommandLine.arguments[0],
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "",
        ]
        for program in programs {
            var directory = URL(fileURLWithPath: program).deletingLastPathComponent()
            for _ in 0..<2 {
                let candidate = directory.appendingPathComponent("stackfs").path
                if isProgram(candidate) { return candidate }
                directory.deleteLastPathComponent()
            }
        }
        // The testing library's own helper runs the bundle, and is named with it.
        for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
            let candidate = URL(fileURLWithPath: argument).deletingLastPathComponent().appendingPathComponent("stackfs")
                .path
            if isProgram(candidate) { return candidate }
        }
        throw SupportError("no stackfs beside \(programs[0]): build it, or set STACKFS_BINARY")
    }

    private static func isProgram(_ path: String) -> Bool {
        var directory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &directory) && !directory.boolValue
            && FileManager.default.isExecutableFile(atPath: path)
    }
}
