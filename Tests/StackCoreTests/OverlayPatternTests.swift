import Testing

@testable import StackCore

@Suite struct OverlayPatternTests {
    private func places(_ patterns: String...) -> OverlayPlaces {
        OverlayPlaces(patterns: patterns.map { OverlayPattern($0)! })
    }

    @Test func plainComponentsAreShownOnTheWay() {
        let places = places("/sys/fs/cgroup/")
        #expect(places.place(of: "sys", in: []) == .way)
        #expect(places.place(of: "fs", in: ["sys"]) == .way)
        #expect(places.place(of: "cgroup", in: ["sys", "fs"]) == .root(0))
        #expect(places.place(of: "cgroup", in: ["sys"]) == .lower)
        #expect(places.place(of: "x", in: ["sys", "fs", "cgroup"]) == .lower)
        #expect(places.names(in: ["sys"]) == ["fs"])
        #expect(!places.mayMatter("etc"))
    }

    @Test func wildcardsStandForLowerNames() {
        let places = places("*/cgroup", "a/c*")
        #expect(places.place(of: "b", in: []) == .lower)
        #expect(places.place(of: "cgroup", in: ["b"]) == .root(0))
        #expect(places.place(of: "cold", in: ["a"]) == .root(1))
        #expect(places.place(of: "cold", in: [".a"]) == .lower)
        #expect(places.names(in: ["b"]) == ["cgroup"])
        #expect(places.names(in: []) == ["a"])
    }

    @Test(arguments: ["", "a/../b", "a/./b", "a\nb"]) func whatNamesNoPlace(text: String) {
        #expect(OverlayPattern(text) == nil)
    }
}
