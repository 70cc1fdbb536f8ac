/// One capability of the kernel's FUSE, and what it is to stackfs.
public struct Feature: Sendable {
    public let flag: InitFlags
    /// The protocol's name without FUSE_, in lower case.
    public let name: String
    /// What it does, in a few words.
    public let meaning: String
}

extension Feature {
    /// Every bit of INIT, in the protocol's order; `stackfs doctor` prints it.
    public static let all: [Feature] = [
        Feature(flag: .asyncRead, name: "async_read", meaning: "several reads of a file at once"),
        Feature(flag: .posixLocks, name: "posix_locks", meaning: "POSIX locks are kept by the daemon"),
        Feature(flag: .atomicTruncate, name: "atomic_o_trunc", meaning: "O_TRUNC goes with OPEN"),
        Feature(flag: .exportSupport, name: "export_support", meaning: "file handles of the mount"),
        Feature(flag: .bigWrites, name: "big_writes", meaning: "writes longer than 4 KiB"),
        Feature(flag: .dontMask, name: "dont_mask", meaning: "the daemon applies the umask"),
        Feature(flag: .spliceWrite, name: "splice_write", meaning: "splice to the device"),
        Feature(flag: .spliceMove, name: "splice_move", meaning: "move pages when splicing"),
        Feature(flag: .spliceRead, name: "splice_read", meaning: "splice from the device"),
        Feature(flag: .flockLocks, name: "flock_locks", meaning: "flock(2) locks are kept by the daemon"),
        Feature(flag: .ioctlDirectories, name: "has_ioctl_dir", meaning: "ioctl(2) on directories"),
        Feature(flag: .autoInvalidateData, name: "auto_inval_data", meaning: "drop cached pages when a file changed"),
        Feature(flag: .readdirplus, name: "do_readdirplus", meaning: "attributes come with listings"),
        Feature(flag: .readdirplusAuto, name: "readdirplus_auto", meaning: "... only when they are used"),
        Feature(flag: .asyncDirectIO, name: "async_dio", meaning: "several direct reads and writes at once"),
        Feature(flag: .writebackCache, name: "writeback_cache", meaning: "the kernel collects writes"),
        Feature(flag: .noOpen, name: "no_open_support", meaning: "open without a request"),
        Feature(
            flag: .parallelDirectoryOperations, name: "parallel_dirops", meaning: "lookups in one directory at once"),
        Feature(flag: .handleKillPrivileges, name: "handle_killpriv", meaning: "the daemon clears set-id bits"),
        Feature(flag: .posixACL, name: "posix_acl", meaning: "POSIX access control lists"),
        Feature(flag: .abortError, name: "abort_error", meaning: "an aborted connection says so"),
        Feature(flag: .maxPages, name: "max_pages", meaning: "requests longer than 128 KiB"),
        Feature(flag: .cacheSymlinks, name: "cache_symlinks", meaning: "the kernel keeps symlink targets"),
        Feature(flag: .noOpendir, name: "no_opendir_support", meaning: "opendir without a request"),
        Feature(flag: .explicitInvalidateData, name: "explicit_inval_data", meaning: "pages dropped on request only"),
        Feature(flag: .mapAlignment, name: "map_alignment", meaning: "DAX windows"),
        Feature(flag: .submounts, name: "submounts", meaning: "mounts inside the mount (virtiofs)"),
        Feature(flag: .handleKillPrivilegesV2, name: "handle_killpriv_v2", meaning: "set-id bits cleared as natively"),
        Feature(flag: .setxattrExtended, name: "setxattr_ext", meaning: "ACLs clear the set-group-id bit"),
        Feature(flag: .initExtended, name: "init_ext", meaning: "more than 32 capabilities"),
        Feature(flag: .securityContext, name: "security_ctx", meaning: "security labels at creation"),
        Feature(flag: .inodeDAX, name: "has_inode_dax", meaning: "DAX for single files"),
        Feature(flag: .createSupplementaryGroup, name: "create_supp_group", meaning: "the caller's group at creation"),
        Feature(flag: .expireOnly, name: "has_expire_only", meaning: "entries can be expired"),
        Feature(flag: .directIOAllowMmap, name: "direct_io_allow_mmap", meaning: "shared mmap of direct files"),
        Feature(flag: .passthrough, name: "passthrough", meaning: "data goes to the lower file in the kernel"),
        Feature(flag: .noExportSupport, name: "no_export_support", meaning: "no file handles of the mount"),
        Feature(flag: .resend, name: "has_resend", meaning: "pending requests can be sent again"),
        Feature(flag: .allowIdmap, name: "allow_idmap", meaning: "idmapped mounts of the mount"),
        Feature(flag: .overIOUring, name: "over_io_uring", meaning: "requests through io_uring"),
        Feature(flag: .requestTimeout, name: "request_timeout", meaning: "the kernel gives up on slow requests"),
    ]
}
