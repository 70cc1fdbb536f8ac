import StackCore
import Testing

@testable import stackfs

@Suite struct MountOptionsTests {
    @Test func listsAreSplitAtCommasThatAreNotEscaped() {
        #expect(MountOptions.split("a,b=c,,d") == ["a", "b=c", "", "d"])
        #expect(MountOptions.split(#"fsname=a\,b,c"#) == ["fsname=a,b", "c"])
        #expect(MountOptions.split(#"a\b,c\"#) == [#"a\b"#, #"c\"#])
        #expect(MountOptions.split(#"a\\,b"#) == [#"a\,b"#])
        #expect(MountOptions.split("") == [""])
    }

    @Test func theLastOfARepeatedOptionCounts() throws {
        let options = try MountOptions(lists: ["max_write=8192,ro", "max_write=131072", "rw,allow_root,allow_other"])
        #expect(options.maxWrite == 131_072)
        #expect(options.readOnly == false)
        #expect(options.access == .everybody)
    }

    @Test func theOptionsOfTheStackFSGuideAreKnown() throws {
        let options = try MountOptions(
            lists: ["max_write=131072", "writeback_cache", "splice_read", "splice_write", "splice_move", "allow_other"])
        #expect(options.maxWrite == 131_072)
        #expect(options.writebackCache)
        #expect(options.splices)
        #expect(options.access == .everybody)
    }

    @Test func placesOfControlGroups() throws {
        let options = try MountOptions(lists: [
            "cgroup=/sys/fs/cgroup:v1:rw", "cgroup=/pods/*/cgroup", "cgroup=/:ro:v2",
        ])
        #expect(options.cgroups.map(\.version) == [.v1, .v2, .v2])
        #expect(options.cgroups.map(\.isReadOnly) == [false, true, true])
        #expect(
            options.cgroups.map { $0.place.components.joined(separator: "/") } == [
                "sys/fs/cgroup", "pods/*/cgroup", "",
            ])
    }

    @Test(arguments: [
        ("/x:bad", "'bad' is none of v1, v2, ro and rw"), ("/x:v2:", "'' is none of v1, v2, ro and rw"),
        ("/x:v3:rw", "'v3' is none of v1, v2, ro and rw"), ("/a/../b", "names no place"),
    ])
    func whatIsNoPlaceOfControlGroups(value: String, sentence: String) {
        let failure = #expect(throws: Failure.self) { try MountOptions(lists: ["cgroup=\(value)"]) }
        #expect(failure?.message.contains(sentence) == true)
    }

    @Test func wordsOfMountAreIgnored() throws {
        let options = try MountOptions(lists: [
            "defaults,noauto,user,nofail,_netdev,x-systemd.automount,X-mount.mkdir=755"
        ])
        #expect(options.readOnly == nil)
    }

    @Test func everyNameOfTheTableParses() throws {
        let values = [
            "cache": "none", "watcher": "fanotify", "entry_timeout": "1", "attr_timeout": "0.5",
            "negative_timeout": "0", "max_write": "4096",
            "max_read": "1048576", "busy_poll": "50", "threads": "3", "passthrough": "auto", "transport": "auto",
            "fsname": "a",
            "subtype": "b", "cgroup": "/sys/fs/cgroup:v1:rw", "cgroup_size": "4096",
        ]
        for row in MountOption.all {
            for name in row.names {
                let value = values[name]
                #expect((value != nil) == (row.value != nil), "\(name)")
                _ = try MountOptions(lists: [value.map { "\(name)=\($0)" } ?? name])
            }
        }
        let names = MountOption.all.flatMap(\.names)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { MountOption.helpText.contains($0) && !MountOption.isGeneric($0) })
    }

    @Test(arguments: [
        "max_write=4095", "max_write=1048577", "max_write=", "max_write=0x1000", "max_read=0", "threads=0",
        "threads=65",
        "cache=", "cache=watch", "watcher=", "watcher=inotify2", "cache=ttl:", "cache=ttl:inf", "entry_timeout=-1",
        "attr_timeout=1e10", "subtype=",
        "fsname=a\nb", "ro=", "nonempty=1", "=", "=1", "allow_other ", "Ro",
    ])
    func badValuesAreUsageErrors(option: String) {
        #expect(throws: Failure.self) { try MountOptions(lists: [option]) }
    }

    @Test func writesAreWholePages() throws {
        #expect(try MountOptions(lists: ["max_write=10000"]).maxWrite == 8192)
    }

    @Test func timeouts() throws {
        let plain = try MountOptions().cachePolicy(attrval: nil, isWatched: false)
        #expect(plain == .standard)
        let attrval = try MountOptions(lists: ["attr_timeout=7"]).cachePolicy(attrval: 3, isWatched: false)
        #expect(attrval == CachePolicy(mode: .timeToLive(seconds: 1), entry: 3, attributes: 7))
        let none = try MountOptions(lists: ["cache=none,negative_timeout=2"]).cachePolicy(
            attrval: nil, isWatched: false)
        #expect(none == CachePolicy(mode: .none, negative: 2))
        #expect(try MountOptions(lists: ["cache=ttl"]).cachePolicy(attrval: nil, isWatched: true) == .standard)
        let watched = try MountOptions(lists: ["attr_timeout=9"]).cachePolicy(attrval: nil, isWatched: true)
        #expect(watched == CachePolicy(mode: .watched, attributes: 9))
        #expect(watched.summary == "watched (attributes 9 s)")
        #expect(watched.unwatched.negative == .none && watched.watched.negative.seconds == 1_000_000_000)
        #expect(none.summary == "none (missing names 2 s)")
        #expect(attrval.summary == "ttl:1 (entries 3 s, attributes 7 s)")
        #expect(
            try MountOptions(lists: ["cache=ttl:0.5"]).cachePolicy(attrval: nil, isWatched: false).summary == "ttl:0.5")
    }

    @Test(arguments: [
        ("allow_othr", "allow_other"), ("default_permission", "default_permissions"), ("nosiud", "nosuid"),
        ("or", "ro"),
        ("max-write", "max_write"), ("writebackcache", "writeback_cache"),
    ])
    func suggestions(mistake: String, meant: String) {
        #expect(closest(to: mistake, among: MountOption.all.flatMap(\.names)) == meant)
    }

    @Test func nothingIsSuggestedForSomethingElse() {
        #expect(closest(to: "zork", among: MountOption.all.flatMap(\.names)) == nil)
        #expect(closest(to: "big_writes", among: MountOption.all.flatMap(\.names)) == nil)
    }

    @Test func distances() {
        #expect(editDistance("", "") == 0)
        #expect(editDistance("", "abc") == 3)
        #expect(editDistance("abc", "acb") == 1)
        #expect(editDistance("kitten", "sitting") == 3)
    }

    @Test func theManualPageHasEveryOption() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        let page = try #require(contents(of: "\(root)/docs/stackfs.8"))
        let words = Set(
            page.split(separator: "\n").filter { $0.hasPrefix(".It") }.flatMap { $0.split(separator: " ") }.map(
                String.init))
        for name in MountOption.all.flatMap(\.names) { #expect(words.contains(name), "\(name)") }
    }
}
