import MountSupport
import StackCore
import SystemCalls
import Testing

@testable import ExtCache

@Suite struct BPFObstacleTests {
    /// Either the programs load, or it is said why not, in words that tell what to do.
    @Test(.enabled(if: Requirements.met, "\(Requirements.reason)")) func programsLoadOrTheReasonIsKnown() {
        do throws(BPFObstacle) {
            let programs = try WatchPrograms(verbose: false)
            #expect(programs.losses.isEmpty)
        } catch .refused(.loading, .eperm), .noLibrary, .noTypes {
            // A kernel that lets nobody attach programs to its functions, and machines without libbpf or BTF.
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test func everyReasonIsASentence() {
        let obstacles: [BPFObstacle] = [
            .noLibrary("libbpf.so.1: cannot open shared object file"), .noPrivilege, .noTypes, .noFunction("fsnotify"),
            .refused(.loading, .eperm), .refused(.attaching, .ebusy),
        ]
        for obstacle in obstacles {
            #expect(!"\(obstacle)".isEmpty && !"\(obstacle)".hasSuffix("."))
        }
        #expect("\(obstacles[0])".contains("apt-get install libbpf1"))
        #expect("\(obstacles[5])".contains("attaching"))
    }
}
