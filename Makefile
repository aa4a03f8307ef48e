# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets.  A line beginning with `target: … ## text` is what it shows.

BUILD ?= build
PREFIX ?= /usr/local
# A variable whose value is found when it is first asked for, and kept.
once = $(eval $(1) := $(2))$(2)
VERSION = $(call once,VERSION,$(shell sed -n 's/.*JETON_VERSION "\(.*\)"/\1/p' proto/limits.h))
DESTDIR ?=
PACKAGES = gcc libc6-dev make pkg-config libevent-dev libsodium-dev libtdb-dev tdb-tools \
	libinih-dev libseccomp-dev linux-libc-dev systemtap-sdt-dev libpam0g-dev libgnutls28-dev libjansson-dev \
	libcurl4-openssl-dev libpq-dev liblua5.3-dev liblua5.4-dev libluajit-5.1-dev nginx-dev libcmocka-dev openssl libpam-wrapper \
	pamtester socat python3 g++ binutils strace btrfs-progs e2fsprogs python3-pytest python3-pytest-xdist \
	python3-pytest-timeout libhttp-parser-dev?
# Programs of others that are tried with what we make: the PAM module, metrics (promtool), the gateway, the
# modules for nginx and other languages, and the examples of clients.  Those tests are skipped without them.
PROGRAMS = postgresql openssh-server openssh-client login prometheus nginx caddy haproxy curl lua5.3 lua5.4 luajit \
	golang-go nodejs php-cli mypy zsh fish less chromium firefox-esr cockpit-ws cockpit-bridge cockpit-system
# What `make fuzz` needs.
FUZZERS = clang libclang-rt-14-dev
# What make bench compares with; those that are missing are left out.
PEERS = redis-server memcached munge
# For who works on the code.
DEVELOPERS = bear clang-format

CC = gcc
CFLAGS ?= -O2 -g
# CI sets WERROR=-Werror: a newer compiler that warns of more must not stop anybody's build.
WERROR ?=
WARN = -std=c17 -D_GNU_SOURCE -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith
HARDEN = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LINK = -pie -Wl,-z,relro,-z,now
# Where the compiler knows: the C library copies and clears with wide vectors, faster than `rep`.
STRINGS := $(shell $(CC) -mstringop-strategy=libcall -E -x c /dev/null >/dev/null 2>&1 && \
	echo -mstringop-strategy=libcall)
# jetond and libjeton are optimised as a whole, and then verify 4 % faster; the tests, modules and
# verifiers take the same objects as they are.
LTO = -flto=auto -ffat-lto-objects -fno-plt
LIBS_PROTO = -lsodium
LIBS_DAEMON = -levent_core -linih -ltdb -lseccomp -lpthread -ldl $(LIBS_PROTO)
LIBS_UNIT = -lcmocka $(LIBS_DAEMON)

# Sources are found by folder: a new file needs no entry here.  Each folder in daemon/verifiers is a
# verifier of its own, a shared object; what lies there itself is built in.
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
shared_objects = $(patsubst %.c,$(BUILD)/shared/%.o,$(1))
PROTO_SOURCES = $(wildcard proto/*.c)
LIBRARY_SOURCES = $(wildcard plugin/lib/*.c)
PROTO = $(call objects,$(PROTO_SOURCES))
# What jetond and the shared objects have in common, and what only the shared objects have.
VERIFIER_COMMON = daemon/verifiers/arguments.c daemon/verifiers/credential_id.c
VERIFIER_SHARED = daemon/verifiers/untrusted_json.c
DAEMON = $(call objects,$(filter-out daemon/main.c $(VERIFIER_SHARED),$(wildcard daemon/*.c daemon/*/*.c)))
LIBRARY = $(call objects,$(LIBRARY_SOURCES))
COMMAND = $(call objects,$(wildcard plugin/cli/*.c))
HTTP_SOURCES = $(wildcard plugin/http/*.c)
HTTP = $(call objects,$(HTTP_SOURCES))
GATEWAY_SOURCES = $(wildcard plugin/gateway/*.c plugin/sandbox/*.c plugin/service/*.c)
GATEWAY = $(call objects,$(filter-out plugin/gateway/main.c,$(GATEWAY_SOURCES)))
LIBS_GATEWAY = -levent_core -linih -lseccomp -lpthread $(LIBS_PROTO)
WEB = $(call objects,$(filter-out plugin/web/main.c,$(wildcard plugin/web/*.c plugin/sandbox/*.c)) plugin/service/streams.c)
WEB_HTTP = $(call objects,plugin/http/head.c plugin/http/credentials.c)
LIBS_WEB = -levent_core -lseccomp $(LIBS_PROTO)
# libpq's headers: pg_config of libpq-dev says where.
PQ_INCLUDES := $(patsubst %,-isystem %,$(shell pg_config --includedir 2>/dev/null || echo /usr/include/postgresql))
FLEET_OWN = $(call objects,$(wildcard plugin/fleet/*.c))
FLEET = $(filter-out $(BUILD)/plugin/fleet/main.o,$(FLEET_OWN)) $(call objects,$(wildcard plugin/sandbox/*.c plugin/service/*.c))
LIBS_FLEET = -lpq -levent_core -linih -lseccomp $(LIBS_PROTO)
PAGE_FILES = $(notdir $(wildcard plugin/web/page/*))
VERIFIER_NAMES = $(notdir $(patsubst %/,%,$(wildcard daemon/verifiers/*/)))
VERIFIERS = $(VERIFIER_NAMES:%=$(BUILD)/verifiers/%.so)
verifier_sources = $(wildcard daemon/verifiers/$(1)/*.c)
# GnuTLS and threads that used it outlive an unloaded module badly.
LIBS_jwt = -lgnutls -ljansson -Wl,-z,nodelete
# libcurl and OpenSSL are started once and never ended: not to be unloaded either.
LIBS_introspect = -lcurl -ljansson -Wl,-z,nodelete
UNIT = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
# The Lua module, for each version of Lua whose headers are here; LuaJIT's are those of 5.1.
LUA_HEADERS_5.1 = $(firstword $(wildcard /usr/include/luajit-2.1/lua.h /usr/include/lua5.1/lua.h))
LUA_HEADERS_5.3 = $(wildcard /usr/include/lua5.3/lua.h)
LUA_HEADERS_5.4 = $(wildcard /usr/include/lua5.4/lua.h)
LUA_VERSIONS := $(foreach v,5.1 5.3 5.4,$(if $(LUA_HEADERS_$(v)),$(v)))
LUA_LEFT_OUT := $(filter-out $(LUA_VERSIONS),5.1 5.3 5.4)
LUA_SOURCES = $(wildcard plugin/lua/*.c)
LUA_MODULES = $(LUA_VERSIONS:%=$(BUILD)/lua/%/jeton.so)
TEST_VERIFIERS = $(patsubst tests/%.c,$(BUILD)/tests/%.so,$(wildcard tests/verifiers/*.c))
PRODUCTS = $(BUILD)/jetond $(BUILD)/jeton $(BUILD)/libjeton.so.0 $(BUILD)/pam_jeton.so $(VERIFIERS) \
	$(BUILD)/jeton-gateway $(BUILD)/jeton-web $(BUILD)/jeton-fleet $(NGINX_MODULE) $(LUA_MODULES) $(COCKPIT_FILES)
# Cockpit's package: the page of plugin/web, with a manifest.  An index of its own loads Cockpit's library.
COCKPIT_FILES = $(patsubst %,$(BUILD)/cockpit/jeton/%,manifest.json $(PAGE_FILES))
# nginx's headers, from nginx-dev; the module is left out without them.
NGINX = /usr/share/nginx/src
NGINX_MODULE = $(if $(wildcard $(NGINX)/configure),$(BUILD)/nginx/ngx_http_jeton_module.so)

all: $(PRODUCTS)                ## build the daemon, the command, the library and the modules; installs nothing
	@[ -n "$(NGINX_MODULE)" ] || echo "left out: the module for nginx, as its headers are missing; make deps installs them"
	@[ -z "$(LUA_LEFT_OUT)" ] || echo "left out: the module for Lua $(LUA_LEFT_OUT), as its headers are missing; make deps installs them"

help:                           ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
		while IFS='|' read -r target text; do printf '  make %-17s %s\n' "$$target" "$$text"; done

deps:                           ## install the packages that building and testing need (as root or by sudo)
	@tests/deps $(PACKAGES)

deps-programs:                  ## install programs that some tests try jeton with: PostgreSQL, OpenSSH, nginx, Go, zsh, Chromium, Firefox, Cockpit …
	@tests/deps $(PROGRAMS)
	@tests/fetch_axe build/axe

deps-fuzz:                      ## install what `make fuzz` needs
	@tests/deps $(FUZZERS)

deps-bench:                     ## install redis, memcached and munge, which `make bench` compares with
	@tests/deps $(PEERS)

deps-develop:                   ## install clang-format and bear
	@tests/deps $(DEVELOPERS)

compile-commands:               ## write compile_commands.json for editors
	@tests/deps --check deps-develop $(DEVELOPERS)
	@rm -rf $(BUILD)/bear
	bear --output compile_commands.json -- $(MAKE) --no-print-directory -s BUILD=$(BUILD)/bear compile-all
	@rm -rf $(BUILD)/bear

compile-all: $(PRODUCTS) $(UNIT)

format:                         ## format the C files by .clang-format; `tests/checks/format` only checks
	@tests/checks/format --fix

# What is compiled in changes with PREFIX.
$(BUILD)/daemon/config/config_defaults.o $(BUILD)/plugin/cli/web.o $(BUILD)/plugin/cli/fleet.o $(BUILD)/plugin/web/main.o \
		$(BUILD)/plugin/fleet/words_schema.o: $(BUILD)/prefix
$(BUILD)/prefix: FORCE
	@mkdir -p $(@D)
	@test "$$(cat $@ 2>/dev/null)" = "$(PREFIX)" || echo "$(PREFIX)" >$@
$(BUILD)/daemon/config/config_defaults.o: CPPFLAGS += -DVERIFIERS_DIRECTORY='"$(PREFIX)/lib/jeton/verifiers"'
$(BUILD)/plugin/cli/web.o: CPPFLAGS += -DWEB_PROGRAM='"$(PREFIX)/libexec/jeton/jeton-web"'
$(BUILD)/plugin/cli/fleet.o: CPPFLAGS += -DFLEET_PROGRAM='"$(PREFIX)/libexec/jeton/jeton-fleet"'
$(BUILD)/plugin/fleet/words_schema.o: CPPFLAGS += -DMIGRATIONS_DIRECTORY='"$(PREFIX)/share/jeton/fleet"'
$(BUILD)/plugin/web/main.o: CPPFLAGS += -DPAGE_DIRECTORY='"$(PREFIX)/share/jeton/web"'

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(HARDEN) $(CPPFLAGS) $(CFLAGS) $(STRINGS) $(WHOLE) -I. -MMD -MP -c $< -o $@

$(BUILD)/daemon/main.o $(DAEMON) $(PROTO): WHOLE = $(LTO)
$(BUILD)/jetond: $(BUILD)/daemon/main.o $(DAEMON) $(PROTO)
	$(CC) $(CFLAGS) $(LTO) $(LINK) $^ $(LIBS_DAEMON) -o $@

$(BUILD)/jeton: $(COMMAND) $(PROTO)
	$(CC) $(CFLAGS) $(LINK) $^ $(LIBS_PROTO) -o $@

# What is loaded into other programs is compiled for that, and shows nothing but its interface.
$(BUILD)/shared/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(subst -fPIE,-fPIC,$(HARDEN)) $(CFLAGS) $(STRINGS) -fvisibility=hidden -DNDEBUG \
		$(WHOLE) -I. $(INCLUDES) -MMD -MP -c $< -o $@

LIBRARY_WHOLE = $(call shared_objects,$(LIBRARY_SOURCES) $(PROTO_SOURCES))
$(LIBRARY_WHOLE): WHOLE = $(LTO)
$(BUILD)/libjeton.so.0: $(LIBRARY_WHOLE) plugin/lib/jeton.map
	$(CC) $(CFLAGS) $(LTO) -shared -Wl,-soname,$(@F) -Wl,--version-script=plugin/lib/jeton.map -Wl,-z,relro,-z,now \
		$(filter %.o,$^) $(LIBS_PROTO) -o $@
	ln -sf $(@F) $(BUILD)/libjeton.so

# libjeton is inside, and all is optimised as a whole.
$(BUILD)/plugin/gateway/main.o $(GATEWAY) $(HTTP) $(LIBRARY): WHOLE = $(LTO)
$(BUILD)/jeton-gateway: $(BUILD)/plugin/gateway/main.o $(GATEWAY) $(HTTP) $(LIBRARY) $(PROTO)
	$(CC) $(CFLAGS) $(LTO) $(LINK) $^ $(LIBS_GATEWAY) -o $@

# In the tree, the page is beside the program.
$(BUILD)/jeton-web: $(BUILD)/plugin/web/main.o $(WEB) $(WEB_HTTP) $(PROTO)
	$(CC) $(CFLAGS) $(LTO) $(LINK) $^ $(LIBS_WEB) -o $@
	ln -sfnr plugin/web/page $(BUILD)/web

# In the tree, the migrations are beside the program.
$(FLEET_OWN): CPPFLAGS += $(PQ_INCLUDES)
$(BUILD)/jeton-fleet: $(BUILD)/plugin/fleet/main.o $(FLEET) $(PROTO)
	$(CC) $(CFLAGS) $(LTO) $(LINK) $^ $(LIBS_FLEET) -o $@
	ln -sfnr plugin/fleet/sql $(BUILD)/fleet

# Loaded for each login, which is much of its time: so of the others' objects there are those alone that it uses, no
# library but libpam, two mappings of the file instead of four, and no start files, which have nothing to start here.
$(BUILD)/pam_jeton.so: $(call shared_objects,$(wildcard plugin/pam/*.c)) $(BUILD)/shared/parts.a plugin/pam/pam_jeton.map
	$(CC) $(CFLAGS) -shared -Wl,--version-script=plugin/pam/pam_jeton.map -Wl,-z,relro,-z,now,-z,noseparate-code \
		-nostartfiles $(filter %.o,$^) $(filter %.a,$^) -lpam -o $@

$(BUILD)/shared/parts.a: $(LIBRARY_WHOLE)
	rm -f $@
	ar qcs $@ $^

# What they call of Lua is in the program that loads them.
define lua_rules
$(BUILD)/lua/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$$(CC) $$(WARN) $$(subst -fPIE,-fPIC,$$(HARDEN)) $$(CFLAGS) -fvisibility=hidden -I. -isystem $$(dir $$(LUA_HEADERS_$(1))) \
		-MMD -MP -c $$< -o $$@
$(BUILD)/lua/$(1)/jeton.so: $$(LUA_SOURCES:%.c=$(BUILD)/lua/$(1)/%.o) $$(call shared_objects,$$(HTTP_SOURCES) $$(PROTO_SOURCES)) \
		$(BUILD)/libjeton.so.0
	$$(CC) $$(CFLAGS) -fno-lto -shared -Wl,-z,relro,-z,now $$^ $$(LIBS_PROTO) -o $$@
endef
$(foreach v,$(LUA_VERSIONS),$(eval $(call lua_rules,$(v))))

$(BUILD)/cockpit/jeton/manifest.json: plugin/cockpit/manifest.json
	@mkdir -p $(@D) && cp $< $@
$(BUILD)/cockpit/jeton/index.html: plugin/web/page/index.html
	@mkdir -p $(@D) && sed 's|^<script type="module"|<script src="../base1/cockpit.js"></script>\n&|' $< >$@
$(BUILD)/cockpit/jeton/%: plugin/web/page/%
	@mkdir -p $(@D) && cp $< $@

# The headers of nginx include what its configure finds out, which nginx-dev does not have.
NGINX_OBJECTS = $(call shared_objects,$(wildcard plugin/nginx/*.c))
$(NGINX_OBJECTS): INCLUDES = $(addprefix -isystem ,$(BUILD)/nginx/configured $(sort $(dir $(wildcard \
	$(NGINX)/src/*/*.h $(NGINX)/src/*/*/*.h))))
$(NGINX_OBJECTS): | $(BUILD)/nginx/configured/ngx_auto_config.h
$(BUILD)/nginx/configured/ngx_auto_config.h: $(wildcard $(NGINX)/configure $(NGINX)/conf_flags)
	@mkdir -p $(@D)
	cd $(NGINX) && . ./conf_flags && ./configure --builddir=$(abspath $(@D)) "$${NGX_CONF_FLAGS[@]}" \
		>$(abspath $(@D)).log || { cat $(abspath $(@D)).log >&2; exit 1; }
$(BUILD)/nginx/configured/ngx_auto_config.h: SHELL = /bin/bash

$(BUILD)/nginx/ngx_http_jeton_module.so: $(NGINX_OBJECTS) \
		$(call shared_objects,$(HTTP_SOURCES) $(PROTO_SOURCES)) $(BUILD)/libjeton.so.0
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -Wl,-z,relro,-z,now $^ $(LIBS_PROTO) -o $@

.SECONDEXPANSION:
$(BUILD)/verifiers/%.so: $$(call shared_objects,$$(call verifier_sources,$$*) $$(VERIFIER_COMMON) \
		$$(VERIFIER_SHARED) $$(PROTO_SOURCES)) daemon/verifiers/verifier.map
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -Wl,--version-script=daemon/verifiers/verifier.map -Wl,-z,relro,-z,now \
		$(filter %.o,$^) $(LIBS_$*) $(LIBS_PROTO) -o $@

# Verifiers that the tests load; several of one kind include the same file.
$(BUILD)/tests/verifiers/%.so: tests/verifiers/%.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) -shared -fPIC -fvisibility=hidden -I. -MMD -MP -MF $(@:.so=.d) -MT $@ $< -o $@

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/tests/unit/run_one.o $(LIBRARY) $(HTTP) $(DAEMON) $(PROTO) | $(TEST_VERIFIERS)
	$(CC) $(CFLAGS) -fno-lto -pie -Wl,--wrap=_cmocka_run_group_tests $^ $(LIBS_UNIT) -o $@

# These load the module as jetond does.
UNIT_jwt = $(filter $(BUILD)/tests/unit/verifiers/jwt/%,$(UNIT))
$(UNIT_jwt): LIBS_UNIT += -lgnutls
$(UNIT_jwt): | $(BUILD)/verifiers/jwt.so

# Names of the gateway are its own, and some the daemon has, too.
$(BUILD)/tests/unit/gateway/%: $(BUILD)/tests/unit/gateway/%.o $(BUILD)/tests/unit/run_one.o $(GATEWAY) $(HTTP) $(LIBRARY) $(PROTO)
	$(CC) $(CFLAGS) -fno-lto -pie -Wl,--wrap=_cmocka_run_group_tests $^ -lcmocka $(LIBS_GATEWAY) -o $@

$(BUILD)/tests/unit/fleet_agent/%.o: CPPFLAGS += $(PQ_INCLUDES)
$(BUILD)/tests/unit/fleet_agent/%: $(BUILD)/tests/unit/fleet_agent/%.o $(BUILD)/tests/unit/run_one.o $(FLEET) $(PROTO)
	$(CC) $(CFLAGS) -fno-lto -pie -Wl,--wrap=_cmocka_run_group_tests $^ -lcmocka $(LIBS_FLEET) -o $@

$(BUILD)/tests/unit/web/%: $(BUILD)/tests/unit/web/%.o $(BUILD)/tests/unit/run_one.o $(WEB) $(WEB_HTTP) $(PROTO)
	$(CC) $(CFLAGS) -fno-lto -pie -Wl,--wrap=_cmocka_run_group_tests $^ -lcmocka $(LIBS_WEB) -o $@

$(BUILD)/tests/unit/cli/%: $(BUILD)/tests/unit/cli/%.o $(BUILD)/tests/unit/run_one.o \
		$(filter-out $(BUILD)/plugin/cli/main.o,$(COMMAND)) $(PROTO)
	$(CC) $(CFLAGS) -fno-lto -pie -Wl,--wrap=_cmocka_run_group_tests $^ -lcmocka $(LIBS_PROTO) -o $@

# Another parser of HTTP, which ours is compared with where it is installed.
HTTP_PEER = $(if $(wildcard /usr/include/http_parser.h),-lhttp_parser)
$(BUILD)/tests/unit/http/test_head_peer: LIBS_UNIT += $(HTTP_PEER)

# The explorer of interleavings (tests/explore) runs these sources, compiled so that it sees what they
# do, and with loops that end sooner.  The objects are no sanitizer's.
EXPLORED = proto/table.c proto/pages.c proto/verdict.c proto/verdict_special.c daemon/base/clock.c $(wildcard daemon/table/*.c) \
	plugin/lib/recent_uses.c plugin/lib/table_file.c plugin/lib/table_view.c
EXPLORER = $(wildcard tests/explore/*.c) tests/unit/run_one.c plugin/lib/claims.c \
	$(filter-out $(EXPLORED),$(PROTO_SOURCES) $(wildcard daemon/base/*.c daemon/store/*.c))
EXPLORE_OBJECTS = $(EXPLORED:%.c=$(BUILD)/tests/explore/real/%.o) $(EXPLORER:%.c=$(BUILD)/tests/explore/plain/%.o)
EXPLORE_FLAGS = $(WARN) -Wno-shadow -O2 -g -I. -MMD -MP
.PRECIOUS: $(BUILD)/tests/explore/plain/%.o

$(BUILD)/tests/explore/real/%.o: %.c tests/explore/bounded.sed tests/explore/routed.h
	@mkdir -p $(@D)
	sed -f tests/explore/bounded.sed $< >$(@:.o=.c)
	$(CC) $(EXPLORE_FLAGS) -w -fsanitize=thread -include tests/explore/routed.h -MT $@ -c $(@:.o=.c) -o $@

$(BUILD)/tests/explore/plain/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(EXPLORE_FLAGS) -c $< -o $@

$(BUILD)/tests/unit/explore/%: $(BUILD)/tests/explore/plain/tests/unit/explore/%.o $(EXPLORE_OBJECTS)
	@mkdir -p $(@D)
	$(CC) -pie -Wl,--wrap=_cmocka_run_group_tests $^ $(LIBS_UNIT) -o $@

# Harnesses.  What one of them defines takes the place of what the archive has.
FUZZED = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
HARNESSES = $(FUZZED:%=$(BUILD)/tests/fuzz/%)
FUZZ_ENGINE = $(BUILD)/tests/fuzz/replay.o
LIBS_fuzz_reply = -ljansson
LIBS_fuzz_jwt = -lgnutls -ljansson
LIBS_fuzz_http = $(HTTP_PEER)
LIBS_fuzz_introspect = -lcurl -ljansson
LIBS_fuzz_fleet_config = -lpq
FUZZ_OBJECTS = $(LIBRARY) $(HTTP) $(filter-out $(BUILD)/plugin/cli/main.o,$(COMMAND)) $(DAEMON) $(PROTO)

# It defines mmap(), which ThreadSanitizer calls before it can be called back.
$(BUILD)/tests/fuzz/fuzz_daemon.o: override CFLAGS := $(filter-out -fsanitize=thread,$(CFLAGS))

$(BUILD)/tests/fuzz/jeton.a: $(FUZZ_OBJECTS)
	@mkdir -p $(@D)
	rm -f $@
	ar qcs $@ $^

$(VERIFIER_NAMES:%=$(BUILD)/tests/fuzz/%): $(BUILD)/tests/fuzz/%: $$(call objects,$$(call verifier_sources,$$*) \
		$$(VERIFIER_SHARED))

# Names of the agent are its own, and some the daemon has, too.
$(BUILD)/tests/fuzz/fleet_agent: $(call objects,$(addprefix plugin/fleet/,change.c change_request.c copy_row.c place.c))
$(BUILD)/tests/fuzz/fleet_config: $(call objects,plugin/fleet/config.c plugin/fleet/config_file.c $(wildcard plugin/service/*.c))

$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/fuzz_%.o $(FUZZ_ENGINE) $(BUILD)/tests/fuzz/jeton.a
	$(CC) $(CFLAGS) -fno-lto -pie $(filter %.o,$^) $(filter %.a,$^) $(FUZZ_LINK) $(LIBS_fuzz_$*) $(LIBS_DAEMON) -o $@

$(BUILD)/tests/demo_inprocess: $(BUILD)/tests/demo_inprocess.o $(BUILD)/libjeton.so.0
	$(CC) $(CFLAGS) $(LINK) $< -L$(BUILD) -ljeton -Wl,-rpath,'$$ORIGIN/..' -o $@

BENCH = $(patsubst %,$(BUILD)/tests/bench/%,load baseline fill inprocess startup durable pam munge pubsub)

LIBS_baseline = -levent_core -lsodium
LIBS_pam = -lpam
LIBS_munge = -ldl
$(patsubst %,$(BUILD)/tests/bench/%,load baseline pam munge pubsub): %: %.o
$(BUILD)/tests/bench/baseline: $(BUILD)/tests/bench/minimal_verifier.o $(PROTO)
$(patsubst %,$(BUILD)/tests/bench/%,load baseline pam munge pubsub):
	$(CC) $(CFLAGS) $(LINK) $^ $(LIBS_$(@F)) -o $@

$(BUILD)/tests/bench/inprocess: $(BUILD)/tests/bench/inprocess.o $(BUILD)/libjeton.so.0 $(DAEMON) $(PROTO)
	$(CC) $(CFLAGS) $(LINK) $(filter %.o,$^) -L$(BUILD) -ljeton -Wl,-rpath,'$$ORIGIN/../..' \
		$(LIBS_DAEMON) -o $@

$(patsubst %,$(BUILD)/tests/bench/%,fill startup durable): %: %.o $(DAEMON) $(PROTO)
	$(CC) $(CFLAGS) -fno-lto $(LINK) $^ $(LIBS_DAEMON) -o $@

# Hundreds of a fleet's hosts in one process: their protocol, as the agent has it.
SIMULATOR = $(BUILD)/tests/fleet/simulator
SIMULATOR_OWN = $(call objects,$(wildcard tests/fleet/*.c))
$(SIMULATOR_OWN): CPPFLAGS += $(PQ_INCLUDES)
$(SIMULATOR): $(SIMULATOR_OWN) $(call objects,$(patsubst %,plugin/fleet/%.c,page place query value)) $(PROTO)
	$(CC) $(CFLAGS) $(LINK) $^ -lpq -levent_core $(LIBS_PROTO) -o $@

# Everything beside its peers and lower bounds, as ratios of one run; BENCH_FULL=1 for all of it.
bench:                          ## measure everything beside its peers, as ratios of one run (BENCH_FULL=1: up to 10^7 tokens)
	@$(MAKE) --no-print-directory -s $(PRODUCTS) $(BENCH) $(SIMULATOR) $(TEST_VERIFIERS)
	@BUILD=$(BUILD) tests/bench/run

# The main job, for real, through socat, the jeton command and libjeton.
demo: deps                      ## show the main job for real: create, list, verify, revoke, and curl through nginx
	@$(MAKE) --no-print-directory -s $(PRODUCTS) $(BUILD)/tests/demo_inprocess
	@BUILD=$(BUILD) tests/demo

# A fleet on one machine: a PostgreSQL of its own with a standby, and three hosts.
demo-fleet: deps                ## show a fleet for real: create and revoke on one host, verify on others; cut off, fail over
	@tests/deps postgresql
	@$(MAKE) --no-print-directory -s $(BUILD)/jetond $(BUILD)/jeton $(BUILD)/jeton-fleet
	@BUILD=$(BUILD) /usr/bin/python3 -B tests/demo_fleet

# A daemon in the foreground; its store is kept from one run to the next.
run:                            ## keep a daemon in the foreground on build/run/*.sock; CONFIG=FILE: with that configuration
	@$(MAKE) --no-print-directory -s $(PRODUCTS)
	@mkdir -p -m 0700 $(BUILD)/run
	@echo "try:  $(BUILD)/jeton -S $(BUILD)/run/admin.sock create   (Ctrl-C here stops it)"
	@echo "or:   socat - UNIX-CONNECT:$(BUILD)/run/admin.sock   and type: help"
	@exec $(BUILD)/jetond $(if $(CONFIG),--config $(CONFIG)) --set daemon.store=$(abspath $(BUILD))/run/tokens.tdb \
		--set admin.path=$(abspath $(BUILD))/run/admin.sock --set admin.group= \
		--set observe.path=$(abspath $(BUILD))/run/observe.sock --set observe.group= \
		--set self.path=$(abspath $(BUILD))/run/self.sock \
		--set verify.path=$(abspath $(BUILD))/run/verify.sock --set verify.table_group=

# Debian's own Python, as another one in PATH may have no pytest.
TEST_JOBS ?= 6
PYTEST = BUILD=$(BUILD) /usr/bin/python3 -m pytest tests -q -rfEs -n $(TEST_JOBS) --dist loadgroup
test: deps                      ## build and run every test; TEST="-k kills" runs some of them
	@$(MAKE) --no-print-directory -s $(PRODUCTS) $(UNIT) $(SIMULATOR) $(TEST_VERIFIERS) $(HARNESSES)
	@$(PYTEST) $(TEST)

picture:                        ## take README's picture of the page anew, with the tests' browser
	@$(MAKE) --no-print-directory -s $(PRODUCTS)
	@BUILD=$(BUILD) /usr/bin/python3 -m pytest tests/flows/web -q -k test_picture || true
	/usr/bin/python3 tests/flows/support/png.py build/screenshots/readme.png plugin/web/tokens.png

# Explores each harness for FUZZ_SECONDS, from its corpus on; FUZZ="table daemon" names some of them.
FUZZ_SECONDS ?= 30
FUZZ ?= $(FUZZED)
FUZZ_BUILD = build/fuzz/build
FUZZ_CFLAGS = -g -Wno-unknown-attributes -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_FLAGS = BUILD=$(FUZZ_BUILD) CC=clang HARDEN=-fPIE LTO= FUZZ_ENGINE= FUZZ_LINK=-fsanitize=fuzzer
# The input of these is operations, not text: to note what is compared with what would only cost
# time.  They are compiled apart.
FUZZ_OF_OPERATIONS = daemon
fuzz:                           ## explore each harness for FUZZ_SECONDS=30; FUZZ="table daemon" names some
	@tests/deps --check deps-fuzz $(FUZZERS)
	@$(MAKE) --no-print-directory -s $(FUZZ_FLAGS) CFLAGS="-O1 $(FUZZ_CFLAGS)" fuzz-programs \
		FUZZ="$(filter-out $(FUZZ_OF_OPERATIONS),$(FUZZ))"
	@$(MAKE) --no-print-directory -s $(FUZZ_FLAGS) BUILD=$(FUZZ_BUILD)/operations \
		CFLAGS="-O2 $(FUZZ_CFLAGS) -fno-sanitize-coverage=trace-cmp" fuzz-programs \
		FUZZ="$(filter $(FUZZ_OF_OPERATIONS),$(FUZZ))"
	@for name in $(filter $(FUZZ_OF_OPERATIONS),$(FUZZ)); do \
		mkdir -p $(FUZZ_BUILD)/tests/fuzz; ln -sf ../../operations/tests/fuzz/$$name $(FUZZ_BUILD)/tests/fuzz/$$name; done
	@FUZZ_BUILD=$(FUZZ_BUILD) tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ)

fuzz-programs: $(FUZZ:%=$(BUILD)/tests/fuzz/%)

# The campaigns at length: TORTURE_SECONDS for each; TORTURE="kills or faults" names some of them.
TORTURE_SECONDS ?= 300
torture:                        ## run the campaigns, TORTURE_SECONDS=300 for each; TORTURE="kills or faults" names some
	@$(MAKE) --no-print-directory -s $(PRODUCTS) $(UNIT) $(SIMULATOR) $(TEST_VERIFIERS) $(HARNESSES)
	@TORTURE_SECONDS=$(TORTURE_SECONDS) $(PYTEST) -m campaign -k '$(TORTURE)'

# The whole suite under ASan and UBSan, then under TSan, each in its own build directory.
sanitize:                       ## run every test under ASan and UBSan, then under TSan
	JETON_SCALE=0.05 $(MAKE) test BUILD=build/asan HARDEN=-fPIE LTO= LINK=-pie \
		CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
	JETON_SCALE=0.05 $(MAKE) test BUILD=build/tsan HARDEN=-fPIE LTO= LINK=-pie \
		CFLAGS="-O1 -g -fsanitize=thread"

# -- installing: one table, which uninstall and the Debian packages go by as well -----------------

# What other packages say about their directories, in ours where they look there too.
pc = $(shell pkg-config $(if $(filter /usr/local,$(PREFIX)),$(patsubst %,--define-variable=%=$(PREFIX),prefix rootprefix) \
	--define-variable=datadir=$(PREFIX)/share) --variable=$(1) $(2) 2>/dev/null)
MULTIARCH = $(call once,MULTIARCH,$(shell $(CC) -print-multiarch))
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib$(if $(filter /usr,$(PREFIX)),$(MULTIARCH:%=/%))
INCLUDEDIR ?= $(PREFIX)/include
VERIFIERSDIR = $(PREFIX)/lib/jeton/verifiers
# Compiled in, as the verifiers' directory is.
LIBEXECDIR = $(PREFIX)/libexec/jeton
PAGEDIR = $(PREFIX)/share/jeton/web
FLEETDIR = $(PREFIX)/share/jeton/fleet
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/jeton
LUADOCDIR ?= $(PREFIX)/share/doc/lua-jeton
LUADIR ?= $(LIBDIR)/lua
# Where Debian's Python looks for modules: below /usr/local, each version in a directory of its own.
PYTHON_VERSION = $(call once,PYTHON_VERSION,$(if $(filter /usr/local,$(PREFIX)),$(shell \
	/usr/bin/python3 -c 'import sys; print(".%d" % sys.version_info[1])' 2>/dev/null)))
PYTHONDIR ?= $(PREFIX)/lib/python3$(PYTHON_VERSION)/dist-packages
NGINXDIR ?= $(PREFIX)/lib/nginx/modules
PAMDIR ?= /lib$(MULTIARCH:%=/%)/security
PAMCONFIGSDIR ?= /usr/share/pam-configs
COCKPITDIR ?= $(PREFIX)/share/cockpit/jeton
GATEWAYDOCDIR ?= $(PREFIX)/share/doc/jeton-gateway
FLEETDOCDIR ?= $(PREFIX)/share/doc/jeton-fleet
CONFDIR = /etc/jeton
UNITDIR ?= $(call once,UNITDIR,$(or $(call pc,systemdsystemunitdir,systemd),$(PREFIX)/lib/systemd/system))
SYSUSERSDIR ?= $(call once,SYSUSERSDIR,$(or $(call pc,sysusersdir,systemd),$(PREFIX)/lib/sysusers.d))
TMPFILESDIR ?= $(call once,TMPFILESDIR,$(or $(call pc,tmpfilesdir,systemd),$(PREFIX)/lib/tmpfiles.d))
COMPLETIONSDIR ?= $(call once,COMPLETIONSDIR,$(or $(call pc,completionsdir,bash-completion),$(PREFIX)/share/bash-completion/completions))
# Debian's zsh looks for those of packages in a directory of their own.
ZSHDIR ?= $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

UNITS = $(patsubst systemd/%,%,$(wildcard systemd/*.socket systemd/*.timer) $(basename $(wildcard systemd/*.service.in)))
MANPAGES = $(wildcard $(foreach n,1 3 5 7 8,daemon/*.$(n) daemon/verifiers/*.$(n) plugin/*/*.$(n) proto/*.$(n)))

PYTHON_FILES = $(patsubst plugin/python/%,%,$(wildcard plugin/python/jeton/*.py plugin/python/jeton/py.typed))
PROXY_EXAMPLES = $(wildcard $(patsubst %,plugin/examples/%/*,nginx caddy haproxy traefik envoy))
FLEET_EXAMPLES = $(wildcard plugin/examples/fleet/*)
CLIENT_EXAMPLES = $(filter-out $(PROXY_EXAMPLES) $(FLEET_EXAMPLES),$(wildcard plugin/examples/*/*))
FLEET_FILES = $(wildcard plugin/fleet/sql/*.sql)

# MODE=SOURCE=DESTINATION; of a link, the source is what it says; a conf is kept if it was changed.
FILES = 0755=$(BUILD)/jetond=$(SBINDIR)/jetond \
	0755=$(BUILD)/jeton=$(BINDIR)/jeton \
	0644=$(BUILD)/libjeton.so.0=$(LIBDIR)/libjeton.so.0 \
	link=libjeton.so.0=$(LIBDIR)/libjeton.so \
	0644=$(FILL)/libjeton.pc=$(LIBDIR)/pkgconfig/libjeton.pc \
	0644=plugin/lib/jeton.h=$(INCLUDEDIR)/jeton.h \
	link=../jeton.h=$(INCLUDEDIR)/jeton/jeton.h \
	0644=daemon/verifiers/verifier.h=$(INCLUDEDIR)/jeton/verifier.h \
	$(foreach v,$(VERIFIERS),0644=$(v)=$(VERIFIERSDIR)/$(notdir $(v))) \
	0644=$(BUILD)/pam_jeton.so=$(PAMDIR)/pam_jeton.so \
	$(NGINX_MODULE:%=0644=%=$(NGINXDIR)/$(notdir $(NGINX_MODULE))) \
	0644=plugin/pam/jeton.pam-config=$(PAMCONFIGSDIR)/jeton \
	$(foreach f,$(PYTHON_FILES),0644=plugin/python/$(f)=$(PYTHONDIR)/$(f)) \
	$(foreach v,$(LUA_VERSIONS),0644=$(BUILD)/lua/$(v)/jeton.so=$(LUADIR)/$(v)/jeton.so) \
	0644=plugin/lua/README.md=$(LUADOCDIR)/README.md \
	$(foreach f,$(notdir $(wildcard plugin/lua/haproxy/*)),0644=plugin/lua/haproxy/$(f)=$(LUADOCDIR)/examples/$(f)) \
	$(foreach e,$(CLIENT_EXAMPLES),0644=$(e)=$(DOCDIR)/$(e:plugin/%=%)) \
	0644=plugin/cli/jeton.bash=$(COMPLETIONSDIR)/jeton \
	0644=plugin/cli/jeton.zsh=$(ZSHDIR)/_jeton \
	0644=plugin/cli/jeton.fish=$(FISHDIR)/jeton.fish \
	$(foreach u,$(UNITS),0644=$(FILL)/$(u)=$(UNITDIR)/$(u)) \
	0644=systemd/jeton.sysusers=$(SYSUSERSDIR)/jeton.conf \
	0644=systemd/jeton.tmpfiles=$(TMPFILESDIR)/jeton.conf \
	0755=$(BUILD)/jeton-gateway=$(SBINDIR)/jeton-gateway \
	0644=systemd/jeton-gateway.sysusers=$(SYSUSERSDIR)/jeton-gateway.conf \
	0755=$(BUILD)/jeton-web=$(LIBEXECDIR)/jeton-web \
	$(foreach f,$(PAGE_FILES),0644=plugin/web/page/$(f)=$(PAGEDIR)/$(f)) \
	conf=$(FILL)/gateway.conf=$(CONFDIR)/gateway.conf \
	$(foreach e,$(PROXY_EXAMPLES),0644=$(e)=$(GATEWAYDOCDIR)/$(e:plugin/%=%)) \
	$(patsubst %,0755=%=$(LIBEXECDIR)/jeton-fleet,$(filter %/jeton-fleet,$(PRODUCTS))) \
	$(foreach f,$(FLEET_FILES),0644=$(f)=$(FLEETDIR)/$(notdir $(f))) \
	0644=systemd/jeton-fleet.sysusers=$(SYSUSERSDIR)/jeton-fleet.conf \
	conf=$(FILL)/fleet.conf=$(CONFDIR)/fleet.conf \
	$(foreach e,$(FLEET_EXAMPLES),0644=$(e)=$(FLEETDOCDIR)/examples/$(notdir $(e))) \
	conf=$(FILL)/jetond.conf=$(CONFDIR)/jetond.conf \
	$(foreach f,$(COCKPIT_FILES),0644=$(f)=$(COCKPITDIR)/$(notdir $(f))) \
	$(foreach m,$(MANPAGES),0644=$(FILL)/$(notdir $(m))=$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) \
	0644=$(FILL)/README.md=$(DOCDIR)/README.md \
	0644=proto/PROTOCOL.md=$(DOCDIR)/PROTOCOL.md \
	0644=systemd/network.conf.example=$(DOCDIR)/examples/network.conf \
	0644=systemd/jeton-expiring.service.example=$(DOCDIR)/examples/jeton-expiring.service \
	0644=systemd/jeton-expiring.timer.example=$(DOCDIR)/examples/jeton-expiring.timer \
	0644=systemd/priority.conf.example=$(DOCDIR)/examples/priority.conf
# Directories that are nobody else's, innermost first.
OWN_DIRECTORIES = $(INCLUDEDIR)/jeton $(VERIFIERSDIR) $(dir $(VERIFIERSDIR)) \
	$(sort $(dir $(CLIENT_EXAMPLES:plugin/%=$(DOCDIR)/%))) $(DOCDIR)/examples $(DOCDIR) $(CONFDIR) \
	$(sort $(dir $(PROXY_EXAMPLES:plugin/%=$(GATEWAYDOCDIR)/%))) $(GATEWAYDOCDIR)/examples $(GATEWAYDOCDIR) \
	$(PYTHONDIR)/jeton $(LUADOCDIR)/examples $(LUADOCDIR) $(COCKPITDIR) $(LIBEXECDIR) $(PAGEDIR) \
	$(FLEETDIR) $(dir $(PAGEDIR)) $(FLEETDOCDIR)/examples $(FLEETDOCDIR)
FILL ?= $(BUILD)/install
FILLED = $(patsubst %,$(FILL)/%,$(UNITS) libjeton.pc jetond.conf gateway.conf fleet.conf README.md $(notdir $(MANPAGES)))

# Filled in every time, as PREFIX may be another than the last time.
fill = @mkdir -p $(@D) && sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; \
	s|@VERSION@|$(VERSION)|; s|@SBINDIR@|$(SBINDIR)|; s|@BINDIR@|$(BINDIR)|; s|@VERIFIERSDIR@|$(VERIFIERSDIR)|; s|@GATEWAYDOCDIR@|$(GATEWAYDOCDIR)|; s|@NGINXDIR@|$(NGINXDIR)|; s|@FLEETDOCDIR@|$(FLEETDOCDIR)|; s|@FLEETDIR@|$(FLEETDIR)|; s|@DOCDIR@|$(DOCDIR)|; s|@LIBEXECDIR@|$(LIBEXECDIR)|; s|@PAGEDIR@|$(PAGEDIR)|' $< >$@
$(FILL)/%: systemd/%.in FORCE
	$(fill)
$(FILL)/%: systemd/% FORCE
	$(fill)
$(FILL)/libjeton.pc: plugin/lib/libjeton.pc.in FORCE
	$(fill)
# Its links lead to what is installed beside it; of the others, only the text stays.
$(FILL)/README.md: README.md FORCE
	@mkdir -p $(@D) && sed -e 's|\[proto/PROTOCOL.md\](proto/PROTOCOL.md)|[PROTOCOL.md](PROTOCOL.md)|' \
		-e 's|\[\([^]]*\)\]([a-zA-Z]*/[^)]*)|\1|g' -e 's|\[LICENSE\](LICENSE)|LICENSE|' -e '/^!\[/d' $< >$@
define page_rule
$(FILL)/$(notdir $(1)): $(1) FORCE
	$$(fill)
endef
$(foreach page,$(MANPAGES),$(eval $(call page_rule,$(page))))
install: all                    ## install under PREFIX=/usr/local (DESTDIR=)
	@$(MAKE) --no-print-directory install-only

products: $(PRODUCTS)

# What is built, as it is.
install-only: $(FILLED)
	@for file in $(FILES); do \
		mode=$${file%%=*} to=$(DESTDIR)$${file##*=} from=$${file#*=} from=$${from%=*}; \
		case $$mode in \
		link) mkdir -p "$${to%/*}" && ln -sfn "$$from" "$$to" ;; \
		conf) [ -e "$$to" ] || install -D -m 0644 "$$from" "$$to" ;; \
		*) install -D -m $$mode "$$from" "$$to" ;; \
		esac && echo "$$to" || exit 1; \
	done

uninstall: $(FILLED)            ## remove what install put there, but for a changed configuration
	@for file in $(FILES); do \
		mode=$${file%%=*} to=$(DESTDIR)$${file##*=} from=$${file#*=} from=$${from%=*}; \
		[ $$mode != conf ] || [ ! -e "$$to" ] || cmp -s "$$from" "$$to" || \
			{ echo "$$to was changed, and is kept"; continue; }; \
		rm -f "$$to" || exit 1; \
	done
	@rm -rf $(DESTDIR)$(PYTHONDIR)/jeton/__pycache__
	@for directory in $(OWN_DIRECTORIES:%=$(DESTDIR)%); do \
		[ ! -d "$$directory" ] || rmdir --ignore-fail-on-non-empty "$$directory"; \
	done

# -- Debian packages, in $(BUILD)/deb ---------------------------------------------------------------

PACKAGING = build-essential cockpit-bridge debhelper dh-python nginx-dev dpkg-dev fakeroot lintian bash-completion systemd systemd-container mandoc groff-base pamtester
DEB = $(BUILD)/deb/jeton-$(VERSION)
# Of PACKAGES, those without which it does not build, joined by commas.
comma = ,
empty =
LIBRARIES = $(subst $(empty) $(empty),$(comma) ,$(strip \
	$(filter-out libc6-dev linux-libc-dev libcmocka-dev,$(filter %-dev,$(PACKAGES)))))

deps-package:                   ## install what `make deb` and `make test-boot` need
	@tests/deps $(PACKAGING)

deb:                            ## build Debian packages in build/deb
	@tests/deps --check deps-package $(PACKAGING)
	@$(MAKE) --no-print-directory $(BUILD)/deb/done

$(BUILD)/deb/done: $(shell find daemon plugin proto systemd -type f 2>/dev/null) Makefile README.md LICENSE
	@head -n 1 systemd/debian/changelog | grep -qF '($(VERSION))' || \
		{ echo "make deb: systemd/debian/changelog does not begin with version $(VERSION)" >&2; exit 1; }
	rm -rf $(BUILD)/deb
	mkdir -p $(DEB)
	cp -R daemon plugin proto systemd Makefile README.md LICENSE $(DEB)
	mv $(DEB)/systemd/debian $(DEB)/debian
	sed -i 's/@LIBRARIES@/$(LIBRARIES)/' $(DEB)/debian/control
	cd $(DEB) && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS dpkg-buildpackage -jauto -us -uc -b
	lintian --allow-root --fail-on error,warning $(BUILD)/deb/*.changes
	rm -rf $(DEB)
	touch $@

# Boots systemd with the packages in a container, where that is possible; says so where it is not.
test-boot: deb              ## as root: boot systemd in a container; install, upgrade and remove the packages there
	@$(MAKE) --no-print-directory $(PRODUCTS)
	@BUILD=$(BUILD) tests/boot/run

deps-release:                   ## install what `make test-release` needs
	@tests/deps mmdebstrap

test-release:                   ## as root: build, test and boot the packages in a root of the other Debian release
	@tests/release/run

clean:                          ## remove build/
	rm -rf build

.PHONY: FORCE all bench deb compile-all compile-commands deps deps-bench deps-develop deps-package deps-fuzz deps-programs deps-release demo demo-fleet format fuzz fuzz-programs help run test test-boot test-release torture sanitize install install-only products uninstall clean
.SECONDARY:
# Which headers each object needs is a thousand files to read: not where nothing is compiled.
ifneq ($(filter-out help install-only uninstall clean,$(or $(MAKECMDGOALS),all)),)
-include $(shell find $(BUILD) \( -path $(BUILD)/deb -o -path $(BUILD)/release \) -prune -o -type f -name '*.d' -print 2>/dev/null)
endif
