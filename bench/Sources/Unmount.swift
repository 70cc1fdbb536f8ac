import CLoops
import Glibc

enum Unmount {
    /// Unmounts whatever is at a path: at once where nobody uses it, else as soon as nobody does.
    static func now(_ path: String) {
        for _ in 0..<20 {
            switch bench_unmount(path, 0) {
            case 0: continue
            case -EBUSY: usleep(10_000)
            default: return
            }
        }
        _ = bench_unmount(path, 1)
    }
}
