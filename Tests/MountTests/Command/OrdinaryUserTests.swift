import MountSupport
import Testing

/// What the command does for a user without privilege, in a mount namespace with a /dev/fuse and an /etc/fuse.conf of its own.
@Suite struct OrdinaryUserTests {
    /// Runs `script` with `lower` and `mount` owned by nobody. There `user COMMAND...` runs a command as that user, and
    /// `stackfs` is the command under test, copied to where everybody may run it.
    private func run(_ script: String, allowOther: Bool = false) throws -> ProcessResult {
        let scratch = try CommandScratch()
        let prologue = """
            cp "$0" stackfs; chmod 755 stackfs; PATH=$PWD:$PATH
            chown -R nobody lower mount
            mknod -m 666 fuse c 10 229; mount --bind fuse /dev/fuse
            echo \(allowOther ? "user_allow_other" : "'#user_allow_other'") >fuse.conf; mount --bind fuse.conf /etc/fuse.conf
            user() { setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all "$@"; }

            """
        return try ProcessRunner.run(
            ["unshare", "-m", "--propagation", "private", "sh", "-euc", prologue + script, ProcessRunner.stackfs],
            in: scratch.path)
    }

    @Test func mountsAndUnmounts() throws {
        let result = try run(
            """
            user stackfs lower mount
            findmnt -nro FSTYPE,OPTIONS --mountpoint $PWD/mount
            user cat mount/greeting
            user stackfs umount mount
            findmnt --mountpoint $PWD/mount || echo gone
            """)
        #expect(result.status == 0, "\(result.error)")
        let lines = result.output.split(separator: "\n")
        #expect(
            lines.first?.hasPrefix("fuse.stackfs rw,nosuid,nodev,relatime,user_id=65534") == true, "\(result.output)")
        #expect(lines.first?.contains("allow_other") == false)
        #expect(lines.dropFirst() == ["hello", "gone"])
        #expect(result.error.contains("new files belong to"), "\(result.error)")
    }

    @Test func saysThatDevicesAndSetIDAreLeftOut() throws {
        let result = try run(
            "user stackfs -o dev,suid lower mount; findmnt -nro OPTIONS --mountpoint $PWD/mount; umount mount")
        #expect(result.status == 0)
        #expect(result.error.contains("stackfs: dev and suid left out: for root only"))
        #expect(result.output.contains("nosuid,nodev"))
    }

    @Test(arguments: ["allow_other", "allow_root"])
    func othersNeedTheConfigurationsLeave(option: String) throws {
        let result = try run("user stackfs -o \(option) lower mount")
        #expect(result.status == 1)
        #expect(result.error.hasPrefix("stackfs: allow_other and allow_root are not open to user nobody here"))
    }

    @Test func allowRootTurnsOthersAway() throws {
        let result = try run(
            """
            user stackfs -o allow_root lower mount
            user cat mount/greeting
            cat mount/greeting
            setpriv --reuid daemon --regid daemon --clear-groups cat mount/greeting || echo refused
            user stackfs umount mount
            """, allowOther: true)
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output == "hello\nhello\nrefused\n")
    }

    @Test(arguments: [
        ("chown root mount", "the mount point mount is not writable by user nobody"),
        ("chown root mount; chmod 1777 mount", "the mount point mount is not writable by user nobody"),
        ("chown root lower; chmod 700 lower", "the lower directory lower may not be read by user nobody"),
        ("chown root lower; chmod 744 lower", "the lower directory lower may not be searched by user nobody"),
        ("chmod 600 /dev/fuse", "PATH/mount was not mounted: /dev/fuse cannot be opened: Permission denied"),
    ])
    func saysWhyNot(script: String, sentence: String) throws {
        let result = try run("echo $PWD; \(script)\nuser stackfs lower mount")
        #expect(result.status == 1)
        let path = String(result.output.dropLast())
        let expected = sentence.split(separator: "PATH", omittingEmptySubsequences: false).joined(separator: path)
        #expect(result.error.hasPrefix("stackfs: \(expected)"), "\(result.error)")
    }

    @Test func needsFusermount() throws {
        let result = try run(
            """
            touch nothing
            for program in /usr/bin/fusermount3 /usr/bin/fusermount; do [ ! -e $program ] || mount --bind nothing $program; done
            user stackfs lower mount
            """)
        #expect(result.status == 1)
        #expect(result.error.contains("fusermount3 is not installed"), "\(result.error)")
    }

    @Test func mayNotUnmountWhatOthersMounted() throws {
        let result = try run("stackfs lower mount; user stackfs umount mount || echo $?; stackfs umount mount")
        #expect(result.output == "1\n")
        #expect(result.error.hasPrefix("stackfs: mount was mounted by user 0"), "\(result.error)")
    }

    @Test func learnsWhoKeepsAMountBusy() throws {
        let result = try run(
            """
            user stackfs lower mount
            user sh -c 'cd mount && exec sleep 5' >/dev/null 2>&1 & sleep 0.5
            user stackfs umount mount || echo $?
            user stackfs umount --lazy mount
            """)
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output == "1\n")
        #expect(result.error.contains("is in use by sleep ("), "\(result.error)")
    }

    @Test func clearsADeadMount() throws {
        let result = try run(
            """
            user stackfs -f lower mount & sleep 1
            kill -9 $(pgrep -nf '^stackfs -f lower mount$')
            user stackfs lower mount || echo $?
            user stackfs umount mount
            findmnt --mountpoint $PWD/mount || echo gone
            """)
        #expect(result.output == "1\ngone\n", "\(result.error)")
        #expect(
            result.error.contains("is a mount whose daemon is dead: clear it with `stackfs umount"), "\(result.error)")
    }
}
