# SPDX-License-Identifier: Apache-2.0
# make all | demo | run | test | sanitize | install | uninstall | clean | deps

BUILD ?= build
PACKAGES = gcc make pkg-config libevent-dev libsodium-dev libtdb-dev tdb-tools libinih-dev \
	libcmocka-dev socat python3

CC = gcc
CFLAGS ?= -O2 -g
WARN = -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith
HARDEN = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LINK = -pie -Wl,-z,relro,-z,now
LIBS_PROTO = -lsodium
LIBS_DAEMON = -levent_core -linih -ltdb -lpthread $(LIBS_PROTO)
LIBS_UNIT = -lcmocka $(LIBS_DAEMON)

PROTO = $(patsubst %.c,$(BUILD)/%.o,$(wildcard proto/*.c))
DAEMON = $(patsubst %.c,$(BUILD)/%.o,$(filter-out daemon/main.c,$(wildcard daemon/*.c)))
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

all: deps $(BUILD)/jetond

deps:
	@tests/deps $(PACKAGES)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(HARDEN) $(CFLAGS) -I. -MMD -MP -c $< -o $@

$(BUILD)/jetond: $(BUILD)/daemon/main.o $(DAEMON) $(PROTO)
	$(CC) $(CFLAGS) $(LINK) $^ $(LIBS_DAEMON) -o $@

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(DAEMON) $(PROTO)
	$(CC) $(CFLAGS) -pie $^ $(LIBS_UNIT) -o $@

test: deps
	@$(MAKE) --no-print-directory -s $(UNIT)
	@BUILD=$(BUILD) tests/run

# The whole suite under ASan and UBSan, then under TSan, each in its own build directory.
sanitize: deps
	$(MAKE) test BUILD=build/asan HARDEN=-fPIE \
		CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
	$(MAKE) test BUILD=build/tsan HARDEN=-fPIE CFLAGS="-O1 -g -fsanitize=thread"

clean:
	rm -rf build

.PHONY: all deps test sanitize clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
