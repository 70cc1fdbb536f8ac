import MountSupport
import Testing

extension Programs {
    @Suite struct Development {
        @Test func gitFindsItsTreesClean() throws {
            let pair = try Pair()
            let output = try pair.expectSame(
                .shell(
                    """
                    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE='2001-01-01T00:00:00Z'
                    export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
                    export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
                    git init -q -b main project
                    cd project
                    git config gc.auto 0
                    mkdir -p a/b
                    for i in 1 2 3 4 5 6 7 8 9 10; do seq "$i" 2000 >"a/b/$i"; seq "$i" 20 >"a/$i"; done
                    ln -s a/b link
                    chmod 755 a/1
                    git add .
                    git commit -q -m first
                    echo more >>a/1
                    git mv a/2 a/two
                    rm a/3
                    git status --short
                    git commit -q -a -m second
                    git checkout -q -b side HEAD~1
                    echo other >>a/4
                    git commit -q -a -m third
                    git merge -q -m merged main
                    git gc -q
                    git fsck --full --strict
                    echo "status: $(git status --porcelain)"
                    git log --format='%H %s' --graph
                    cd ..
                    git clone -q project clone
                    git clone -q --no-local project far
                    for copy in clone far; do echo "$copy: $(git -C "$copy" status --porcelain; git -C "$copy" rev-parse HEAD)"; done
                    # What the index holds of times and inode numbers differs.
                    rm -rf project/.git clone/.git far/.git
                    """))
            #expect(output.contains("\nstatus: \n"))
            try pair.end()
        }

        @Test func aProjectIsCompiledLinkedAndRun() throws {
            let pair = try Pair()
            let output = try pair.expectSame(
                .shell(
                    """
                    # `make test` leaves its own here.
                    unset MAKEFLAGS MFLAGS MAKELEVEL
                    mkdir src
                    cat >src/sum.h <<'END'
                    int sum(int count, char **numbers);
                    END
                    cat >src/sum.c <<'END'
                    #include <stdlib.h>
                    #include "sum.h"
                    int sum(int count, char **numbers) {
                        int result = 0;
                        for (int i = 0; i < count; i++) result += atoi(numbers[i]);
                        return result;
                    }
                    END
                    cat >src/main.c <<'END'
                    #include <stdio.h>
                    #include "sum.h"
                    int main(int count, char **arguments) {
                        printf("sum %d\\n", sum(count - 1, arguments + 1));
                        return 0;
                    }
                    END
                    printf 'program: main.o libsum.a\\n\\tcc -o $@ main.o -L. -lsum\\n' >Makefile
                    printf 'libsum.a: sum.o\\n\\tar -rcsD $@ $<\\n' >>Makefile
                    printf '%%.o: src/%%.c src/sum.h\\n\\tcc -O1 -Wall -Werror -c -o $@ $<\\n' >>Makefile
                    make -j2 >/dev/null
                    ./program 1 2 39
                    make
                    # An include file that is newer remakes both objects.
                    touch -d '-1 hour' main.o sum.o
                    make -n | grep -c ' -c '
                    """))
            #expect(output == "sum 42\nmake: 'program' is up to date.\n2\n")
            try pair.end()
        }

        @Test func findSeesWhatIsThere() throws {
            let pair = try Pair()
            try pair.expectSame(
                .plant(
                    then: """
                        for predicate in '-type f' '-type d -empty' '-type p' '-type l -xtype l' '-perm -4000' '-perm /2000' '-links +1' \\
                            '-size +200k' '-user 1000' '-nogroup' '-newermt 2001-01-01 ! -newermt 2001-03-01' '-samefile source/file' \\
                            '-lname er*' '-maxdepth 1 -name n*' '-type c' '-executable -type f' '-iname FILE' '-mindepth 3'; do
                            echo "$predicate:"
                            find source $predicate -printf '%p %y %m %n %s %U:%G %l %T@\\n' | sort | sed 's/^\\(.* d [^ ]* \\)[^ ]* [^ ]*/\\1/'
                        done
                        """))
            try pair.end()
        }
    }
}
