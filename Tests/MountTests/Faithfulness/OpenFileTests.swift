import MountSupport
import Testing

extension Faithfulness {
    /// Files that are open, under no name, or under several.
    @Suite struct OpenFiles {
        @Test func hardLinksAreOneInode() throws {
            let pair = try Pair()
            try pair.expectSame(
                .python(
                    """
                    write('one', b'content')
                    os.link('one', 'two')
                    os.mkdir('directory')
                    os.link('two', 'directory/three')
                    stats = [os.stat(path) for path in ('one', 'two', 'directory/three')]
                    assert len({s.st_ino for s in stats}) == 1 and stats[0].st_nlink == 3
                    fd = os.open('one', os.O_RDWR)
                    os.chmod('directory/three', 0o600)
                    os.pwrite(fd, b'CONT', 0)
                    assert os.stat('two').st_mode & 0o777 == 0o600 and read('directory/three') == b'CONTent'
                    os.unlink('one')
                    assert os.fstat(fd).st_nlink == 2
                    os.rename('two', 'directory/three')
                    assert os.path.exists('two'), 'rename of one inode onto itself does nothing'
                    print(name(lambda: os.link('directory', 'other')))
                    os.symlink('two', 'symbolic')
                    os.link('symbolic', 'linked', follow_symlinks=False)
                    """))
            try pair.end()
        }

        @Test func hardLinksMadeBelowAreOneInode() throws {
            let pair = try Pair()
            try pair.expectSuccess(
                .python(
                    """
                    lower = sys.argv[1]
                    write(lower + '/one', b'content')
                    os.link(lower + '/one', lower + '/two')
                    assert os.path.samefile('one', 'two') and os.stat('one').st_nlink == 2
                    fd = os.open('one', os.O_WRONLY)
                    os.write(fd, b'CONT')
                    assert read('two') == b'CONTent'
                    os.link(lower + '/two', lower + '/three')
                    assert os.path.samefile('three', 'one')
                    assert os.stat('one').st_ino == os.stat(lower + '/one').st_ino
                    time.sleep(1.1)
                    assert os.fstat(fd).st_nlink == 3
                    """), pair.lower)
            try pair.end()
        }

        @Test(arguments: LowerFileSystem.allCases.filter { $0 != .plain }) func unlinkedFilesLiveOn(
            _ kind: LowerFileSystem
        ) throws {
            let pair = try Pair(kind)
            try pair.expectSame(
                .python(
                    """
                    write('file', b'content')
                    fd = os.open('file', os.O_RDWR)
                    other = os.open('file', os.O_RDONLY)
                    os.unlink('file')
                    write('file', b'another')
                    s = os.fstat(fd)
                    assert s.st_nlink == 0 and s.st_size == 7
                    assert s.st_ino != os.stat('file').st_ino
                    os.pwrite(fd, b'more content', 7)
                    assert os.pread(other, 100, 0) == b'contentmore content'
                    os.ftruncate(fd, 10)
                    os.fchmod(fd, 0o400)
                    os.fchown(fd, 1000, 1000)
                    os.utime(fd, (1, 2))
                    os.setxattr(fd, 'trusted.name', b'value')
                    assert os.getxattr(other, 'trusted.name') == b'value'
                    os.close(fd)
                    time.sleep(1.1)
                    s = os.fstat(other)
                    assert (s.st_size, s.st_mode & 0o777, s.st_uid, s.st_mtime) == (10, 0o400, 1000, 2)
                    again = os.open(f'/proc/self/fd/{other}', os.O_RDONLY)
                    assert os.read(again, 100) == b'contentmor'
                    print(name(lambda: link_open(other, 'back')))
                    # Replaced by a rename is gone as well.
                    write('new', b'new')
                    replaced = os.open('file', os.O_RDONLY)
                    os.rename('new', 'file')
                    assert os.fstat(replaced).st_nlink == 0 and os.read(replaced, 100) == b'another'
                    """))
            try pair.end()
        }

        @Test func filesWithoutNameAreGivenOne() throws {
            let pair = try Pair()
            try pair.expectSame(
                .python(
                    """
                    fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o640)
                    assert os.fstat(fd).st_nlink == 0 and os.listdir() == []
                    os.write(fd, b'no name')
                    os.setxattr(fd, 'user.key', b'value')
                    link_open(fd, 'named')
                    assert os.fstat(fd).st_nlink == 1 and read('named') == b'no name'
                    assert os.fstat(fd).st_ino == os.stat('named').st_ino
                    print(name(lambda: link_open(fd, 'named')))
                    exclusive = os.open('.', os.O_TMPFILE | os.O_EXCL | os.O_RDWR, 0o600)
                    print(name(lambda: link_open(exclusive, 'never')))
                    print(name(lambda: os.open('.', os.O_TMPFILE | os.O_RDONLY)))
                    AT_EMPTY_PATH = 0x1000
                    more = os.open('.', os.O_TMPFILE | os.O_WRONLY, 0o600)
                    os.write(more, b'again')
                    system(libc.linkat(more, b'', -100, b'by descriptor', AT_EMPTY_PATH))
                    as_user(1000, lambda: os.open('.', os.O_TMPFILE | os.O_RDWR))
                    """))
            try pair.end()
        }

        @Test func aRemovedWorkingDirectoryStays() throws {
            let pair = try Pair()
            try pair.expectSame(
                .python(
                    """
                    os.mkdir('directory')
                    os.chdir('directory')
                    write('file')
                    fd = os.open('.', os.O_RDONLY)
                    print(name(lambda: os.rmdir('../directory')))
                    os.unlink('file')
                    os.rmdir('../directory')
                    print(name(os.getcwd), name(lambda: write('new')), name(lambda: os.mkdir('new')))
                    print(name(lambda: os.stat('file')), os.listdir('.'), os.listdir(fd))
                    assert os.stat('.').st_nlink == os.fstat(fd).st_nlink
                    print(os.stat('.').st_nlink, stat.filemode(os.fstat(fd).st_mode))
                    os.fchmod(fd, 0o700)
                    os.chdir('..')
                    os.mkdir('directory')
                    print(name(lambda: os.stat('directory')))
                    """))
            try pair.end()
        }

        @Test func handlesOfDifferentModesStayApart() throws {
            let pair = try Pair()
            try pair.expectSame(
                .python(
                    """
                    write('file', b'0123456789', 0o600)
                    reader = os.open('file', os.O_RDONLY)
                    writer = os.open('file', os.O_WRONLY)
                    os.chmod('file', 0)
                    print(name(lambda: os.write(reader, b'x')), name(lambda: os.read(writer, 1)))
                    os.write(writer, b'ab')
                    assert os.read(reader, 4) == b'ab23'
                    as_user(1000, lambda: os.open('file', os.O_RDONLY))
                    path = os.open('file', os.O_PATH)
                    print(name(lambda: os.read(path, 1)), os.fstat(path).st_size)
                    print(name(lambda: os.open('file', os.O_RDONLY | os.O_DIRECTORY)))
                    """))
            try pair.end()
        }
    }
}
