import CLinux

@testable import StackCore

/// Runs the program of a filter as the kernel would (net/core/filter.c, kernel/seccomp.c), and keeps count of what it reads.
struct FilterInterpreter {
    /// What becomes of a call.
    enum Verdict: Equatable {
        case allowed
        case refused(Int32)
        /// The program is wrong: it runs over its end, or does what seccomp(2) does not know.
        case malformed
    }

    let program: [linux_bpf_instruction]
    let architecture: UInt32
    private(set) var readsArguments = false

    init(_ program: [linux_bpf_instruction], architecture: UInt32) {
        self.program = program
        self.architecture = architecture
    }

    mutating func verdict(on number: UInt32, _ arguments: [UInt64] = []) -> Verdict {
        // struct seccomp_data: number, architecture, instruction pointer, six arguments.
        var data: [UInt32] = [number, architecture, 0xdead, 0xbeef]
        for index in 0..<6 {
            let value = index < arguments.count ? arguments[index] : 0
            data += [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
        }
        readsArguments = false
        var accumulator: UInt32 = 0
        var place = 0
        while program.indices.contains(place) {
            let instruction = program[place]
            place += 1
            switch instruction.code {
            case LINUX_BPF_LD_W_ABS:
                guard instruction.operand % 4 == 0, data.indices.contains(Int(instruction.operand / 4)) else {
                    return .malformed
                }
                if instruction.operand >= 16 { readsArguments = true }
                accumulator = data[Int(instruction.operand / 4)]
            case LINUX_BPF_ALU_AND_K: accumulator &= instruction.operand
            case LINUX_BPF_JMP_JEQ_K:
                place += Int(accumulator == instruction.operand ? instruction.if_true : instruction.if_false)
            case LINUX_BPF_JMP_JGT_K:
                place += Int(accumulator > instruction.operand ? instruction.if_true : instruction.if_false)
            case LINUX_BPF_RET_K: return Self.verdict(instruction.operand)
            default: return .malformed
            }
        }
        return .malformed
    }

    private static func verdict(_ value: UInt32) -> Verdict {
        if value == LINUX_SECCOMP_RET_ALLOW { return .allowed }
        guard value & 0xffff_0000 == LINUX_SECCOMP_RET_ERRNO else { return .malformed }
        return .refused(Int32(value & 0xffff))
    }
}
