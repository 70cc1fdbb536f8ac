import MountSupport
import Testing

extension Programs {
    @Suite struct AttributeTools {
        @Test func extendedAttributes() throws {
            let pair = try Pair()
            try pair.expectSame(
                .shell(
                    """
                    mkdir directory
                    touch file
                    ln -s file link
                    mkfifo fifo
                    for name in user.text trusted.text security.text; do
                        setfattr -n $name -v value file
                        setfattr -n $name -v 0x00ff01 directory
                    done
                    setfattr -h -n trusted.text -v link link
                    setfattr -n user.empty file
                    setfattr -n user.long -v "0x$(printf '%04000d' 0)" directory
                    getfattr -d -m - -e hex file directory
                    getfattr -h -d -m - link
                    setfattr -n user.text -v no fifo 2>&1 || true
                    setfattr -h -n user.text -v no link 2>&1 || true
                    setfattr -n system.unknown -v no file 2>&1 || true
                    setfattr -n "user.$(printf '%0251d' 0)" -v no file 2>&1 || true
                    setfattr -n user.large -v "0x$(printf '%070000d' 0)" file 2>&1 || true
                    getfattr -n user.missing file 2>&1 || true
                    setfattr -x user.missing file 2>&1 || true
                    setfattr -x user.text file
                    getfattr file directory
                    setpriv --reuid=1000 --clear-groups getfattr -m - file
                    setpriv --reuid=1000 --clear-groups setfattr -n user.text -v no file 2>&1 || true
                    """))
            try pair.end()
        }

        @Test func accessLists() throws {
            let pair = try Pair()
            try pair.expectSame(
                .shell(
                    """
                    mkdir shared
                    chmod 770 shared
                    setfacl -m u:1000:rwx,g:1001:rx,m::rwx shared
                    setfacl -d -m u:1000:rwx,u:1002:r,g:1001:rx shared
                    umask 077
                    echo secret >shared/file
                    mkdir -p shared/below/further
                    mkfifo shared/fifo
                    setpriv --reuid=1000 --regid=1000 --clear-groups touch shared/by-user
                    umask 022
                    getfacl -n -R shared
                    for user in 1000 1001 1002 1003; do
                        for group in 1000 1001; do
                            as="setpriv --reuid=$user --regid=$group --clear-groups"
                            echo "$user:$group"
                            $as cat shared/file 2>&1 || true
                            $as sh -c 'echo more >>shared/file' 2>&1 | sed 's/^.*: //' || true
                            $as ls shared/below 2>&1 || true
                            $as touch shared/below/new 2>&1 && rm shared/below/new || true
                        done
                    done
                    setpriv --reuid=1003 --regid=1003 --groups=1001 cat shared/file 2>&1 || true
                    setpriv --reuid=1000 --regid=1000 --clear-groups setfacl -m u:1003:rwx shared 2>&1 || true
                    setfacl -b shared/file
                    setfacl -k shared/below
                    chmod g-w shared
                    getfacl -n -R shared
                    getfacl -n -R shared | setfacl --restore=-
                    getfacl -n -R shared
                    """))
            try pair.end()
        }

        @Test func inodeFlags() throws {
            let pair = try Pair()
            try pair.expectSame(
                .shell(
                    """
                    mkdir directory
                    echo line >file
                    chattr +i file
                    echo more >>file 2>&1 || true
                    rm -f file 2>&1 || true
                    ln file link 2>&1 || true
                    chattr -i file
                    chattr +a file
                    echo more >>file
                    (echo over >file) 2>&1 | sed 's/^.*: //'
                    mv file other 2>&1 || true
                    chattr -a file
                    chattr +AdS file
                    chattr +D directory
                    lsattr -d file directory | sed 's/[eI]/-/'
                    chattr -p 17 file 2>&1 || true
                    lsattr -p file | sed 's/[eI]/-/'
                    setpriv --reuid=1000 --clear-groups chattr +d file 2>&1 || true
                    chattr -AdS file
                    """))
            try pair.end()
        }

        @Test func capabilities() throws {
            let pair = try Pair()
            try pair.expectSame(
                .shell(
                    """
                    cp "$(command -v cat)" program
                    echo secret >secret
                    chmod 600 secret
                    setcap cap_dac_read_search+ep program
                    getcap program
                    setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all ./program secret
                    cp program copy
                    getcap copy
                    printf x >>program
                    echo "written: $(getcap program)"
                    setcap cap_dac_read_search+ep program
                    chown 1000 program
                    echo "given away: $(getcap program)"
                    """))
            try pair.end()
        }
    }
}
