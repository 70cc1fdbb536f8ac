import MountSupport
import Testing

@testable import Differential

/// Random system calls on a native directory and on a mount give the same.
///
/// The suite always draws the same calls, so that a failure is of the change that is tested; STACKFS_SEED draws others and
/// STACKFS_DIFFERENTIAL_CALLS more. `stackfs-differential` is the same as a program, with a seed of its own each time.
@Suite(.serialized, .enabled(if: Requirements.met, "\(Requirements.reason)"))
struct DifferentialTests {
    private static let standardSeed: UInt64 = 20_26_11_21
    private static let seed =
        Environment.number("STACKFS_SEED").map { UInt64($0) } ?? standardSeed
    private static let calls = Environment.number("STACKFS_DIFFERENTIAL_CALLS") ?? 50_000

    /// The lower file systems that this machine can make.
    static let kinds = LowerFileSystem.allCases.filter { $0 != .plain && Requirements.missing(for: $0) == nil }

    /// Where data may go: within the kernel, as far as this kernel has passthrough, and through the daemon.
    @Test(arguments: kinds, ["passthrough=auto", "passthrough=off"])
    func aMountBehavesAsItsLowerDirectory(_ kind: LowerFileSystem, _ data: String) throws {
        let fixture = try Fixture(kind, options: ["allow_other", "default_permissions", data])
        // Most calls on the commonest file system, some on each of the others.
        let report = try run(fixture, calls: kind == .ext4 ? Self.calls * 6 / 10 : Self.calls / 10)
        #expect(report.failures.isEmpty, "\(report.failures.map(\.description).joined(separator: "\n\n"))")
        #expect(fixture.mount?.failure == nil)
        try fixture.mount?.unmount()
    }

    @Test(arguments: kinds.filter { $0 == .ext4 || $0 == .tmpfs })
    func aMountShowsWhatManyThreadsMadeTogether(_ kind: LowerFileSystem) throws {
        let fixture = try Fixture(kind)
        var test = Differential(sides: fixture.sides, seed: Self.seed, calls: Self.calls / 10)
        test.threads = 4
        let report = try test.runShared()
        #expect(report.failures.isEmpty, "\(report.failures.map(\.description).joined(separator: "\n\n"))")
        #expect(fixture.mount?.failure == nil)
        try fixture.mount?.unmount()
    }

    // MARK: the test itself

    @Test func everyDeviationIsListed() throws {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let limits = TextFile.read("/\(root)/LIMITS.md").split(separator: "\n")
        #expect(!Deviations.all.isEmpty)
        for deviation in Deviations.all {
            #expect(limits.contains { $0.hasPrefix("| \(deviation.limit)") }, "\(deviation.limit)")
        }
    }

    @Test(arguments: kinds)
    func twoDirectoriesOfOneFileSystemDoNotDiffer(_ kind: LowerFileSystem) throws {
        let report = try run(Fixture(kind, mounted: false), calls: 4000)
        #expect(report.failures.isEmpty, "\(report.failures.map(\.description).joined(separator: "\n\n"))")
    }

    @Test func everyCallOfTheTableReachesSomething() throws {
        let report = try run(Fixture(.ext4, mounted: false), calls: 10_000)
        #expect(report.coverage.neverSucceeded == [])
    }

    @Test func differentFileSystemsAreToldApartByAShortScript() throws {
        let first = try Scratch(.ext4)
        let second = try Scratch(.tmpfs)
        var test = Differential(
            sides: Sides(native: first.directory, mount: second.directory, lower: nil, stampsAccesses: true),
            seed: Self.seed, calls: 10_000)
        test.failureLimit = 1
        let report = try test.run()
        let failure = try #require(report.failures.first, "ext4 and tmpfs behave alike, seed \(Self.seed)")
        #expect(failure.callCount <= 6, "\(failure)")
    }

    private func run(_ fixture: Fixture, calls: Int) throws -> Differential.Report {
        print("differential test on \(fixture.scratch.kind): STACKFS_SEED=\(Self.seed)")
        return try Differential(sides: fixture.sides, seed: Self.seed, calls: calls).run()
    }
}
