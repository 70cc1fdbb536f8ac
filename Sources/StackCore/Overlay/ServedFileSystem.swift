import FuseKernel

/// A mirror as a session serves it, with overlays or without.
public protocol ServedFileSystem: FileSystem {
    /// What it needs of the kernel.
    var wantedFlags: InitFlags { get }
    /// Takes the connection that INIT has settled; before the session begins.
    func attach(_ connection: Connection, _ negotiation: Negotiation)
}

extension Mirror: ServedFileSystem {}
extension OverlaidMirror: ServedFileSystem {}
