import FuseKernel
import Testing

/// Operation codes and flag bits, as literal numbers of include/uapi/linux/fuse.h (7.45).
@Suite struct ProtocolNumbersTests {
    private static let opcodes: [(Opcode, String, UInt32)] = [
        (.lookup, "LOOKUP", 1),
        (.forget, "FORGET", 2),
        (.getattr, "GETATTR", 3),
        (.setattr, "SETATTR", 4),
        (.readlink, "READLINK", 5),
        (.symlink, "SYMLINK", 6),
        (.mknod, "MKNOD", 8),
        (.mkdir, "MKDIR", 9),
        (.unlink, "UNLINK", 10),
        (.rmdir, "RMDIR", 11),
        (.rename, "RENAME", 12),
        (.link, "LINK", 13),
        (.open, "OPEN", 14),
        (.read, "READ", 15),
        (.write, "WRITE", 16),
        (.statfs, "STATFS", 17),
        (.release, "RELEASE", 18),
        (.fsync, "FSYNC", 20),
        (.setxattr, "SETXATTR", 21),
        (.getxattr, "GETXATTR", 22),
        (.listxattr, "LISTXATTR", 23),
        (.removexattr, "REMOVEXATTR", 24),
        (.flush, "FLUSH", 25),
        (.initialize, "INIT", 26),
        (.opendir, "OPENDIR", 27),
        (.readdir, "READDIR", 28),
        (.releasedir, "RELEASEDIR", 29),
        (.fsyncdir, "FSYNCDIR", 30),
        (.getlk, "GETLK", 31),
        (.setlk, "SETLK", 32),
        (.setlkw, "SETLKW", 33),
        (.access, "ACCESS", 34),
        (.create, "CREATE", 35),
        (.interrupt, "INTERRUPT", 36),
        (.bmap, "BMAP", 37),
        (.destroy, "DESTROY", 38),
        (.ioctl, "IOCTL", 39),
        (.poll, "POLL", 40),
        (.notifyReply, "NOTIFY_REPLY", 41),
        (.batchForget, "BATCH_FORGET", 42),
        (.fallocate, "FALLOCATE", 43),
        (.readdirplus, "READDIRPLUS", 44),
        (.rename2, "RENAME2", 45),
        (.lseek, "LSEEK", 46),
        (.copyFileRange, "COPY_FILE_RANGE", 47),
        (.setupMapping, "SETUPMAPPING", 48),
        (.removeMapping, "REMOVEMAPPING", 49),
        (.syncfs, "SYNCFS", 50),
        (.tmpfile, "TMPFILE", 51),
        (.statx, "STATX", 52),
        (.copyFileRange64, "COPY_FILE_RANGE_64", 53),
    ]

    private static let initBits: [(InitFlags, String, Int)] = [
        (.asyncRead, "async_read", 0),
        (.posixLocks, "posix_locks", 1),
        (.atomicTruncate, "atomic_o_trunc", 3),
        (.exportSupport, "export_support", 4),
        (.bigWrites, "big_writes", 5),
        (.dontMask, "dont_mask", 6),
        (.spliceWrite, "splice_write", 7),
        (.spliceMove, "splice_move", 8),
        (.spliceRead, "splice_read", 9),
        (.flockLocks, "flock_locks", 10),
        (.ioctlDirectories, "has_ioctl_dir", 11),
        (.autoInvalidateData, "auto_inval_data", 12),
        (.readdirplus, "do_readdirplus", 13),
        (.readdirplusAuto, "readdirplus_auto", 14),
        (.asyncDirectIO, "async_dio", 15),
        (.writebackCache, "writeback_cache", 16),
        (.noOpen, "no_open_support", 17),
        (.parallelDirectoryOperations, "parallel_dirops", 18),
        (.handleKillPrivileges, "handle_killpriv", 19),
        (.posixACL, "posix_acl", 20),
        (.abortError, "abort_error", 21),
        (.maxPages, "max_pages", 22),
        (.cacheSymlinks, "cache_symlinks", 23),
        (.noOpendir, "no_opendir_support", 24),
        (.explicitInvalidateData, "explicit_inval_data", 25),
        (.mapAlignment, "map_alignment", 26),
        (.submounts, "submounts", 27),
        (.handleKillPrivilegesV2, "handle_killpriv_v2", 28),
        (.setxattrExtended, "setxattr_ext", 29),
        (.initExtended, "init_ext", 30),
        (.securityContext, "security_ctx", 32),
        (.inodeDAX, "has_inode_dax", 33),
        (.createSupplementaryGroup, "create_supp_group", 34),
        (.expireOnly, "has_expire_only", 35),
        (.directIOAllowMmap, "direct_io_allow_mmap", 36),
        (.passthrough, "passthrough", 37),
        (.noExportSupport, "no_export_support", 38),
        (.resend, "has_resend", 39),
        (.allowIdmap, "allow_idmap", 40),
        (.overIOUring, "over_io_uring", 41),
        (.requestTimeout, "request_timeout", 42),
    ]

    @Test func opcodesHaveTheirNumbersAndNames() {
        for (opcode, name, number) in Self.opcodes {
            #expect(opcode.rawValue == number)
            #expect(opcode.name == name)
        }
        #expect(Set(Self.opcodes.map(\.0)) == Set(Opcode.allCases), "every code has its line in the table")
        #expect(Opcode.tableSize == 54)
    }

    @Test(arguments: [0, 7, 19, 54, 4096, 436_207_616, .max] as [UInt32])
    func othersAreNoOpcodes(_ number: UInt32) {
        #expect(Opcode(rawValue: number) == nil)
    }

    @Test func initBitsHaveTheirPlaces() {
        for (flag, _, bit) in Self.initBits { #expect(flag.rawValue == 1 << UInt64(bit)) }
    }

    /// All bits but FUSE_FILE_OPS (2), which never came to mean anything, and the reserved 31.
    @Test func featureTableHasEveryBitInOrder() {
        #expect(Feature.all.map(\.flag) == Self.initBits.map(\.0))
        #expect(Feature.all.map(\.name) == Self.initBits.map(\.1))
        #expect(Feature.all.allSatisfy { !$0.meaning.isEmpty })
    }

    @Test func openReplyFlags() {
        let flags: [OpenReplyFlags] = [
            .directIO, .keepCache, .nonseekable, .cacheDirectory, .stream, .noFlush, .parallelDirectWrites,
            .passthrough,
        ]
        #expect(flags.map(\.rawValue) == [1, 2, 4, 8, 16, 32, 64, 128])
    }

    @Test func setattrFields() {
        let fields: [SetattrFields] = [
            .mode, .uid, .gid, .size, .atime, .mtime, .handle, .atimeNow, .mtimeNow, .lockOwner, .ctime, .killSetID,
        ]
        #expect(fields.map(\.rawValue) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048])
    }

    @Test func flagsOfOtherRequests() {
        #expect(WriteFlags.fromCache.rawValue == 1)
        #expect(WriteFlags.lockOwner.rawValue == 2)
        #expect(WriteFlags.killSetID.rawValue == 4)
        #expect(RequestFlags.getattrHandle == 1)
        #expect(RequestFlags.openKillSetID == 1)
        #expect(RequestFlags.releaseFlush == 1)
        #expect(RequestFlags.releaseFlockUnlock == 2)
        #expect(RequestFlags.lockFlock == 1)
        #expect(RequestFlags.fsyncDataOnly == 1)
        #expect(RequestFlags.setxattrKillSetGID == 1)
        #expect(RequestFlags.ioctlDirectory == 16)
        #expect(RequestFlags.ioctlCompatible == 0b101001)
    }
}
