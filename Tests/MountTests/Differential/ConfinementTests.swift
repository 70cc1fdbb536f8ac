import CTestCalls
import Glibc
import MountSupport
import Testing

@testable import Differential

/// Random calls made as root must not get out of their directory.
@Suite(.enabled(if: Requirements.met, "\(Requirements.reason)"))
struct ConfinementTests {
    /// Tries the ways out that the generator draws: absolute paths, "..", and symlinks to both.
    private struct WayOut: Call {
        let path: String

        init(_ path: String) { self.path = path }
        init(using g: inout Generator) { self.init("/") }

        func run(on stage: Stage) -> Outcome {
            for (target, name) in [("/", "root"), ("..", "up"), ("../../..", "far")] {
                _ = Path(target).withPointer { target in
                    Path(name).withPointer { Kernel.call(TC_symlinkat, target, Int64(stage.base), $0) }
                }
            }
            _ = Path(path).withPointer { Kernel.call(TC_fchmodat, stage.base, $0, 0o711) }
            return Outcome(Path("\(path)/escaped").withPointer { Kernel.call(TC_mkdirat, stage.base, $0, 0o755) })
        }
    }

    @Test(arguments: ["/", "..", "../../../..", "root", "up", "far", "root/../up"])
    func everyWayOutEndsInTheArena(_ path: String) throws {
        let scratch = try Scratch(.plain)
        let arena = try scratch.makeLowerDirectory("arena")
        chmod(scratch.root, 0o750)
        chmod(scratch.directory, 0o750)
        let thread = try ProcessThread(side: arena, clock: EpochClock(), stampsAccesses: false)
        let outcome = thread.perform(Step(process: 0, user: .root, call: WayOut(path)))
        thread.end()
        #expect(outcome.succeeded)
        #expect(access("\(arena)/escaped", F_OK) == 0)
        for outside in [scratch.root, scratch.directory] {
            var status = stat()
            #expect(stat(outside, &status) == 0 && status.st_mode & 0o777 == 0o750)
            #expect(access("\(outside)/escaped", F_OK) != 0)
        }
    }

    @Test func withoutADirectoryNoCallIsMade() {
        #expect(throws: ConfinementError.self) {
            try ProcessThread(side: "/no/such/directory", clock: EpochClock(), stampsAccesses: false)
        }
    }
}
