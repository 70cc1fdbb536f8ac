extension Script {
    /// Plants `source`, a tree with one of everything that archives and copies must keep.
    static func plant(then commands: String) -> Script {
        .shell(
            """
            mkdir -p source/empty source/deep/er
            head -c 300000 /dev/zero | tr '\\0' 'x' >source/file
            echo content >source/deep/er/script
            ln source/file source/deep/link
            ln -s er/script source/deep/symbolic
            ln -s nowhere source/dangling
            mkfifo -m 620 source/fifo
            mknod source/device c 1 3
            touch 'source/name with blanks' 'source/name\\with "odd" letters' "$(printf 'source/\\377\\001bytes')"
            truncate -s 8M source/sparse
            printf end | dd of=source/sparse bs=1 seek=5000000 conv=notrunc status=none
            setfattr -n user.colour -v blue source/file
            setfattr -n trusted.hidden -v 0x00ff source/deep
            setfacl -m u:1000:rw,g:1001:r source/file
            setfacl -d -m u:1000:rwx source/deep
            chown 1000:1001 source/file source/empty
            chown -h 1002:1003 source/dangling
            chmod 4755 source/deep/er/script
            chmod 1777 source/empty
            chmod 2750 source/deep/er
            setcap cap_net_raw+ep source/sparse
            find source -depth -exec touch -h -d '2001-02-03 04:05:06.789012345' {} +
            \(commands)
            """)
    }
}
