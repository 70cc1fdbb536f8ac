import CLinux
import Foundation
import SystemCalls
import Testing

@testable import StackCore

/// The seccomp program, instruction by instruction and on both architectures.
@Suite struct SystemCallFilterTests {
    private static let process: Int32 = 4711
    private let calls = RefusedCall.all(process: process)

    private func interpreter(_ architecture: Architecture) -> FilterInterpreter {
        FilterInterpreter(SystemCallFilter(calls, architecture).program, architecture: architecture.audit)
    }

    private func number(_ name: String, _ architecture: Architecture) throws -> UInt32 {
        try #require(calls.first { $0.name == name }?.number(on: architecture))
    }

    @Test(arguments: Architecture.allCases)
    func whatIsNotInTheTablePassesWithoutALookAtArguments(_ architecture: Architecture) {
        var filter = interpreter(architecture)
        let listed = Set(calls.compactMap { $0.number(on: architecture) })
        for number in 0...RefusedCall.newestKnown where !listed.contains(number) {
            #expect(filter.verdict(on: number, [.max, .max, .max]) == .allowed, "call \(number)")
            #expect(!filter.readsArguments, "call \(number) would run the program each time")
        }
    }

    @Test(arguments: Architecture.allCases)
    func whatIsInTheTableIsRefused(_ architecture: Architecture) {
        var filter = interpreter(architecture)
        var refused = 0
        for call in calls {
            guard let number = call.number(on: architecture), case .never(let error) = call.rule else { continue }
            #expect(filter.verdict(on: number) == .refused(error.rawValue), "\(call.name)")
            refused += 1
        }
        #expect(refused > 50)
    }

    /// Calls, arguments, and whether they pass.
    private static let byArgument: [(call: String, arguments: [UInt64], passes: Bool)] = [
        ("socket", [1], true),  // AF_UNIX
        ("socket", [1 << 32 | 1], true),  // the kernel sees an int
        ("socket", [2], false),  // AF_INET
        ("socket", [16], false),  // AF_NETLINK
        ("socket", [3], false),
        ("unshare", [0x200], true),  // CLONE_FS
        ("unshare", [0x20200], false),  // with CLONE_NEWNS
        ("unshare", [0x1000_0000], false),  // CLONE_NEWUSER
        ("unshare", [0x80], false),  // CLONE_NEWTIME
        ("clone", [0x3d_0f00], true),  // glibc's pthread_create
        ("clone", [0x11], false),  // fork: SIGCHLD
        ("clone", [0x4111], false),  // vfork
        ("clone", [0x3d_0f00 | 0x4000_0000], false),  // a thread in a new network namespace
        ("bpf", [33], true),  // BPF_ITER_CREATE
        ("bpf", [5], false),  // BPF_PROG_LOAD
        ("bpf", [28], false),  // BPF_LINK_CREATE
        ("tgkill", [UInt64(process), 1, 9], true),
        ("tgkill", [1, 1, 9], false),
        ("ioctl", [0, 0x8008_6601], true),  // FS_IOC_GETFLAGS
        ("ioctl", [0, 0x5412], false),  // TIOCSTI
        ("ioctl", [0, 0xffff_ffff_0000_5412], false),  // the kernel sees an int
        ("ioctl", [0, 0x541c], false),  // TIOCLINUX
        ("ioctl", [0x5412, 0], true),
    ]

    @Test(arguments: Architecture.allCases)
    func argumentsDecide(_ architecture: Architecture) throws {
        var filter = interpreter(architecture)
        for row in Self.byArgument {
            let verdict = filter.verdict(on: try number(row.call, architecture), row.arguments)
            #expect(verdict == (row.passes ? .allowed : .refused(Errno.eperm.rawValue)), "\(row)")
        }
    }

    @Test(arguments: Architecture.allCases)
    func unknownCallsDoNotExist(_ architecture: Architecture) {
        var filter = interpreter(architecture)
        // The next call of some later kernel, execve of the x32 ABI, and the largest number.
        for number: UInt32 in [RefusedCall.newestKnown + 1, 0x4000_0000 | 520, .max] {
            #expect(filter.verdict(on: number) == .refused(Errno.enosys.rawValue))
        }
    }

    @Test(arguments: Architecture.allCases)
    func anotherArchitectureIsRefusedWhole(_ architecture: Architecture) {
        let program = SystemCallFilter(calls, architecture).program
        // AUDIT_ARCH_I386 and AUDIT_ARCH_ARM.
        for other: UInt32 in [0x4000_0003, 0x4000_0028] {
            var filter = FilterInterpreter(program, architecture: other)
            for number: UInt32 in 0...10 { #expect(filter.verdict(on: number) == .refused(Errno.eperm.rawValue)) }
        }
    }

    @Test func noNumberStandsTwice() {
        for architecture in Architecture.allCases {
            let numbers = calls.compactMap { $0.number(on: architecture) }
            #expect(Set(numbers).count == numbers.count)
            #expect(numbers.allSatisfy { $0 <= RefusedCall.newestKnown })
        }
    }

    /// Each number against the kernel's headers: those of x86_64, and the generic ones, which are those of aarch64.
    @Test(arguments: Architecture.allCases)
    func numbersAreThoseOfTheKernelHeaders(_ architecture: Architecture) throws {
        let headers =
            architecture == .amd64
            ? ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"]
            : ["/usr/include/asm-generic/unistd.h"]
        // The machine's own table is at hand on the other architecture too, not its neighbour's.
        guard let header = headers.first(where: FileManager.default.fileExists(atPath:)) else {
            #expect(architecture != .current, "no kernel headers")
            return
        }
        var numbers: [Substring: UInt32] = [:]
        for line in try String(contentsOfFile: header, encoding: .utf8).split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.count == 3, words[0] == "#define", words[1].hasPrefix("__NR_") {
                numbers[words[1].dropFirst(5)] = UInt32(words[2])
            }
        }
        #expect(numbers.count > 250)
        var compared = 0
        for call in calls {
            // Headers older than the table lack its last calls, never one that the table says the architecture lacks.
            guard let theirs = numbers[Substring(call.name)] else { continue }
            #expect(call.number(on: architecture) == theirs, "\(call.name)")
            compared += 1
        }
        #expect(compared > 55)
    }
}
