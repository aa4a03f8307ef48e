# SPDX-License-Identifier: Apache-2.0
# make all | demo | run | test | bench | sanitize | install | uninstall | clean | deps

BUILD ?= build
PREFIX ?= /usr/local
VERSION = $(shell sed -n 's/.*JETON_VERSION "\(.*\)"/\1/p' proto/limits.h)
DESTDIR ?=
PACKAGES = gcc libc6-dev make pkg-config libevent-dev libsodium-dev libtdb-dev tdb-tools \
	libinih-dev libpam0g-dev librhonabwy-dev libjansson-dev libcurl4-openssl-dev libcmocka-dev libpam-wrapper pamtester socat python3 g++ binutils strace
# Programs of others that the PAM module is tried with; those tests are skipped without them.
PROGRAMS = postgresql-15 openssh-server openssh-client

CC = gcc
CFLAGS ?= -O2 -g
WARN = -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith
HARDEN = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LINK = -pie -Wl,-z,relro,-z,now
LIBS_PROTO = -lsodium
LIBS_DAEMON = -levent_core -linih -ltdb -lpthread -ldl $(LIBS_PROTO)
LIBS_UNIT = -lcmocka $(LIBS_DAEMON)

PROTO = $(patsubst %.c,$(BUILD)/%.o,$(wildcard proto/*.c))
BUILTIN = $(wildcard $(patsubst %,daemon/verifiers/%.c,arguments require throttle))
DAEMON = $(patsubst %.c,$(BUILD)/%.o,$(filter-out daemon/main.c,$(wildcard daemon/*.c)) $(BUILTIN))
VERIFIERS = $(patsubst daemon/%.c,$(BUILD)/%.so,$(wildcard $(patsubst %,daemon/verifiers/%.c,jwt introspect)))
LIBS_jwt = -lrhonabwy -ljansson
LIBS_introspect = -lcurl -ljansson
LIBRARY = $(patsubst %,plugin/%.o,link lock words view asking handle client loop)
MODULE = $(LIBRARY) plugin/pam_options.o plugin/pam_jeton.o
COMMAND = $(patsubst %.c,$(BUILD)/%.o,plugin/jeton.c $(wildcard plugin/cli_*.c))
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
PRODUCTS = $(BUILD)/jetond $(BUILD)/jeton $(BUILD)/libjeton.so.0 $(BUILD)/pam_jeton.so $(VERIFIERS)

all: deps
	@$(MAKE) --no-print-directory $(PRODUCTS)

deps:
	@tests/deps $(PACKAGES)

deps-programs:
	@tests/deps $(PROGRAMS)

# What is compiled in changes with PREFIX.
$(BUILD)/daemon/config.o: $(BUILD)/prefix
$(BUILD)/prefix: FORCE
	@mkdir -p $(@D)
	@test "$$(cat $@ 2>/dev/null)" = "$(PREFIX)" || echo "$(PREFIX)" >$@
$(BUILD)/daemon/config.o: CPPFLAGS += -DVERIFIERS_DIRECTORY='"$(PREFIX)/lib/jeton/verifiers"'

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(HARDEN) $(CPPFLAGS) $(CFLAGS) -I. -MMD -MP -c $< -o $@

$(BUILD)/jetond: $(BUILD)/daemon/main.o $(DAEMON) $(PROTO)
	$(CC) $(CFLAGS) $(LINK) $^ $(LIBS_DAEMON) -o $@

$(BUILD)/jeton: $(COMMAND) $(PROTO)
	$(CC) $(CFLAGS) $(LINK) $^ $(LIBS_PROTO) -o $@

# What is loaded into other programs is compiled for that, and shows nothing but its interface.
$(BUILD)/shared/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(subst -fPIE,-fPIC,$(HARDEN)) $(CFLAGS) -fvisibility=hidden -DNDEBUG -I. -MMD -MP -c $< -o $@

$(BUILD)/libjeton.so.0: $(addprefix $(BUILD)/shared/,$(LIBRARY)) \
		$(patsubst $(BUILD)/%,$(BUILD)/shared/%,$(PROTO)) plugin/jeton.map
	$(CC) $(CFLAGS) -shared -Wl,-soname,$(@F) -Wl,--version-script=plugin/jeton.map -Wl,-z,relro,-z,now \
		$(filter %.o,$^) $(LIBS_PROTO) -o $@
	ln -sf $(@F) $(BUILD)/libjeton.so

$(BUILD)/pam_jeton.so: $(addprefix $(BUILD)/shared/,$(MODULE)) \
		$(patsubst $(BUILD)/%,$(BUILD)/shared/%,$(PROTO)) plugin/pam_jeton.map
	$(CC) $(CFLAGS) -shared -Wl,--version-script=plugin/pam_jeton.map -Wl,-z,relro,-z,now \
		$(filter %.o,$^) $(LIBS_PROTO) -lpam -o $@

# A verifier is its file and those whose names go on with an underscore.
.SECONDEXPANSION:
$(BUILD)/verifiers/%.so: $$(patsubst %.c,$(BUILD)/shared/%.o,$$(wildcard daemon/verifiers/$$*.c \
		daemon/verifiers/$$*_*.c) daemon/verifiers/arguments.c) \
		$(patsubst $(BUILD)/%,$(BUILD)/shared/%,$(PROTO)) daemon/verifiers/verifier.map
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -Wl,--version-script=daemon/verifiers/verifier.map -Wl,-z,relro,-z,now \
		$(filter %.o,$^) $(LIBS_$*) $(LIBS_PROTO) -o $@

# Verifiers for tests: one source, with and without the right to block, and for another jetond.
TEST_VERIFIERS = $(patsubst %,$(BUILD)/tests/verifiers/%.so,odd odd-blocks odd-abi)
$(BUILD)/tests/verifiers/odd-blocks.so: CPPFLAGS += -DFLAGS=JETON_VERIFIER_MAY_BLOCK
$(BUILD)/tests/verifiers/odd-abi.so: CPPFLAGS += -DABI=99
$(TEST_VERIFIERS): tests/verifiers/odd.c daemon/verifiers/verifier.h
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -fvisibility=hidden -I. $< -o $@

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(addprefix $(BUILD)/,$(LIBRARY)) $(DAEMON) $(PROTO)
	$(CC) $(CFLAGS) -pie $^ $(LIBS_UNIT) -o $@

$(BUILD)/tests/demo_inprocess: $(BUILD)/tests/demo_inprocess.o $(BUILD)/libjeton.so.0
	$(CC) $(CFLAGS) $(LINK) $< -L$(BUILD) -ljeton -Wl,-rpath,'$$ORIGIN/..' -o $@

BENCH = $(BUILD)/tests/bench/inprocess $(BUILD)/tests/bench/startup

$(BUILD)/tests/bench/inprocess: $(BUILD)/tests/bench/inprocess.o $(BUILD)/libjeton.so.0 $(DAEMON) $(PROTO)
	$(CC) $(CFLAGS) $(LINK) $(filter %.o,$^) -L$(BUILD) -ljeton -Wl,-rpath,'$$ORIGIN/../..' \
		$(LIBS_DAEMON) -o $@

$(BUILD)/tests/bench/startup: $(BUILD)/tests/bench/startup.o $(DAEMON) $(PROTO)
	$(CC) $(CFLAGS) $(LINK) $^ $(LIBS_DAEMON) -o $@

# What a verification in process costs beside its floor, and a start beside a bare traversal.
bench: deps
	@$(MAKE) --no-print-directory -s $(PRODUCTS) $(BENCH) $(TEST_VERIFIERS)
	@BUILD=$(BUILD) tests/bench/run

# The main job, for real, through socat, the jeton command and libjeton.
demo: deps
	@$(MAKE) --no-print-directory -s $(PRODUCTS) $(BUILD)/tests/demo_inprocess
	@BUILD=$(BUILD) tests/demo

# A daemon in the foreground; its store is kept from one run to the next.
run: deps
	@$(MAKE) --no-print-directory -s $(PRODUCTS)
	@mkdir -p -m 0700 $(BUILD)/run
	@echo "try:  socat - UNIX-CONNECT:$(BUILD)/run/admin.sock   and type: help   (Ctrl-C here stops it)"
	@exec $(BUILD)/jetond --set daemon.store=$(abspath $(BUILD))/run/tokens.tdb \
		--set admin.path=$(abspath $(BUILD))/run/admin.sock --set admin.group= \
		--set observe.path=$(abspath $(BUILD))/run/observe.sock --set observe.group= \
		--set verify.path=$(abspath $(BUILD))/run/verify.sock --set verify.table_group=

test: deps
	@$(MAKE) --no-print-directory -s $(PRODUCTS) $(UNIT) $(TEST_VERIFIERS)
	@BUILD=$(BUILD) tests/run

# The whole suite under ASan and UBSan, then under TSan, each in its own build directory.
sanitize: deps
	JETON_SCALE=0.05 $(MAKE) test BUILD=build/asan HARDEN=-fPIE LINK=-pie \
		CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
	JETON_SCALE=0.05 $(MAKE) test BUILD=build/tsan HARDEN=-fPIE LINK=-pie \
		CFLAGS="-O1 -g -fsanitize=thread"

PAMDIR ?= /lib/$(shell $(CC) -print-multiarch)/security
share = $(DESTDIR)$(PREFIX)/share

install: all
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/sbin $(BUILD)/jetond
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/jeton
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/lib $(BUILD)/libjeton.so.0
	ln -sf libjeton.so.0 $(DESTDIR)$(PREFIX)/lib/libjeton.so
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/include plugin/jeton.h
	install -D -m 0644 -t $(DESTDIR)$(PAMDIR) $(BUILD)/pam_jeton.so
	install -D -m 0644 plugin/jeton.bash $(share)/bash-completion/completions/jeton
	install -D -m 0644 -t $(share)/man/man1 plugin/jeton.1
	install -D -m 0644 -t $(share)/man/man3 plugin/libjeton.3
	install -D -m 0644 -t $(share)/man/man8 plugin/pam_jeton.8
	install -D -m 0644 -t $(share)/doc/jeton README.md proto/PROTOCOL.md
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' plugin/libjeton.pc.in \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/libjeton.pc

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,sbin/jetond bin/jeton lib/libjeton.so.0 lib/libjeton.so \
		include/jeton.h lib/pkgconfig/libjeton.pc) $(DESTDIR)$(PAMDIR)/pam_jeton.so \
		$(addprefix $(share)/,bash-completion/completions/jeton man/man1/jeton.1 \
		man/man3/libjeton.3 man/man8/pam_jeton.8)
	rm -rf $(share)/doc/jeton

clean:
	rm -rf build

.PHONY: FORCE all bench deps deps-programs demo run test sanitize install uninstall clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
