/// What lies below a mount under test.
public enum LowerFileSystem: String, CaseIterable, Sendable, CustomStringConvertible {
    case ext4, xfs, btrfs, tmpfs, overlay
    /// A plain directory, of whatever file system the temporary directory is on.
    case plain

    public var description: String { rawValue }

    /// The program that makes an image of it, or nil where none is needed.
    var formatter: String? {
        switch self {
        case .ext4, .overlay: "mkfs.ext4"
        case .xfs: "mkfs.xfs"
        case .btrfs: "mkfs.btrfs"
        case .tmpfs, .plain: nil
        }
    }

    /// The name in /proc/filesystems; the plain one needs none, xfs and btrfs may be modules that are not loaded yet.
    var kernelType: String? {
        switch self {
        case .ext4, .tmpfs, .overlay: rawValue
        case .xfs, .btrfs, .plain: nil
        }
    }

    /// The command that makes the image.
    func format(_ image: String) -> [String] {
        switch self {
        case .ext4, .overlay: ["mkfs.ext4", "-q", "-F", image]
        case .xfs: ["mkfs.xfs", "-q", "-f", image]
        case .btrfs:
            // It looks at every mount of the machine and gives up at one whose daemon has died, as in other tests: it sees none.
            [
                "unshare", "-m", "sh", "-c", "mount --bind /dev/null /proc/$$/mounts && exec mkfs.btrfs -q -f \"$0\"",
                image,
            ]
        case .tmpfs, .plain: []
        }
    }
}
