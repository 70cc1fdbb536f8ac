import Glibc
import MountSupport
import Testing

/// The fixture of the mount tests keeps its promises also when what it mounts does not.
@Suite(.serialized, .enabled(if: Requirements.met, "\(Requirements.reason)"))
struct MountSupportTests {
    @Test func aHangingDaemonIsAbortedAndNothingHangs() throws {
        let scratch = try Scratch(.plain)
        let mount = try TestMount(scratch.directory, in: scratch, deadline: 2)
        mount.process.stop()
        // A name never looked up before: the kernel has to ask the daemon.
        let error = access("\(mount.path)/nothing", F_OK) == 0 ? 0 : errno
        // The request that waited is aborted; one that comes after finds nobody.
        #expect([ECONNABORTED, ENOTCONN].contains(error), "errno \(error)")
        #expect(mount.failure?.contains("deadline") == true)
        #expect(throws: SupportError.self) { try mount.unmount() }
        #expect(MountEntry.at(mount.path) == nil)
    }

    @Test func aDaemonThatCannotStartIsReportedWithItsMessages() throws {
        let scratch = try Scratch(.plain)
        let error = #expect(throws: SupportError.self) { try TestMount("/no/such/directory", in: scratch) }
        #expect(error?.description.contains("/no/such/directory") == true)
    }

    @Test func aDaemonThatDiesIsReported() throws {
        let scratch = try Scratch(.plain)
        let mount = try TestMount(scratch.directory, in: scratch)
        mount.process.signal(SIGKILL)
        _ = mount.process.wait(seconds: 5)
        #expect(mount.failure?.contains("killed(by: 9)") == true)
        #expect(throws: SupportError.self) { try mount.unmount() }
        #expect(MountEntry.at(mount.path) == nil)
    }

    @Test(arguments: LowerFileSystem.allCases.filter { Requirements.missing(for: $0) == nil })
    func nothingIsLeftBehind(_ kind: LowerFileSystem) throws {
        let root: String
        do {
            let scratch = try Scratch(kind)
            root = scratch.root
            let mount = try TestMount(scratch.directory, in: scratch)
            #expect(MountEntry.at(mount.path)?.type == "fuse.stackfs")
            #expect(kind == .plain || MountEntry.at(scratch.directory)?.stampsAccesses == true)
        }
        #expect(MountEntry.all().filter { $0.mountPoint.hasPrefix(root) }.isEmpty)
        #expect(access(root, F_OK) == -1)
    }
}
