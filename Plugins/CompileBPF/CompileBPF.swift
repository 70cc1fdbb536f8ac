import Foundation
import PackagePlugin

/// Compiles the programs of `ebpf/` with the toolchain's own clang, and makes them part of the module (scripts/bpf.sh).
@main
struct CompileBPF: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let package = context.package.directoryURL
        let programs = package.appending(path: "ebpf")
        let script = package.appending(path: "scripts/bpf.sh")
        let clang = try context.tool(named: "clang").url
        return ["watch", "held"].map { name in
            let program = programs.appending(path: "\(name).bpf.c")
            let output = context.pluginWorkDirectoryURL.appending(path: "\(name.capitalized)Object.swift")
            return .buildCommand(
                displayName: "Compiling \(program.lastPathComponent)",
                executable: URL(filePath: "/bin/sh"),
                arguments: [script.path(), clang.path(), program.path(), "\(name)Object", output.path()],
                inputFiles: [program, script] + ["\(name).h", "kernel.h"].map { programs.appending(path: $0) },
                outputFiles: [output])
        }
    }
}
