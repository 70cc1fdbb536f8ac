import CLinux
import SystemCalls

/// The classic BPF program of seccomp(2) that refuses the calls of a table.
///
/// A call without a rule about its arguments costs nothing but a bit: the kernel runs the program once for each number when
/// it is installed, and remembers which are always allowed (Linux 5.11). That is why the program may be a plain list.
struct SystemCallFilter {
    private(set) var program: [linux_bpf_instruction] = []

    // struct seccomp_data of linux/seccomp.h: number, architecture, instruction pointer, six arguments of 64 bits. Both
    // architectures have the low half of an argument first.
    private static let number: UInt32 = 0
    private static let architecture: UInt32 = 4
    private static func argument(_ index: Int) -> UInt32 { 16 + 8 * UInt32(index) }

    init(_ calls: [RefusedCall], _ architecture: Architecture) {
        // A 32-bit call (int 0x80) has another architecture, and numbers of its own.
        append(LINUX_BPF_LD_W_ABS, Self.architecture)
        append(LINUX_BPF_JMP_JEQ_K, architecture.audit, ifTrue: 1)
        refuse(.eperm)
        append(LINUX_BPF_LD_W_ABS, Self.number)
        append(LINUX_BPF_JMP_JGT_K, RefusedCall.newestKnown, ifFalse: 1)
        refuse(.enosys)
        for call in calls {
            guard let number = call.number(on: architecture) else { continue }
            append(call, number)
        }
        append(LINUX_BPF_RET_K, LINUX_SECCOMP_RET_ALLOW)
    }

    /// What to do about the call of this number, in front of the rest, which finds the number in the accumulator still.
    private mutating func append(_ call: RefusedCall, _ number: UInt32) {
        switch call.rule {
        case .never(let error):
            append(LINUX_BPF_JMP_JEQ_K, number, ifFalse: 1)
            refuse(error)
        case .only(let argument, let mask, let value):
            append(LINUX_BPF_JMP_JEQ_K, number, ifFalse: 5)
            append(LINUX_BPF_LD_W_ABS, Self.argument(argument))
            append(LINUX_BPF_ALU_AND_K, mask)
            append(LINUX_BPF_JMP_JEQ_K, value, ifFalse: 1)
            append(LINUX_BPF_RET_K, LINUX_SECCOMP_RET_ALLOW)
            refuse(.eperm)
        case .neither(let argument, let values):
            append(LINUX_BPF_JMP_JEQ_K, number, ifFalse: UInt8(values.count + 3))
            append(LINUX_BPF_LD_W_ABS, Self.argument(argument))
            for (index, value) in values.enumerated() {
                append(LINUX_BPF_JMP_JEQ_K, value, ifTrue: UInt8(values.count - index))
            }
            append(LINUX_BPF_RET_K, LINUX_SECCOMP_RET_ALLOW)
            refuse(.eperm)
        }
    }

    private mutating func append(_ code: UInt16, _ operand: UInt32, ifTrue: UInt8 = 0, ifFalse: UInt8 = 0) {
        program.append(linux_bpf_instruction(code: code, if_true: ifTrue, if_false: ifFalse, operand: operand))
    }

    private mutating func refuse(_ error: Errno) {
        append(LINUX_BPF_RET_K, LINUX_SECCOMP_RET_ERRNO | UInt32(bitPattern: error.rawValue))
    }

    /// Who is bound by the filter.
    enum Extent {
        case thread
        case process
    }

    /// Puts the filter in force, for good.
    ///
    /// - Throws: EACCES without no_new_privs and CAP_SYS_ADMIN; ESRCH where another thread has a filter of its own; EINVAL,
    ///   ENOSYS or EPERM where the kernel or the container has none.
    func install(_ extent: Extent) throws(Errno) {
        // SPEC_ALLOW: before Linux 5.16 a filter would otherwise turn off speculation, as if the code were not our own.
        var flags = LINUX_SECCOMP_FILTER_FLAG_SPEC_ALLOW
        if extent == .process { flags |= LINUX_SECCOMP_FILTER_FLAG_TSYNC | LINUX_SECCOMP_FILTER_FLAG_TSYNC_ESRCH }
        try checked(
            program.withUnsafeBufferPointer { instructions in
                var program = linux_bpf_program(
                    length: UInt16(instructions.count), instructions: instructions.baseAddress!)
                return linux_seccomp(LINUX_SECCOMP_SET_MODE_FILTER, flags, &program)
            })
    }
}
