import MountSupport
import Testing

/// A wrong command line: status 2, one sentence, nothing mounted.
@Suite struct UsageTests {
    @Test(arguments: [
        ([], "a lower directory and a mount point are needed"),
        (["-r", "lower"], "a mount point is needed after -r lower"),
        (["lower"], "a mount point is needed after the lower directory lower"),
        (["lower", "mount", "third"], "'third' is one directory too many"),
        (["", "mount"], "a directory's name is empty"),
        (["--bogus", "lower", "mount"], "unknown option '--bogus'"),
        (["lower", "mount", "-o"], "missing value for '-o'"),
        (["-o", "allow_othr", "lower", "mount"], "unknown option 'allow_othr' in -o: did you mean 'allow_other'?"),
        (["-o", "zork", "lower", "mount"], "unknown option 'zork' in -o; see 'stackfs --help'"),
        (["-o", "max_write=1", "lower", "mount"], "max_write=1 is out of range"),
        (["-o", "max_write", "lower", "mount"], "option 'max_write' needs a value: max_write=BYTES"),
        (["-o", "ro=1", "lower", "mount"], "option 'ro' takes no value, and '1' was given"),
        (["-o", "cache=always", "lower", "mount"], "cache=always is none of auto, watched"),
        (["-o", "cache=ttl:-1", "lower", "mount"], "cache=ttl:-1 is no time"),
        (["-o", "entry_timeout=nan", "lower", "mount"], "entry_timeout=nan is no time"),
        (["-o", "fsname=", "lower", "mount"], "fsname= is no name"),
        (["--attrval=soon", "lower", "mount"], "--attrval=soon is no time"),
        (["--log-level", "loud", "lower", "mount"], "--log-level loud is none of trace, debug"),
        (["--fuse-fd", "x", "lower", "mount"], "the value 'x' is invalid for '--fuse-fd"),
        (["umount"], "missing expected argument '<mount>'"),
        (["doctor", "a", "b"], "unexpected argument 'b'"),
    ])
    func isRefused(arguments: [String], sentence: String) throws {
        let scratch = try CommandScratch()
        let result = try ProcessRunner.run([ProcessRunner.stackfs] + arguments, in: scratch.path)
        #expect(result.status == 2)
        #expect(result.error.lowercased().hasPrefix("stackfs: \(sentence)".lowercased()), "\(result.error)")
        #expect(result.error.split(separator: "\n").count == 1)
        #expect(result.output == "")
        #expect(try scratch.mounted("TARGET", at: scratch.mount) == "")
    }

    @Test(arguments: [["--help"], ["-h"], ["mount", "--help"], ["lower", "-h"]])
    func helpNamesEveryOption(arguments: [String]) throws {
        let result = try ProcessRunner.run([ProcessRunner.stackfs] + arguments)
        #expect(result.status == 0)
        #expect(result.error == "")
        for word in [
            "--rootdir", "--statsdir", "--attrval", "--tracing", "--fuse-fd", "writeback_cache", "noallow_other",
        ] {
            #expect(result.output.contains(word), "\(word)")
        }
    }

    @Test(arguments: [["--version"], ["-V"]])
    func versionIsOneLine(arguments: [String]) throws {
        let result = try ProcessRunner.run([ProcessRunner.stackfs] + arguments)
        #expect(result.status == 0)
        #expect(result.output.hasPrefix("stackfs 0."))
        #expect(result.output.split(separator: "\n").count == 1)
    }
}
