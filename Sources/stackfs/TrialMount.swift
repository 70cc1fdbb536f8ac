import FuseKernel
import Glibc
import Logging
import StackCore
import SystemCalls

/// A mount in a private directory that lives as long as INIT takes: the one way to learn what the kernel offers.
enum TrialMount {
    static func run() -> Result<Negotiation, Failure> {
        do throws(Failure) {
            let directory = try makeDirectory()
            defer { rmdir(directory) }
            return .success(try handshake(at: directory))
        } catch {
            return .failure(error)
        }
    }

    private static func makeDirectory() throws(Failure) -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(resolved(parent) ?? "/tmp")/stackfs-doctor.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .unable("no directory could be made in \(parent): \(Errno.last)") }
        return template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    private static func handshake(at path: String) throws(Failure) -> Negotiation {
        // The directory beneath the mount: an empty lower one.
        let lower = try Checks.openLower(path).take()
        let plan = MountPlan(try MountOptions(), user: geteuid(), source: "stackfs-doctor", lower: [])
        let (result, words) = capturingStandardError {
            Result { () throws(MountError) in try Mount.make(at: path, options: plan.options) }
        }
        switch result {
        case .failure(let error): throw .unable("\(error)\(words.isEmpty ? "" : " (\(words))")")
        case .success(let (mount, connection)):
            defer { try? mount.unmount(lazily: true) }
            let quiet = Logger(label: "stackfs", factory: { _ in SwiftLogNoOpLogHandler() })
            let mirror: Mirror
            do throws(Errno) {
                mirror = try Mirror(lower: Descriptor(owning: lower), options: MirrorOptions(), logger: quiet)
            } catch {
                throw .unable("the lower directory cannot be served: \(error)")
            }
            var options = SessionOptions()
            options.wanted = mirror.wantedFlags
            do throws(SessionError) {
                return try Session(connection, mirror, options, quiet).negotiation
            } catch {
                throw .unable(error.sentence(descriptor: nil))
            }
        }
    }
}
