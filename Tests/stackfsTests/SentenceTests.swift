import FuseKernel
import Logging
import SystemCalls
import Testing

@testable import stackfs

/// What cannot be brought about on the kernel at hand.
@Suite struct SentenceTests {
    @Test func anOldKernelIsNamed() {
        let sentence = SessionError.protocolTooOld(major: 7, minor: 31).sentence(descriptor: nil)
        #expect(
            sentence.hasPrefix("this kernel is too old: it speaks FUSE protocol 7.31, and stackfs needs 7.34 or later"))
    }

    @Test func aDescriptorIsNamedOnlyWhereOneWasGiven() {
        #expect(SessionError.system(.eperm).sentence(descriptor: 7).hasPrefix("--fuse-fd 7 is open, but nothing"))
        #expect(
            SessionError.system(.eperm).sentence(descriptor: nil)
                == "the connection to the kernel failed: \(Errno.eperm)")
    }

    @Test func levels() throws {
        #expect(try MountCommand.parse(["a", "b"]).level() == .info)
        #expect(try MountCommand.parse(["-d", "a", "b"]).level() == .debug)
        #expect(try MountCommand.parse(["-d", "--log-level", "error", "a", "b"]).level() == .error)
        #expect(try MountCommand.parse(["--tracing", "a", "b"]).level() == .trace)
        #expect(throws: Failure.self) { try MountCommand.parse(["--log-level", "critical", "a", "b"]).level() }
    }

    @Test func shortOptionsJoin() throws {
        let command = try MountCommand.parse(["-fds", "-oro,dev", "-r/lower", "/mount", "-o", "-x"])
        #expect(command.foreground && command.debug && command.single)
        #expect(command.lists == ["ro,dev", "-x"])
        #expect(try command.paths() == ("/lower", "/mount"))
    }

    @Test func tablesAreAligned() {
        #expect(alignedTable([["a", "1"], ["long", "22", "x"]], numbersFrom: 1) == "a      1\nlong  22  x\n")
        #expect(alignedTable([["a", "b c"], ["long", "d"]]) == "a     b c\nlong  d\n")
    }
}
