# stackfs: `make help` lists the targets.

PREFIX = /usr/local
DESTDIR =
# Where mount(8) looks for its helpers; /sbin on a system whose /sbin is not a link to /usr/sbin.
HELPERDIR = /usr/sbin

SWIFTFLAGS =
BINARY = .build/release/stackfs
FUZZ_SECONDS = 600
# For stackfs-bench; `.build/release/stackfs-bench --help` lists them.
BENCHFLAGS =

bindir = $(PREFIX)/bin
sbindir = $(PREFIX)/sbin
mandir = $(PREFIX)/share/man/man8
unitdir = $(PREFIX)/lib/systemd/system
docdir = $(PREFIX)/share/doc/stackfs

.PHONY: all help setup build run test test-vm fuzz bench format lint docs install uninstall clean

all: build

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables: PREFIX, DESTDIR, HELPERDIR (install); LOWER, MOUNT, OPTIONS (run); FUZZ_SECONDS (fuzz);'
	@echo '  BENCHFLAGS (bench); SWIFTFLAGS.'

setup: ## Installs the Debian packages that building, running and testing need (as root)
	@scripts/setup.sh build run test lint

build: ## Builds .build/release/stackfs, with the Swift runtime inside (the default)
	@scripts/require.sh swift headers
	swift build -c release --static-swift-stdlib --product stackfs $(SWIFTFLAGS)

run: ## Installs packages, builds, and mirrors LOWER at MOUNT (a sample by default) until Ctrl-C
	@scripts/require.sh swift
	@scripts/setup.sh build run
	@scripts/require.sh mounting
	@$(MAKE) --no-print-directory build
	@scripts/run.sh $(BINARY)

test: ## Installs packages and runs every test, on real mounts (as root)
	@scripts/require.sh root swift
	@scripts/setup.sh build run test lint
	@scripts/require.sh headers mounting
	@scripts/test.sh

test-vm: ## Runs the tests of the kernel's programs on Debian 13 with its own kernel, in a virtual machine (as root)
	@scripts/require.sh root-vm swift
	@scripts/setup.sh build vm
	@scripts/require.sh headers
	STACKFS_STRICT="$${STACKFS_STRICT:-1}" swift build --build-tests
	@Tests/VirtualMachine/test.sh

fuzz: ## Sends mutated requests for FUZZ_SECONDS seconds
	@scripts/require.sh swift headers
	STACKFS_FUZZ_SECONDS=$(FUZZ_SECONDS) swift test --filter Fuzz $(SWIFTFLAGS)

bench: ## Measures stackfs and the peers that are installed (as root); the report goes to .build/bench
	@scripts/require.sh root-bench swift
	@scripts/setup.sh build run bench
	@scripts/require.sh headers mounting
	@$(MAKE) --no-print-directory build
	swift build -c release --static-swift-stdlib --product stackfs-bench $(SWIFTFLAGS)
	.build/release/stackfs-bench --stackfs $(BINARY) $(BENCHFLAGS)

format: ## Lays out the Swift sources
	swift format --in-place --recursive --parallel Package.swift Plugins Sources Tests bench

lint: ## Checks the style of Swift, shell and manual pages
	@scripts/setup.sh lint
	@scripts/lint.sh

docs: ## Makes the DocC pages of FuseKernel and StackCore in .build/docs
	@scripts/require.sh swift headers
	@scripts/docs.sh .build/docs

install: ## Installs the command, the mount helper, the manual page and the service under PREFIX
	@test -x $(BINARY) || $(MAKE) --no-print-directory build
	install -D -m 755 $(BINARY) $(DESTDIR)$(bindir)/stackfs
	install -D -m 755 packaging/mount.fuse.stackfs $(DESTDIR)$(sbindir)/mount.fuse.stackfs
	install -D -m 644 docs/stackfs.8 $(DESTDIR)$(mandir)/stackfs.8
	install -d $(DESTDIR)$(unitdir)
	sed 's|@BINDIR@|$(bindir)|' packaging/stackfs@.service >$(DESTDIR)$(unitdir)/stackfs@.service
	chmod 644 $(DESTDIR)$(unitdir)/stackfs@.service
	install -D -m 644 -t $(DESTDIR)$(docdir) README.md CHANGELOG.md LIMITS.md LICENSE
	@scripts/link-helper.sh install '$(DESTDIR)' '$(sbindir)' '$(HELPERDIR)'

uninstall: ## Removes what install put there
	@scripts/link-helper.sh uninstall '$(DESTDIR)' '$(sbindir)' '$(HELPERDIR)'
	rm -f $(DESTDIR)$(bindir)/stackfs $(DESTDIR)$(sbindir)/mount.fuse.stackfs $(DESTDIR)$(mandir)/stackfs.8
	rm -f $(DESTDIR)$(unitdir)/stackfs@.service
	rm -rf $(DESTDIR)$(docdir)

clean: ## Removes what was built
	rm -rf --one-file-system .build
