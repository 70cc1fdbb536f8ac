import MountSupport
import Testing

extension Programs {
    @Suite struct Databases {
        /// Two writers that wait for each other's locks, and one that is killed in a transaction.
        @Test(arguments: ["delete", "truncate", "wal"]) func sqliteKeepsItsPromises(_ journal: String) throws {
            let pair = try Pair()
            let output = try pair.expectSuccess(
                .shell(
                    """
                    db() { sqlite3 -cmd '.timeout 20000' data.db "$@"; }
                    db 'PRAGMA journal_mode=\(journal); CREATE TABLE t(writer, n, filling);'
                    writer() {
                        i=0
                        while [ $i -lt 30 ]; do
                            i=$((i + 1))
                            echo "BEGIN IMMEDIATE; INSERT INTO t VALUES($1, $i, hex(zeroblob(2000))); COMMIT;"
                        done | db
                    }
                    writer 1 & first=$!
                    writer 2 & second=$!
                    wait $first
                    wait $second
                    ! python3 - 2>/dev/null <<'END'
                    import os, sqlite3
                    connection = sqlite3.connect('data.db')
                    connection.execute('PRAGMA cache_size=2')
                    connection.execute('UPDATE t SET filling = hex(randomblob(4000))')
                    os.kill(os.getpid(), 9)
                    END
                    db 'PRAGMA integrity_check; SELECT writer, count(*), sum(n), max(length(filling)) FROM t GROUP BY writer;'
                    db 'VACUUM; PRAGMA integrity_check'
                    """))
            #expect(output.replacing("Killed\n", with: "") == "\(journal)\nok\n1|30|465|4000\n2|30|465|4000\nok\n")
            let below = try Script.shell("sqlite3 data.db 'PRAGMA integrity_check'").run(in: pair.lower)
            #expect(below == Script.Result(ending: .exited(0), output: "ok\n"))
            try pair.end()
        }

        /// A reader on the lower directory and a writer on the mount respect each other's locks.
        @Test func sqliteOnBothSides() throws {
            let pair = try Pair()
            let output = try pair.expectSuccess(
                .python(
                    """
                    import sqlite3
                    here, below = sqlite3.connect('data.db', timeout=0), sqlite3.connect(sys.argv[1] + '/data.db', timeout=0)
                    here.execute('CREATE TABLE t(n)')
                    here.commit()
                    for writer, other in (here, below), (below, here):
                        writer.execute('BEGIN EXCLUSIVE')
                        writer.execute('INSERT INTO t VALUES(1)')
                        try:
                            other.execute('INSERT INTO t VALUES(2)')
                            print('not locked')
                        except sqlite3.OperationalError as error:
                            print(error)
                        writer.commit()
                        time.sleep(1.1)
                        print(other.execute('SELECT count(*) FROM t').fetchone()[0])
                    """), pair.lower)
            #expect(output == "database is locked\n1\ndatabase is locked\n2\n")
            try pair.end()
        }
    }
}
