// swift-tools-version: 6.2
import PackageDescription

// CI sets STACKFS_STRICT=1: warnings are errors there, and only there, so that a newer compiler cannot break a user's build.
let strict = Context.environment["STACKFS_STRICT"] == "1"
let swift: [SwiftSetting] =
    [.enableExperimentalFeature("Lifetimes")] + (strict ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
    name: "stackfs",
    products: [
        .executable(name: "stackfs", targets: ["stackfs"]),
        // What a file system's own code names as well: errors and descriptors, and the protocol's structures.
        .library(name: "FuseKernel", targets: ["FuseKernel", "SystemCalls", "CLinux"]),
        .library(name: "StackCore", targets: ["StackCore"]),
    ],
    dependencies: [
        // Options, subcommands and help as every Swift tool has them.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // The logging interface of the Swift server world; free of Foundation.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .target(name: "CLinux"),
        .systemLibrary(name: "CFuse", providers: [.apt(["libfuse-dev", "libattr1-dev"])]),
        .target(name: "SystemCalls", dependencies: ["CLinux"], swiftSettings: swift),
        .target(
            name: "FuseKernel",
            dependencies: ["CLinux", "CFuse", "SystemCalls", .product(name: "Logging", package: "swift-log")],
            swiftSettings: swift),
        .target(
            name: "StackCore",
            dependencies: ["CLinux", "SystemCalls", "FuseKernel", .product(name: "Logging", package: "swift-log")],
            swiftSettings: swift),
        // What the programs of ebpf/ and their loader share; the plugin compiles the programs.
        .systemLibrary(name: "CWatch", path: "ebpf", providers: [.apt(["libbpf-dev"])]),
        .plugin(name: "CompileBPF", capability: .buildTool()),
        .target(
            name: "ExtCache",
            dependencies: [
                "CWatch", "CLinux", "SystemCalls", "FuseKernel", "StackCore",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swift, plugins: ["CompileBPF"]),
        .target(name: "CgroupOverlay", dependencies: ["CLinux", "SystemCalls", "StackCore"], swiftSettings: swift),
        .executableTarget(
            name: "stackfs",
            dependencies: [
                "ExtCache", "CgroupOverlay", "StackCore", "FuseKernel", "SystemCalls", "CLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swift),
        .testTarget(
            name: "CgroupOverlayTests", dependencies: ["CgroupOverlay", "CLinux", "SystemCalls"], exclude: ["Oracle"],
            swiftSettings: swift),
        // What tests send in the kernel's stead.
        .target(
            name: "FuseMessages", dependencies: ["CLinux", "FuseKernel"], path: "Tests/FuseMessages",
            swiftSettings: swift),
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .testTarget(
            name: "StackCoreTests",
            dependencies: [
                "StackCore", "FuseKernel", "FuseMessages", "SystemCalls", "CLinux", "CAllocationCounter",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swift),
        .testTarget(
            name: "FuseKernelTests",
            dependencies: [
                "FuseKernel", "FuseMessages", "SystemCalls", "CLinux", "CAllocationCounter",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swift),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "FuseKernel", "FuseMessages", "StackCore", "SystemCalls", "CLinux",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swift),
        .testTarget(
            name: "stackfsTests",
            dependencies: [
                "stackfs", "CgroupOverlay", "StackCore", "FuseKernel", "SystemCalls", "CLinux",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swift),
        // Tests on real mounts. The calls they make share nothing with the daemon's own.
        .target(name: "CTestCalls", path: "Tests/CTestCalls"),
        .target(name: "Differential", dependencies: ["CTestCalls"], path: "Tests/Differential", swiftSettings: swift),
        .target(
            name: "MountSupport", dependencies: ["CTestCalls", "Differential"], path: "Tests/MountSupport",
            swiftSettings: swift),
        .executableTarget(
            name: "stackfs-differential",
            dependencies: [
                "Differential", "MountSupport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/DifferentialCommand", swiftSettings: swift),
        .testTarget(
            name: "MountTests",
            dependencies: [
                "stackfs", "ExtCache", "StackCore", "SystemCalls", "Differential", "MountSupport", "CTestCalls",
            ],
            exclude: ["Cgroup/Clients"],
            swiftSettings: swift),
        .testTarget(
            name: "ExtCacheTests",
            dependencies: [
                "ExtCache", "CWatch", "CLinux", "SystemCalls", "StackCore", "MountSupport", "CAllocationCounter",
            ],
            swiftSettings: swift),
        // What stackfs costs, against the lower directory and against others: `make bench`.
        .target(name: "CLoops", path: "bench/CLoops"),
        .executableTarget(
            name: "stackfs-bench",
            dependencies: ["CLoops", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "bench/Sources", swiftSettings: swift),
        .testTarget(name: "BenchTests", dependencies: ["stackfs-bench", "CLoops"], swiftSettings: swift),
    ],
    swiftLanguageModes: [.v6],
)
