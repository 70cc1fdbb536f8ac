import MountSupport
import Testing

extension Programs {
    @Suite struct Archives {
        @Test func tarKeepsEverything() throws {
            let pair = try Pair()
            try pair.expectSame(
                .plant(
                    then: """
                        options='--xattrs --xattrs-include=* --acls --numeric-owner --sparse'
                        tar $options --sort=name -cf archive.tar source
                        mkdir out
                        tar $options -xpf archive.tar -C out
                        tar $options -df archive.tar
                        tar -tvf archive.tar | sed 's/^\\(.\\{10\\}\\) /\\1 /'
                        rm archive.tar
                        """))
            try pair.end()
        }

        @Test func tarTellsEqualTrees() throws {
            let pair = try Pair()
            // From the native directory into the mount and back: tar itself compares.
            _ = try Script.plant(then: "").run(in: pair.native)
            let copy = Script.shell(
                """
                options='--xattrs --xattrs-include=* --acls --numeric-owner --sparse'
                tar $options -C "$1" -cf - source | tar $options -xpf -
                tar $options -C "$1" -cf - source | tar $options -df -
                """)
            try pair.expectSuccess(copy, pair.native)
            expectEqualLines(try TreeDigest.of(pair.mount.path), try TreeDigest.of(pair.native), "copy and original")
            let back = try pair.scratch.makeLowerDirectory("back")
            let result = try copy.run(in: back, [pair.mount.path])
            #expect(result == Script.Result(ending: .exited(0), output: ""))
            expectEqualLines(try TreeDigest.of(back), try TreeDigest.of(pair.native), "copy back and original")
            try pair.end()
        }

        @Test func rsyncTransfersOnce() throws {
            let pair = try Pair()
            let output = try pair.expectSame(
                .plant(
                    then: """
                        rsync -aHAX --sparse source/ out/
                        echo "second: $(rsync -aHAX --sparse --itemize-changes source/ out/)"
                        echo "checksums: $(rsync -aHAX --sparse --checksum --itemize-changes source/ out/)"
                        echo more >>source/deep/er/script
                        rm source/fifo
                        rsync -aHAX --delete --itemize-changes source/ out/ | grep -v '/$'
                        """))
            #expect(output.hasPrefix("second: \nchecksums: \n"))
            try pair.end()
        }

        @Test func rsyncToAndFromTheMount() throws {
            let pair = try Pair()
            _ = try Script.plant(then: "").run(in: pair.native)
            let transfer = Script.shell("rsync -aHAX --sparse --itemize-changes \"$1/source\" \"$2\" | wc -l")
            let to = try transfer.run(in: "/", [pair.native, pair.mount.path])
            #expect(to.ending == .exited(0) && to.output != "0\n")
            expectEqualLines(try TreeDigest.of(pair.mount.path), try TreeDigest.of(pair.native), "copy and original")
            for (from, into) in [(pair.native, pair.mount.path), (pair.mount.path, pair.native)] {
                #expect(try transfer.run(in: "/", [from, into]) == Script.Result(ending: .exited(0), output: "0\n"))
            }
            try pair.end()
        }

        @Test func cpKeepsEverythingAndHoles() throws {
            let pair = try Pair()
            let output = try pair.expectSame(
                .plant(
                    then: """
                        cp -a --sparse=always source copy
                        cp -a source again
                        cp --sparse=never source/sparse full
                        sync copy/sparse again/sparse full
                        for file in copy/sparse again/sparse full; do
                            echo "$file: $(test $(stat -c %b "$file") -lt 1000 && echo sparse || echo full)"
                        done
                        cp -al source linked
                        """))
            #expect(output == "copy/sparse: sparse\nagain/sparse: sparse\nfull: full\n")
            try pair.end()
        }

        @Test func mvMovesTrees() throws {
            let pair = try Pair()
            try pair.expectSame(
                .plant(
                    then: """
                        mkdir here there
                        mv source here
                        mv here/source there/moved
                        mv there/moved/file there/moved/deep/er/
                        mv -n there/moved/deep/er/script there/moved/deep/er/file
                        rmdir here
                        mv -T there here
                        mv here/moved/empty here/moved/deep/
                        mv here/moved here/moved/deep 2>&1 || true
                        """))
            // Into another file system and back: everything is copied and removed.
            let away = pair.scratch.makeDirectory("away")
            let before = try TreeDigest.of(pair.mount.path)
            try pair.expectSuccess(.shell("mv here/moved \"$1/\"; test ! -e here/moved; mv \"$1/moved\" here/"), away)
            expectEqualLines(try TreeDigest.of(pair.mount.path), before, "after and before")
            try pair.end()
        }
    }
}
