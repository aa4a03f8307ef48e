/* SPDX-License-Identifier: Apache-2.0 */
/* Load the cache of a fleet's tokens whose files were forged: their checksums are right, and nothing else need be.
 *
 *     input = "e", the bytes of an entry
 *           | "b", the bytes of a batch of the log
 *           | "s", a snapshot: how many blocks of entries, 8 bits; of entries, 16; of places, 8; of denials, 8; the first
 *             byte of what each block has, 16 bits for its length, and so many bytes; the tail's bytes
 *
 * What is refused is refused with a reason.  What is read is written again as the same bytes, ascending, and
 * found by its id. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/fleet/fleet_batch.h"
#include "daemon/fleet/fleet_bytes.h"
#include "daemon/fleet/fleet_cache.h"
#include "daemon/fleet/fleet_walk.h"
#include "daemon/store/wal.h"

enum { BLOCKS_MAX = 4, TAIL_MAX = 4096 };

static const struct wal_shape shape = { 2, 4 * WAL_BLOCK };
static char directory[64], store[80], snapshot_name[96], log_name[112];
static struct fleet_entry entry, second;

FUZZ_HARNESS_BEGINS

/* Nothing is to be durable. */
int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

int fsync(int fd)
{
    (void)fd;
    return 0;
}

static void remove_files(void)
{
    unlink(snapshot_name);
    unlink(log_name);
}

static void clean_up(void)
{
    remove_files();
    rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    snprintf(directory, sizeof(directory), "%s/jeton-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    MUST(sodium_init() >= 0 && mkdtemp(directory) != NULL);
    snprintf(store, sizeof(store), "%s/t", directory);
    snprintf(snapshot_name, sizeof(snapshot_name), "%s.fleet", store);
    snprintf(log_name, sizeof(log_name), "%s.wal", snapshot_name);
    atexit(clean_up);
    return 0;
}

/* -- an entry --------------------------------------------------------------------------------- */

static bool check_entry(struct slice bytes)
{
    char again[FLEET_ENTRY_MAX];
    struct text t = text_in(again, sizeof(again));
    char *copy = fuzz_copy(bytes);
    const char *why = fleet_entry_read(&entry, (struct slice){ copy, bytes.len });

    free(copy);
    if (why != NULL) {
        MUST(why[0] != '\0');
        return false;
    }
    MUST(record_is_fleet(&entry.record));
    fleet_entry_write(&t, &entry);
    MUST(!t.cut && slice_equal(text_slice(&t), bytes));
    MUST(fleet_entry_bytes_deleted(bytes) == entry.deleted);
    return true;
}

/* A denial stays, whatever is merged. */
static void check_merge(void)
{
    fleet_entry_copy(&second, &entry);
    second.record.revoked = second.record.disabled = 0;
    second.deleted = false;
    MUST(fleet_entry_merge(&second, &entry));
    MUST((second.record.revoked != 0) == (entry.record.revoked != 0) &&
         (second.record.disabled != 0) == (entry.record.disabled != 0) &&
         second.deleted == entry.deleted);
}

/* -- a batch ---------------------------------------------------------------------------------- */

static bool visit(struct fleet_visitor *visitor, const struct fleet_entry *e)
{
    (void)visitor;
    MUST(record_is_fleet(&e->record));
    return true;
}

/* Append it to the log of a new cache, and open that. */
static void check_batch(struct slice body)
{
    struct problem problem = { 0 };
    struct fleet_visitor all = { .visit = visit };
    struct fleet_place place = { .serial = UINT64_MAX };

    remove_files();
    fleet_cache_close(fleet_cache_open_shape(store, &shape, &problem));
    struct wal *w = wal_open(snapshot_name, WAL_WRITE, &problem);
    MUST(w != NULL && wal_read(w, 1, NULL, &problem));
    enum wal_result result = wal_append(w, 1, body, &problem);
    wal_close(w);
    if (result != WAL_DONE)
        return;
    struct fleet_cache *c = fleet_cache_open_shape(store, &shape, &problem);
    if (c == NULL) {
        MUST(problem.message[0] != '\0');
        return;
    }
    bool read = fleet_cache_each(c, &all, &problem);
    MUST(fleet_cache_commit(c, &place) == 0);
    const size_t unsent = fleet_cache_unsent_count(c);
    fleet_cache_close(c);
    c = fleet_cache_open_shape(store, &shape, &problem);
    MUST(c != NULL && fleet_cache_place(c).serial == UINT64_MAX &&
         fleet_cache_unsent_count(c) == unsent && fleet_cache_each(c, &all, &problem) == read);
    fleet_cache_close(c);
}

/* -- a snapshot ------------------------------------------------------------------------------- */

static void write_block(int fd, char block[FLEET_BLOCK], const struct fleet_head *head,
                        uint32_t number, enum fleet_block_kind kind, struct slice bytes)
{
    size_t len = bytes.len < FLEET_BLOCK_BYTES ? bytes.len : FLEET_BLOCK_BYTES;

    if (len > 0)
        memcpy(block + FLEET_BLOCK_HEAD, bytes.at, len);
    fleet_block_seal(block, head->name, number, kind, len);
    MUST(pwrite(fd, block, FLEET_BLOCK, (off_t)number * FLEET_BLOCK) == FLEET_BLOCK);
}

/* Forge a file; the firsts in its tail are right if a block's first byte says so. */
static void forge(struct fuzz_input *in)
{
    char block[FLEET_BLOCK], tail[TAIL_MAX];
    struct text t = text_in(tail, sizeof(tail));
    struct fleet_head head = { .epoch = "0011223344556677", .next = 1 };
    int fd = open(snapshot_name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    MUST(fd >= 0);
    memset(head.name, 7, sizeof(head.name));
    head.blocks = consume_byte(in) % (BLOCKS_MAX + 1);
    head.entries = consume_u16(in);
    head.places = consume_byte(in);
    head.unsent = consume_byte(in);
    head.last = 255;
    for (uint32_t i = 1; i <= head.blocks; i++) {
        bool right = consume_byte(in) % 2 == 0;
        struct slice bytes = consume_bytes(in, consume_u16(in));
        char first[8] = { 0 };
        for (size_t n = 0; right && n < 8 && bytes.len >= 10; n++)
            first[7 - n] = bytes.at[2 + n];
        if (right)
            text_add(&t, first, sizeof(first));
        write_block(fd, block, &head, i, FLEET_BLOCK_ENTRIES, bytes);
    }
    struct slice rest = consume_bytes(in, TAIL_MAX - t.len);
    text_add(&t, rest.at, rest.len);
    if (t.len > 0)
        write_block(fd, block, &head, (uint32_t)head.blocks + 1, FLEET_BLOCK_TAIL, text_slice(&t));
    fleet_head_write(block, &head);
    MUST(pwrite(fd, block, FLEET_BLOCK, 0) == FLEET_BLOCK);
    close(fd);
}

/* Walk over it, and find what is walked over. */
static void check_walk(const struct fleet_snapshot *s)
{
    static struct fleet_walk walk;
    struct fleet_index *none = fleet_index_new();
    uint8_t last[ID_SIZE] = { 0 };
    enum fleet_walked walked;
    struct slice bytes;
    uint64_t count = 0, readable = 0;
    const char *why;

    MUST(none != NULL && fleet_walk_begin(&walk, s, none, -1));
    while ((walked = fleet_walk_next(&walk, &bytes)) == FLEET_WALK_ENTRY) {
        MUST(bytes.len >= FLEET_ENTRY_MIN && (count == 0 || memcmp(last, bytes.at, ID_SIZE) < 0));
        memcpy(last, bytes.at, ID_SIZE);
        count++;
        readable += check_entry(bytes);
        enum store_found found = fleet_snapshot_find(s, last, &second, &why);
        MUST(found != STORE_FOUND || memcmp(second.record.digest, last, ID_SIZE) == 0);
    }
    MUST(walked == FLEET_WALK_END || walk.fault[0] != '\0');
    MUST(walked != FLEET_WALK_END || count == s->head.entries);
    MUST(readable <= count);
    fleet_walk_end(&walk);
    fleet_index_free(none);
}

static void check_snapshot(struct fuzz_input *in)
{
    struct problem problem = { 0 };
    struct fleet_snapshot *s = NULL;
    struct fleet_places places;
    struct fleet_unsent_list unsent = { 0 };

    forge(in);
    MUST(fleet_places_init(&places));
    enum store_found found = fleet_snapshot_open(snapshot_name, &s, &places, &unsent, &problem);
    MUST(found != STORE_ABSENT && (found == STORE_FOUND || problem.message[0] != '\0'));
    if (found == STORE_FOUND) {
        MUST(places.count == s->head.places && unsent.count == s->head.unsent);
        check_walk(s);
        fleet_snapshot_close(s);
    }
    fleet_places_free(&places);
    fleet_unsent_free(&unsent);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_input in = { bytes, len };

    switch (consume_byte(&in)) {
    case 'e':
        if (check_entry(consume_bytes(&in, in.left)))
            check_merge();
        break;
    case 'b':
        check_batch(consume_bytes(&in, in.left));
        break;
    case 's':
        check_snapshot(&in);
    }
    return 0;
}

FUZZ_HARNESS_ENDS
