import CLinux
import FuseKernel
import FuseMessages

/// Messages that were once answered wrongly, or are apt to be.
enum Corpus {
    static let failures: [(message: [UInt8], reason: String)] = [
        (Message(.syncfs, nodeid: 1).bytes, "SYNCFS without its body reached the file system"),
        (Message(.forget, nodeid: 1).bytes, "FORGET without its body was answered"),
        (Message(.lookup, nodeid: 1).with("..").bytes, "the parent of the root"),
        (
            Message(.mkdir, nodeid: 1).with(fuse_mkdir_in(mode: 0o755, umask: 0)).with("new")
                .with(extensionType: 32, words: [.max, 0]).bytes,
            "a group extension that promised more groups than there were was believed"
        ),
        (
            Message(.setlk, nodeid: 1).with(
                fuse_lk_in(
                    fh: 0, owner: 1, lk: fuse_file_lock(start: 0, end: 0, type: 0, pid: 1), lk_flags: 0, padding: 0)
            ).bytes,
            "a lock without an open file, which nothing gives back, left a descriptor open for ever"
        ),
    ]
}
