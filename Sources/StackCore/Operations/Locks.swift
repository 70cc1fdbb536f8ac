import CLinux
import FuseKernel
import Glibc
import SystemCalls

/// Locks are taken on the lower files, so that programs on the mount and beside it exclude each other.
///
/// flock(2) locks belong to the lower file that stands for the open file. A POSIX lock belongs to a process, which the daemon is
/// not: each lock owner has an open file description of its own, whose OFD locks stand for its POSIX locks.
extension Mirror {
    // MARK: GETLK

    public func getlk(_ request: Request, _ arguments: fuse_lk_in, into reply: inout Reply) throws(Errno) {
        let file = try lowerFile(request.nodeid, arguments.fh, flags: O_RDONLY)
        var lock = try linux_flock(arguments.lk)
        if let own = try lockOwners.descriptor(owner: arguments.owner, node: file.node) {
            try checked(linux_fcntl_lock(own.number, LINUX_F_OFD_GETLK, &lock))
        } else {
            try checked(linux_fcntl_lock(file.descriptor, LINUX_F_OFD_GETLK, &lock))
        }
        var answer = fuse_lk_out()
        answer.lk.type = UInt32(lock.type)
        if Int32(lock.type) != F_UNLCK {
            answer.lk.start = UInt64(bitPattern: lock.start)
            answer.lk.end = lock.len == 0 ? UInt64(Int64.max) : UInt64(bitPattern: lock.start &+ lock.len &- 1)
            // The kernel knows no process for an OFD lock; if it is one of ours, its owner's is known.
            let isOFD = lock.pid == -1
            let holder = isOFD ? lockOwners.holder(of: lock, node: file.node, besides: arguments.owner) : nil
            answer.lk.pid = holder ?? (isOFD ? 0 : UInt32(bitPattern: lock.pid))
        }
        try reply.append(answer)
    }

    // MARK: SETLK, SETLKW, INTERRUPT

    public func setlk(_ request: Request, _ arguments: fuse_lk_in, wait: Bool, into reply: inout Reply)
        throws(Errno)
    {
        // A lock belongs to an open file and goes with it: one without would stay for ever.
        guard arguments.fh != 0 else { throw .ebadf }
        if arguments.lk_flags & RequestFlags.lockFlock != 0 {
            try setFlock(request, arguments, wait: wait, into: &reply)
        } else {
            try setPosixLock(request, arguments, wait: wait, into: &reply)
        }
    }

    private func setFlock(_ request: Request, _ arguments: fuse_lk_in, wait: Bool, into reply: inout Reply)
        throws(Errno)
    {
        let operation: Int32
        switch Int32(bitPattern: arguments.lk.type) {
        case F_RDLCK: operation = LOCK_SH
        case F_WRLCK: operation = LOCK_EX
        case F_UNLCK: operation = LOCK_UN
        default: throw .einval
        }
        let file = try lowerFile(request.nodeid, arguments.fh, flags: O_RDONLY)
        let result = linux_flock_call(file.descriptor, operation | LOCK_NB)
        guard result == Int64(-EWOULDBLOCK), wait else {
            try checked(result)
            return
        }
        // A duplicate shares the lock, and outlives a close that comes while the lock is waited for.
        let duplicate = Descriptor(owning: Int32(try checked(linux_fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0))))
        try lockWaiters.start(unique: reply.unique, on: duplicate) { linux_flock_call($0, operation) }
        reply.postpone()
    }

    private func setPosixLock(_ request: Request, _ arguments: fuse_lk_in, wait: Bool, into reply: inout Reply)
        throws(Errno)
    {
        let file = try lowerFile(request.nodeid, arguments.fh, flags: O_RDONLY)
        var lock = try linux_flock(arguments.lk)
        if Int32(lock.type) == F_UNLCK {
            guard let own = try lockOwners.descriptor(owner: arguments.owner, node: file.node) else { return }
            try checked(linux_fcntl_lock(own.number, LINUX_F_OFD_SETLK, &lock))
            return
        }
        let own = try lockOwners.descriptor(
            owner: arguments.owner, node: file.node, process: arguments.lk.pid, through: arguments.fh,
            file: file.descriptor)
        let result = linux_fcntl_lock(own.number, LINUX_F_OFD_SETLK, &lock)
        guard result == Int64(-EAGAIN), wait else {
            try checked(result)
            return
        }
        let wanted = lock
        try lockWaiters.start(unique: reply.unique, on: own) { descriptor in
            var lock = wanted
            return linux_fcntl_lock(descriptor, LINUX_F_OFD_SETLKW, &lock)
        }
        reply.postpone()
    }

    public func interrupt(unique: UInt64) { lockWaiters.interrupt(unique: unique) }
}

extension linux_flock {
    /// The protocol's lock, whose `end` is the last byte, as fcntl(2) has it, whose length 0 means to the end.
    fileprivate init(_ lock: fuse_file_lock) throws(Errno) {
        guard let start = Int64(exactly: lock.start), let end = Int64(exactly: lock.end), end >= start,
            let type = Int16(exactly: lock.type)
        else { throw .einval }
        self.init(
            type: type, whence: Int16(SEEK_SET), start: start, len: end == .max ? 0 : end - start + 1, pid: 0)
    }
}
