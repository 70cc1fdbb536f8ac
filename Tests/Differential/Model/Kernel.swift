import CTestCalls

/// The system calls of the tests, with their results as the kernel gives them: a value, or -errno.
enum Kernel {
    typealias Number = Int64

    static func call(
        _ number: Number, _ a: Int64 = 0, _ b: Int64 = 0, _ c: Int64 = 0, _ d: Int64 = 0, _ e: Int64 = 0, _ f: Int64 = 0
    ) -> Int64 {
        tc_call(number, a, b, c, d, e, f)
    }

    static func call(_ number: Number, _ fd: Int32, _ b: Int64 = 0, _ c: Int64 = 0, _ d: Int64 = 0) -> Int64 {
        tc_call(number, Int64(fd), b, c, d, 0, 0)
    }

    static func openat(_ directory: Int32, _ path: Path, _ flags: Int32, _ mode: UInt32 = 0) -> Int64 {
        path.withPointer { tc_call(TC_openat, Int64(directory), $0, Int64(flags), Int64(mode), 0, 0) }
    }

    @discardableResult
    static func close(_ fd: Int32) -> Int64 { call(TC_close, fd) }

    static func statx(_ directory: Int32, _ path: Path, _ flags: Int32, _ mask: UInt32, _ out: inout tc_statx) -> Int64
    {
        path.withPointer { path in
            withUnsafeMutablePointer(to: &out) {
                tc_call(TC_statx, Int64(directory), path, Int64(flags), Int64(mask), address($0), 0)
            }
        }
    }

    static func address(_ pointer: UnsafeRawPointer) -> Int64 { Int64(Int(bitPattern: pointer)) }

    /// `clock_gettime`, in nanoseconds since 1970.
    static func time(_ clock: Int32) -> Int64 {
        var now = tc_time()
        _ = withUnsafeMutablePointer(to: &now) { tc_call(TC_clock_gettime, Int64(clock), address($0), 0, 0, 0, 0) }
        return now.sec * 1_000_000_000 + now.nsec
    }

    /// Runs `read` with the address of a buffer of `count` bytes, and hands its result and the bytes that came to `use`.
    static func read<T>(
        _ count: Int, _ read: (Int64) -> Int64, _ use: (Int64, UnsafeRawBufferPointer) -> T
    ) -> T {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 4096)
        defer { buffer.deallocate() }
        let result = read(address(buffer.baseAddress!))
        return use(result, UnsafeRawBufferPointer(rebasing: buffer.prefix(min(Int(max(result, 0)), count))))
    }

    /// The outcome of a call that reads up to `count` bytes, with what it read as the detail `name`.
    static func outcome(_ name: String, _ count: Int, _ body: (Int64) -> Int64) -> Outcome {
        read(count, body) { Outcome($0, [Detail(name: name, value: .bytes(Bytes($1)))]) }
    }
}

/// Constants of the kernel that Swift's Glibc module hides; they are the same on every architecture.
enum Linux {
    static let atFdcwd: Int32 = -100
    static let symlinkNofollow: Int32 = 0x100
    static let effectiveAccess: Int32 = 0x200
    static let removeDirectory: Int32 = 0x200
    static let symlinkFollow: Int32 = 0x400
    static let emptyPath: Int32 = 0x1000
    static let forceSync: Int32 = 0x2000

    static let seekData: Int32 = 3
    static let seekHole: Int32 = 4

    static let clockRealtime: Int32 = 0
    static let clockRealtimeCoarse: Int32 = 5

    static let cloneFS: Int64 = 0x200
    static let cloneFiles: Int64 = 0x400

    static let utimeNow: Int64 = (1 << 30) - 1
    static let utimeOmit: Int64 = (1 << 30) - 2

    static let typeMask: UInt32 = 0o170000
    static let directory: UInt32 = 0o040000
    static let regular: UInt32 = 0o100000
    static let symlink: UInt32 = 0o120000
    static let fifo: UInt32 = 0o010000
    static let socket: UInt32 = 0o140000
    static let characterDevice: UInt32 = 0o020000
    static let blockDevice: UInt32 = 0o060000

    static let getFlags: Int64 = 0x8008_6601
    static let setFlags: Int64 = 0x4008_6602
    static let fsGetXattr: Int64 = 0x801c_581f
    static let fsSetXattr: Int64 = 0x401c_5820

    static let timesMask: UInt32 = 0xfff  // STATX_BASIC_STATS and STATX_BTIME
}
