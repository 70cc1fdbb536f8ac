import Glibc

/// Where an overlay stands: a path from the mount's root whose components may be patterns as of glob(7).
///
/// A plain component is shown whether the lower directory has it or not; one with a wildcard stands for the names that the lower
/// directory has.
public struct OverlayPattern: Hashable, Sendable {
    public let components: [String]

    /// Nil for what names no place: "." and ".." as components, control characters, or a component of more than 255 bytes. Slashes at
    /// either end do not count, and "/" is the mount's root.
    public init?(_ text: String) {
        components = text.split(separator: "/").map(String.init)
        for component in components {
            if component == "." || component == ".." || component.utf8.count > 255 { return nil }
            if component.utf8.contains(where: { $0 < 32 || $0 == 127 }) { return nil }
        }
        if text.isEmpty { return nil }
    }

    static func isWildcard(_ component: String) -> Bool { component.utf8.contains { "*?[\\".utf8.contains($0) } }

    /// Whether a name is what a component stands for.
    static func matches(_ component: String, _ name: String) -> Bool {
        isWildcard(component) ? fnmatch(component, name, FNM_PERIOD) == 0 : component == name
    }

    /// Whether a directory is this many components on the way to the place.
    func leads(through path: [String]) -> Bool {
        path.count < components.count && zip(components, path).allSatisfy { Self.matches($0, $1) }
    }
}

/// What stands at a name of a directory.
enum OverlayPlace: Equatable {
    /// The root of the overlay of this index.
    case root(Int)
    /// A directory on the way, which is shown also where the lower directory has none.
    case way
    /// What the lower directory has there.
    case lower
}

/// All places of a mount's overlays.
struct OverlayPlaces: Sendable {
    let patterns: [OverlayPattern]

    /// Whether a name may be one of a place's, wherever it is: what is not needs no path.
    func mayMatter(_ name: String) -> Bool {
        patterns.contains { $0.components.contains { OverlayPattern.matches($0, name) } }
    }

    /// What stands at `name` in a directory. Of several overlays at one place the first one is shown.
    func place(of name: String, in path: [String]) -> OverlayPlace {
        var result = OverlayPlace.lower
        for (index, pattern) in patterns.enumerated() where pattern.leads(through: path) {
            let component = pattern.components[path.count]
            guard OverlayPattern.matches(component, name) else { continue }
            if path.count + 1 == pattern.components.count { return .root(index) }
            if !OverlayPattern.isWildcard(component) { result = .way }
        }
        return result
    }

    /// Names that a directory shows also where the lower directory lacks them.
    func names(in path: [String]) -> [String] {
        var names: [String] = []
        for pattern in patterns where pattern.leads(through: path) {
            let component = pattern.components[path.count]
            if !OverlayPattern.isWildcard(component), !names.contains(component) { names.append(component) }
        }
        return names
    }

    /// Whether the directory is on the way to a place.
    func lead(through path: [String]) -> Bool { patterns.contains { $0.leads(through: path) } }
}
