import CLinux
import FuseKernel
import Glibc
import SystemCalls

extension OverlaidMirror {
    // MARK: OPENDIR, READDIR, READDIRPLUS

    public func opendir(_ request: Request, _ arguments: fuse_open_in, into reply: inout Reply) throws(Errno) {
        if case .lower = try node(request.nodeid) { return try lower().opendir(request, arguments, into: &reply) }
        try reply.append(fuse_open_out())
    }

    public func releasedir(_ request: Request, _ arguments: fuse_release_in) throws(Errno) {
        if case .lower = try node(request.nodeid) { try lower().releasedir(request, arguments) }
    }

    public func fsyncdir(_ request: Request, handle: UInt64, dataOnly: Bool) throws(Errno) {
        guard case .lower = try node(request.nodeid) else { throw .einval }
        try lower().fsyncdir(request, handle: handle, dataOnly: dataOnly)
    }

    public func readdir(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        try list(request, arguments, hasEntries: false, into: &reply)
    }

    public func readdirplus(_ request: Request, _ arguments: fuse_read_in, into reply: inout Reply) throws(Errno) {
        try list(request, arguments, hasEntries: true, into: &reply)
    }

    /// The offsets of names that a lower directory lacks, behind all of its own (at whose end ext4 and btrfs have 2^63-1).
    private static let addedOffset: UInt64 = 0x7fff_ffff_ffff_ff00
    private static let mostAdded: UInt64 = 64

    private func list(_ request: Request, _ arguments: fuse_read_in, hasEntries: Bool, into reply: inout Reply)
        throws(Errno)
    {
        let limit = min(Int(arguments.size), reply.capacity)
        let writer = ListingWriter(hasEntries: hasEntries, limit: limit)
        switch try node(request.nodeid) {
        case .overlay(let index, let node):
            var listing = arguments.offset
            // "." and ".." have the offsets 1 and 2, and what follows those of the overlay behind them.
            for (name, offset) in [(".", UInt64(1)), ("..", 2)] where listing < offset {
                if !writer.append(name, request.nodeid, S_IFDIR, offset, into: &reply) { return }
                listing = offset
            }
            try overlays[index].entries(of: node, from: listing - 2) { name, node, type, next in
                writer.append(name, OverlaidNode.number(index, node), type, next + 2, into: &reply)
            }
        case .way(let way):
            let path = try ways.path(way)
            for (place, name) in ([".", ".."] + places.names(in: path)).enumerated().dropFirst(
                Int(clamping: arguments.offset))
            {
                let number = place < 2 ? request.nodeid : try self.number(of: name, in: path)
                if !writer.append(name, number, S_IFDIR, UInt64(place) + 1, into: &reply) { return }
            }
        case .lower:
            let mirror = try lower()
            guard let path = try mirror.path(of: request.nodeid), places.lead(through: path) else {
                return hasEntries
                    ? try mirror.readdirplus(request, arguments, into: &reply)
                    : try mirror.readdir(request, arguments, into: &reply)
            }
            let isAdded = (Self.addedOffset..<Self.addedOffset + Self.mostAdded).contains(arguments.offset)
            if !isAdded {
                if hasEntries {
                    try mirror.readdirplus(request, arguments, into: &reply)
                } else {
                    try mirror.readdir(request, arguments, into: &reply)
                }
                if reply.count > 0 { return replaceEntries(in: path, hasEntries: hasEntries, of: reply) }
            }
            let first = isAdded ? Int(arguments.offset - Self.addedOffset) : 0
            for (place, name) in places.names(in: path).prefix(Int(Self.mostAdded)).enumerated().dropFirst(first) {
                if try mirror.lowerHas(name, in: request.nodeid) { continue }
                let next = Self.addedOffset + UInt64(place) + 1
                if !writer.append(name, try number(of: name, in: path), S_IFDIR, next, into: &reply) { return }
            }
        }
    }

    private func number(of name: String, in path: [String]) throws(Errno) -> UInt64 {
        switch places.place(of: name, in: path) {
        case .root(let index): OverlaidNode.number(index, overlays[index].root)
        case .way: OverlaidNode.number(way: try ways.index(of: path + [name]))
        case .lower: throw .enoent
        }
    }

    /// In what the mirror has listed, overlays take the place of the lower names that they hide. The kernel looks them up itself.
    private func replaceEntries(in path: [String], hasEntries: Bool, of reply: borrowing Reply) {
        let head = hasEntries ? MemoryLayout<fuse_entry_out>.size : 0
        let bytes = reply.written
        var position = 0
        while position + head + MemoryLayout<fuse_dirent>.size <= bytes.count {
            let start = bytes.baseAddress! + position
            var dirent = (start + head).load(as: fuse_dirent.self)
            let nameStart = start + head + MemoryLayout<fuse_dirent>.size
            let name = String(
                decoding: UnsafeRawBufferPointer(start: nameStart, count: Int(dirent.namelen)), as: UTF8.self)
            if name != ".", name != "..", case .root(let index) = places.place(of: name, in: path) {
                if hasEntries {
                    let hidden = start.load(as: fuse_entry_out.self).nodeid
                    if hidden != 0 { forget(nodeid: hidden, count: 1) }
                    start.storeBytes(of: fuse_entry_out(), as: fuse_entry_out.self)
                }
                dirent.ino = OverlaidNode.number(index, overlays[index].root)
                dirent.type = S_IFDIR >> 12
                (start + head).storeBytes(of: dirent, as: fuse_dirent.self)
            }
            position += (head + MemoryLayout<fuse_dirent>.size + Int(dirent.namelen) + 7) & ~7
        }
    }
}

/// Writes names of a listing, with an empty LOOKUP answer each where READDIRPLUS wants one: the kernel then looks them up when they
/// are used.
private struct ListingWriter {
    let hasEntries: Bool
    let limit: Int

    /// Whether there was room.
    func append(_ name: String, _ number: UInt64, _ type: UInt32, _ next: UInt64, into reply: inout Reply) -> Bool {
        var name = name
        return name.withUTF8 { append(UnsafeRawBufferPointer($0), number, type, next, into: &reply) }
    }

    func append(
        _ name: UnsafeRawBufferPointer, _ number: UInt64, _ type: UInt32, _ next: UInt64, into reply: inout Reply
    ) -> Bool {
        let head = hasEntries ? MemoryLayout<fuse_entry_out>.size : 0
        let fixed = head + MemoryLayout<fuse_dirent>.size
        let padded = (fixed + name.count + 7) & ~7
        if reply.count + padded > limit { return false }
        let dirent = fuse_dirent(ino: number, off: next, namelen: UInt32(name.count), type: type >> 12)
        do throws(Errno) {
            if hasEntries { try reply.append(fuse_entry_out()) }
            try reply.append(dirent)
        } catch {
            return false
        }
        let room = reply.room(upTo: padded - fixed)
        room.copyMemory(from: name)
        for index in name.count..<room.count { room[index] = 0 }
        reply.advance(by: padded - fixed)
        return true
    }
}
