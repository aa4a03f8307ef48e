/* SPDX-License-Identifier: Apache-2.0 */
/* Look keys up in a TDB file that is damaged or forged: every answer is that of a plain walk over
 * the chain in memory, with a limit.
 *
 *     input = { number of chains (1 byte), records, then bytes that are changed: place (2), value (4) } */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <tdb.h>
#include <unistd.h>

#include "daemon/store/tdb_lookup.h"

enum { IMAGE_MAX = 8192, CHAINS_MAX = 4, KEYS = 4, HEAD = 168, RECORDS_MAX = 24, VALUE_MAX = 2000 };

struct head {
    uint32_t next, capacity, key_len, value_len, hash, magic;
};

static char image[IMAGE_MAX];
static size_t size;
static uint32_t chains;
static int fd;
static char path[32];

FUZZ_HARNESS_BEGINS

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fd = memfd_create("tdb", MFD_CLOEXEC);
    MUST(fd >= 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return 0;
}

static struct slice key_of(unsigned number)
{
    static const char *const keys[KEYS] = { "", "a", "token/0011", "token/2233" };

    return slice_of(keys[number % KEYS]);
}

static uint32_t hash_of(struct slice key)
{
    TDB_DATA datum = { (unsigned char *)(uintptr_t)key.at, key.len };

    return tdb_jenkins_hash(&datum);
}

static void set_u32(size_t at, uint32_t number)
{
    memcpy(image + at, &number, sizeof(number));
}

static uint32_t get_u32(size_t at)
{
    uint32_t number;

    memcpy(&number, image + at, sizeof(number));
    return number;
}

static void write_head(void)
{
    const uint32_t magic = 0x26011999;

    memset(image, 0, sizeof(image));
    memcpy(image, "TDB file\n", 10);
    set_u32(32, 0x2601196d);
    set_u32(36, chains);
    set_u32(48 + 4, hash_of((struct slice){ "TDB file\n", 10 }));
    set_u32(48 + 8, hash_of((struct slice){ (const char *)&magic, 4 }));
    size = HEAD + 4 * (chains + 1);
}

/* Put a record in front of the chain of its key, with faults. */
static void add_record(struct fuzz_input *in)
{
    uint8_t kind = consume_byte(in);
    struct slice key = key_of(kind), value = consume_bytes(in, consume_byte(in) * 9U);
    struct head h = { 0,
                      (uint32_t)(key.len + value.len + 4),
                      (uint32_t)key.len,
                      (uint32_t)value.len,
                      hash_of(key),
                      0x26011999 };
    size_t chain = HEAD + 4 + 4 * (h.hash % chains);

    if (size + sizeof(h) + h.capacity > IMAGE_MAX)
        return;
    h.next = get_u32(chain);
    h.magic = (kind & 4) != 0 ? 0xfee1dead : h.magic;
    h.hash += (kind & 8) != 0;
    set_u32(chain, (uint32_t)size);
    memcpy(image + size, &h, sizeof(h));
    memcpy(image + size + sizeof(h), key.at, key.len);
    if (value.len > 0)
        memcpy(image + size + sizeof(h) + key.len, value.at, value.len);
    size += sizeof(h) + h.capacity;
}

/* Look up by a plain walk: no chain of this file has more records than it has bytes. */
static enum lookup_found expected(struct slice key, struct slice *value)
{
    size_t chain = HEAD + 4 + 4 * (size_t)(hash_of(key) % chains);
    uint32_t at = get_u32(chain);
    struct head h;

    for (size_t steps = 0; at != 0; at = h.next, steps++) {
        if (steps > IMAGE_MAX || at < HEAD + 4 * (chains + 1) || (size_t)at + sizeof(h) > size)
            return LOOKUP_FAILED;
        memcpy(&h, image + at, sizeof(h));
        if ((h.magic != 0x26011999 && h.magic != 0xfee1dead) ||
            (uint64_t)h.key_len + h.value_len > h.capacity)
            return LOOKUP_FAILED;
        if (h.magic == 0xfee1dead || h.hash != hash_of(key) || h.key_len != key.len ||
            at + sizeof(h) + key.len > size || memcmp(image + at + sizeof(h), key.at, key.len) != 0)
            continue;
        *value = (struct slice){ image + at + sizeof(h) + key.len, h.value_len };
        return h.value_len <= VALUE_MAX && at + sizeof(h) + key.len + h.value_len <= size ?
                   LOOKUP_FOUND :
                   LOOKUP_FAILED;
    }
    return LOOKUP_ABSENT;
}

static void look_up(struct tdb_lookup *l, unsigned number)
{
    struct slice key = key_of(number), value = { NULL, 0 };
    char *space = malloc(VALUE_MAX);
    size_t len = 0;
    enum lookup_found found = tdb_lookup_get(l, key, space, VALUE_MAX, &len);

    MUST(found == expected(key, &value));
    if (found == LOOKUP_FOUND)
        MUST(slice_equal(value, (struct slice){ space, len }));
    free(space);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_input in = { bytes, len };

    chains = 1 + consume_byte(&in) % CHAINS_MAX;
    write_head();
    for (unsigned records = consume_byte(&in) % RECORDS_MAX; records > 0; records--)
        add_record(&in);
    for (; in.left >= 3;) {
        size_t at = consume_u16(&in) % (size - 3);
        uint32_t number = consume_u16(&in);
        set_u32(at < HEAD ? HEAD : at, number | (uint32_t)consume_u16(&in) << 16);
    }
    MUST(ftruncate(fd, 0) == 0 && pwrite(fd, image, size, 0) == (ssize_t)size);
    struct tdb_lookup *l = tdb_lookup_open(path);
    MUST(l != NULL);
    for (unsigned i = 0; i < KEYS; i++)
        look_up(l, i);
    tdb_lookup_close(l);
    return 0;
}

FUZZ_HARNESS_ENDS
