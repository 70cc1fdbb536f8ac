import SystemCalls

/// An open file of a tree.
struct OpenFile {
    let node: CgroupNode
    /// What is being read, of the moment when reading began at offset 0; nil before.
    var content: [UInt8]?
    /// The file's ``Group/changes`` when it was last read; nil before, and poll(2) tells of that.
    var seen: UInt32?
}

/// Open files by handle: a place in a table, and above it how often the place was used.
struct OpenFileTable {
    private var files: [OpenFile?] = []
    private var generations: [UInt32] = []
    private var free: [Int] = []

    mutating func insert(_ file: OpenFile) -> UInt64 {
        let place: Int
        if let last = free.popLast() {
            place = last
            files[place] = file
        } else {
            place = files.count
            files.append(file)
            generations.append(1)
        }
        return UInt64(generations[place]) << 32 | UInt64(place)
    }

    private func place(of handle: UInt64) throws(Errno) -> Int {
        let place = Int(handle & 0xffff_ffff)
        guard place < files.count, generations[place] == UInt32(handle >> 32), files[place] != nil else {
            throw .ebadf
        }
        return place
    }

    /// - Throws: EBADF.
    func file(_ handle: UInt64) throws(Errno) -> OpenFile { files[try place(of: handle)]! }

    mutating func change(_ handle: UInt64, _ body: (inout OpenFile) -> Void) throws(Errno) {
        body(&files[try place(of: handle)]!)
    }

    mutating func remove(_ handle: UInt64) {
        guard let place = try? place(of: handle) else { return }
        files[place] = nil
        generations[place] &+= 1
        free.append(place)
    }
}
