import MountSupport
import Testing

/// A right command line that cannot be done: status 1, one sentence that names the thing, nothing mounted.
@Suite struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        /// Run before the command, in the directory with `lower` and `mount`.
        var script = "true"
        let arguments: [String]
        let sentence: String
        var testDescription: String { sentence }
    }

    static let cases = [
        Case(arguments: ["missing", "mount"], sentence: "the lower directory missing does not exist"),
        Case(
            script: "touch file", arguments: ["file", "mount"], sentence: "the lower directory file is not a directory"),
        Case(arguments: ["lower", "missing"], sentence: "the mount point missing does not exist: create it"),
        Case(script: "touch file", arguments: ["lower", "file"], sentence: "the mount point file is not a directory"),
        Case(
            script: "touch file", arguments: ["lower", "file/x"], sentence: "the mount point file/x is not a directory"),
        Case(
            script: "touch mount/x", arguments: ["lower", "mount"], sentence: "the mount point PATH/mount is not empty"),
        Case(
            arguments: ["lower", "lower"],
            sentence: "the lower directory and the mount point are the same directory, PATH/lower"),
        Case(
            script: "mkdir empty; ln -s empty other", arguments: ["empty", "other"],
            sentence: "the lower directory and the mount point are the same directory, PATH/empty"),
        Case(
            arguments: ["lower", "lower/inside"],
            sentence: "the mount point PATH/lower/inside lies inside the lower directory PATH/lower"),
        Case(
            script: "ln -s lower link", arguments: ["link", "link/inside"],
            sentence: "the mount point PATH/lower/inside lies inside the lower directory PATH/lower"),
        Case(
            arguments: ["lower/inside", "lower"],
            sentence: "the lower directory PATH/lower/inside lies inside the mount point PATH/lower"),
        Case(
            script: "mount --bind lower mount", arguments: ["lower", "mount/inside"],
            sentence: "the mount point PATH/mount/inside lies inside the lower directory PATH/lower"),
        Case(
            script: "mkdir lower/inside/deep; mount --bind lower/inside mount", arguments: ["lower", "mount/deep"],
            sentence: "the mount point PATH/mount/deep lies inside the lower directory PATH/lower"),
        Case(
            script: "mkdir lower/inside/deep; mount --bind lower/inside mount",
            arguments: ["lower/inside/deep", "mount"],
            sentence: "the lower directory PATH/lower/inside/deep lies inside the mount point PATH/mount"),
        Case(arguments: ["--statsdir", "missing", "lower", "mount"], sentence: "the directory missing of --statsdir"),
        Case(arguments: ["--fuse-fd", "99", "lower"], sentence: "--fuse-fd 99 is not open in this process"),
        Case(arguments: ["--fuse-fd", "0", "lower"], sentence: "--fuse-fd 0 is not an open /dev/fuse"),
        Case(arguments: ["umount", "missing"], sentence: "missing does not exist"),
        Case(arguments: ["umount", "mount"], sentence: "mount is not a mount point"),
        Case(
            script: "mount -t tmpfs none mount", arguments: ["umount", "mount"],
            sentence: "mount is a mount of type tmpfs, not of stackfs"),
        Case(arguments: ["doctor", "missing"], sentence: "the lower directory missing does not exist"),
    ]

    @Test(arguments: cases)
    func saysWhy(_ test: Case) throws {
        let scratch = try CommandScratch()
        try scratch.sh(test.script)
        let before = try scratch.sh("grep -c $PWD /proc/self/mountinfo || true")
        let result = try ProcessRunner.run([ProcessRunner.stackfs] + test.arguments, in: scratch.path)
        #expect(result.status == 1)
        let sentence = test.sentence.split(separator: "PATH", omittingEmptySubsequences: false).joined(
            separator: scratch.path)
        #expect(result.error.hasPrefix("stackfs: \(sentence)"), "\(result.error)")
        #expect(result.error.split(separator: "\n").count == 1, "\(result.error)")
        #expect(try scratch.sh("grep -c $PWD /proc/self/mountinfo || true") == before)
    }

    /// What only another /dev, or none, shows: in a mount namespace that ends with the script.
    @Test(arguments: [
        ("mount -t tmpfs none /dev", "/dev/fuse is missing"),
        ("mknod -m 666 other c 1 3; mount --bind other /dev/fuse", "the mount was refused"),
    ])
    func withoutTheDevice(script: String, sentence: String) throws {
        let scratch = try CommandScratch()
        let result = try ProcessRunner.run(
            [
                "unshare", "-m", "sh", "-c", "\(script); exec \"$0\" lower mount",
                ProcessRunner.stackfs,
            ],
            in: scratch.path)
        #expect(result.status == 1)
        #expect(result.error.hasPrefix("stackfs: \(scratch.mount) was not mounted: \(sentence)"), "\(result.error)")
    }

    @Test func theDoctorSaysThatAMountWouldNotWork() throws {
        let result = try ProcessRunner.run(
            ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev; exec \"$0\" doctor", ProcessRunner.stackfs])
        #expect(result.status == 1)
        #expect(result.error.hasPrefix("stackfs: a mount would not work: /dev/fuse is missing"), "\(result.error)")
        #expect(result.output.contains("CAP_SYS_ADMIN"))
    }
}
