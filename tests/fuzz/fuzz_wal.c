/* SPDX-License-Identifier: Apache-2.0 */
/* Read a write-ahead log that was damaged or forged, and go on with it.
 *
 *     input = operations: a byte for which, then what each consumes
 *
 * Until something was forged, only what was appended is read, each under its serial; what is refused
 * is left as it was; and what was read can be appended to, and is read again with that. */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/wal.h"

enum { OPERATIONS_MAX = 64, SERIALS_MAX = 256, BLOCKS = 1 + 3 * 4, EPOCHS = 3 };

static const struct wal_shape shape = { 3, 4 * WAL_BLOCK };
static char directory[64], store[80], file[96];

static struct wal *wal;                 /* NULL: closed */
static bool forged;                     /* the file has what was never appended */
static uint64_t saved;                  /* everything before this serial */
static char epoch[2] = "a";             /* of what was begun last; no two are the same */
static uint8_t length[26][SERIALS_MAX]; /* of what was appended, by epoch and serial; 0: nothing */
static char before[BLOCKS * WAL_BLOCK], after[BLOCKS * WAL_BLOCK];

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

static void clean_up(void)
{
    unlink(file);
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
    snprintf(file, sizeof(file), "%s.wal", store);
    atexit(clean_up);
    return 0;
}

static void load_file(char bytes[BLOCKS * WAL_BLOCK])
{
    FILE *f = fopen(file, "re");

    memset(bytes, 0, BLOCKS * WAL_BLOCK);
    if (f == NULL)
        return;
    MUST(fread(bytes, 1, BLOCKS * WAL_BLOCK, f) <= BLOCKS * WAL_BLOCK);
    fclose(f);
}

static void save_block(size_t block, const char bytes[WAL_BLOCK])
{
    FILE *f = fopen(file, "r+e");

    if (f == NULL)
        return;
    MUST(fseek(f, (long)(block * WAL_BLOCK), SEEK_SET) == 0 &&
         fwrite(bytes, 1, WAL_BLOCK, f) == WAL_BLOCK);
    fclose(f);
}

/* -- appending and reading -------------------------------------------------------------------- */

/* Fill a body, which follows from its epoch, serial and length. */
static struct slice body_of(char in_epoch, uint64_t first, uint8_t size)
{
    static char bytes[256 * 64];
    size_t len = (size_t)size * (first % 5 == 0 ? 60 : 5);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i % 32 == 31 ? '\n' : 'a' + (i / 32 + first + (uint64_t)in_epoch) % 26);
    return (struct slice){ bytes, len };
}

static uint32_t count_of(uint64_t first)
{
    return 1 + first % 2;
}

struct checking {
    struct wal_visitor visitor;
    uint64_t next;
    char epoch;
};

static bool visit(struct wal_visitor *visitor, uint64_t first, uint32_t count, struct slice body)
{
    struct checking *c = (struct checking *)visitor;

    MUST(count > 0 && (c->next == 0 || c->next == first));
    c->next = first + count;
    free(fuzz_copy(body));
    if (forged)
        return true;
    MUST(first < SERIALS_MAX && count == count_of(first) && c->epoch >= 'a' && c->epoch <= 'z');
    uint8_t size = length[c->epoch - 'a'][first];
    MUST(size > 0 && slice_equal(body, body_of(c->epoch, first, size)));
    return true;
}

static bool append(uint8_t size)
{
    struct problem problem;
    uint64_t first = wal_next(wal);

    if (first == 0 || first >= SERIALS_MAX || wal_epoch(wal)[1] != '\0')
        return false;
    char in_epoch = wal_epoch(wal)[0];
    size = size > 0 ? size : 1;
    enum wal_result result = wal_append(wal, count_of(first), body_of(in_epoch, first, size),
                                        &problem);
    MUST(result == WAL_DONE || result == WAL_FULL || result == WAL_LARGE);
    if (result == WAL_DONE && in_epoch >= 'a' && in_epoch <= 'z')
        length[in_epoch - 'a'][first] = size;
    return result == WAL_DONE;
}

static void close_log(void)
{
    wal_close(wal);
    wal = NULL;
}

/* Read what is there; false: it is refused. */
static bool read_log(enum wal_mode mode, uint64_t *next)
{
    struct problem problem;
    struct checking c = { .visitor.visit = visit };

    wal = wal_open(store, mode, &problem);
    if (wal == NULL)
        return false;
    c.epoch = wal_epoch(wal)[0];
    bool done = wal_read(wal, saved, &c.visitor, &problem);
    if (!done)
        MUST(wal_next(wal) == 0 && problem.status == STATUS_STORE);
    *next = wal_next(wal);
    MUST(!done || c.next == 0 || *next == c.next);
    return done;
}

/* Open the log, and close it again if it is refused. */
static void open_log(uint8_t size)
{
    uint64_t next = 0, again = 0;

    close_log();
    load_file(before);
    bool done = read_log(WAL_READ, &next);
    close_log();
    MUST(read_log(WAL_WRITE, &again) == done && again == next);
    load_file(after);
    if (!done) {
        MUST(memcmp(before, after, sizeof(before)) == 0);
        close_log();
    } else if (append(size)) {
        next = wal_next(wal);
        close_log();
        done = read_log(WAL_WRITE, &again);
        MUST(forged || (done && again == next));
        if (!done)
            close_log();
    }
}

static void begin(void)
{
    struct problem problem;

    if (wal == NULL)
        wal = wal_open(store, WAL_WRITE, &problem);
    if (wal == NULL || epoch[0] == 'z')
        return;
    epoch[0]++;
    saved = 1 + (uint64_t)epoch[0] % 3;
    MUST(wal_begin(wal, epoch, saved, &shape, &problem) && wal_next(wal) == saved);
}

/* -- damage ----------------------------------------------------------------------------------- */

static void flip(struct fuzz_input *in)
{
    char bytes[BLOCKS * WAL_BLOCK];
    size_t block = consume_byte(in) % BLOCKS, at = consume_u16(in) % WAL_BLOCK;

    load_file(bytes);
    bytes[block * WAL_BLOCK + at] ^= (char)consume_byte(in);
    save_block(block, bytes + block * WAL_BLOCK);
}

/* Copy some sectors of one block to another. */
static void copy(struct fuzz_input *in)
{
    char bytes[BLOCKS * WAL_BLOCK];
    size_t from = consume_byte(in) % BLOCKS, to = consume_byte(in) % BLOCKS;
    unsigned sectors = consume_byte(in);

    load_file(bytes);
    for (size_t i = 0; i < 8; i++)
        if ((sectors >> i & 1) != 0)
            memcpy(bytes + to * WAL_BLOCK + i * 512, bytes + from * WAL_BLOCK + i * 512, 512);
    save_block(to, bytes + to * WAL_BLOCK);
}

/* Write a head with a right check, and any fields. */
static void forge_head(struct fuzz_input *in)
{
    char block[WAL_BLOCK];
    struct wal_head head = { .epoch = "a", .sequence = consume_u16(in), .first = consume_byte(in) };
    uint8_t flags = consume_byte(in);
    size_t at = 1 + (size_t)(flags & 3) % 3 * 4;

    head.begins = (flags & 4) != 0;
    head.epoch[0] = (char)('a' + (flags >> 3) % EPOCHS);
    memset(head.previous, consume_byte(in), sizeof(head.previous));
    wal_head_write(block, &head);
    struct wal_head again;
    MUST(wal_head_read(block, &again) && again.sequence == head.sequence);
    save_block(at, block);
    forged = true;
}

/* Write a batch that follows a head of forge_head(), or another batch, with any fields. */
static void forge_batch(struct fuzz_input *in)
{
    static uint8_t last[WAL_CHECK];
    char bytes[2 * WAL_BLOCK];
    struct wal_batch b = { .epoch = "a", .sequence = consume_u16(in), .first = consume_byte(in) };
    uint8_t flags = consume_byte(in), previous = consume_byte(in);

    b.count = flags >> 4;
    b.epoch[0] = (char)('a' + (flags & 3) % EPOCHS);
    b.body = consume_bytes(in, WAL_BLOCK);
    memset(b.previous, previous, sizeof(b.previous));
    if ((flags & 4) != 0)
        memcpy(b.previous, last, sizeof(last));
    wal_batch_write(bytes, &b);
    memcpy(last, b.check, sizeof(last));
    uint32_t length_field = consume_u16(in);
    if ((flags & 8) != 0)
        memcpy(bytes + 44, &length_field, sizeof(length_field));
    save_block(consume_byte(in) % BLOCKS, bytes);
    forged = true;
}

static void run(struct fuzz_input *in)
{
    switch (consume_byte(in) % 8) {
    case 0:
    case 1:
        if (wal != NULL)
            append(consume_byte(in));
        break;
    case 2:
        open_log(consume_byte(in));
        break;
    case 3:
        if (wal != NULL && saved < wal_next(wal))
            saved += consume_byte(in) % 8;
        if (wal != NULL && wal_next(wal) > 0 && saved <= wal_next(wal))
            wal_set_saved(wal, saved);
        break;
    case 4:
        begin();
        break;
    case 5:
        close_log();
        flip(in);
        break;
    case 6:
        close_log();
        copy(in);
        break;
    default:
        close_log();
        (consume_byte(in) % 2 == 0 ? forge_head : forge_batch)(in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_input in = { bytes, len };

    unlink(file);
    forged = false;
    saved = 1;
    epoch[0] = 'a';
    memset(length, 0, sizeof(length));
    begin();
    for (int i = 0; i < OPERATIONS_MAX && in.left > 0; i++)
        run(&in);
    open_log(1);
    close_log();
    return 0;
}

FUZZ_HARNESS_ENDS
