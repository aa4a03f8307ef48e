/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a store that holds TOKENS tokens, those with the values of values.h.  The last JOURNAL of
 * them come through the daemon's own writer, so that the journal is full as well; those before are
 * put straight into the file, as the writer would have.  Nothing is synced until the end.  More
 * than fit into a TDB file with claims have none.
 *
 *     fill STORE TOKENS */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <tdb.h>
#include <unistd.h>

#include "daemon/writer/change_apply.h"
#include "daemon/base/log.h"
#include "daemon/store/tdb_file.h"
#include "daemon/writer/commit.h"
#include "proto/token.h"
#include "tests/bench/values.h"

enum { JOURNAL = 100000, TOGETHER = 100, BEGAN = 1700000000, CLAIMS_MOST = 7000000 };

static struct writer writer;
static uint64_t tokens;

static int64_t created(uint64_t number)
{
    return BEGAN + (int64_t)(number / TOGETHER);
}

/* Instead of libc's, for TDB. */
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

static void die(const char *what)
{
    fprintf(stderr, "fill: %s\n", what);
    exit(1);
}

/* What a token of a real host looks like: its owner, a few scopes, a line of text; some end. */
static void claim(struct record *r, uint64_t number)
{
    char text[80], value[VALUE_LEN];

    make_value(number, value);
    token_digest((struct slice){ value, sizeof(value) }, r->digest);
    r->expires = TIME_NEVER;
    if (tokens > CLAIMS_MOST)
        return;
    snprintf(text, sizeof(text), CLAIM_SUBJECT, (unsigned)(number % 1000));
    record_set_subject(r, slice_of(text));
    record_set_scopes(r, slice_of(CLAIM_SCOPES(number)));
    snprintf(text, sizeof(text), "ci deploy %llu", (unsigned long long)number);
    record_set_description(r, slice_of(text));
    r->expires = number % 2 == 0 ? TIME_NEVER : 4000000000;
}

static void post(uint64_t number)
{
    struct change *c = change_new(&change_create);

    if (c == NULL)
        die("no memory");
    c->uid = 1000;
    c->pid = 1;
    claim(&c->want, number);
    mailbox_post(&writer.box, &c->mail);
}

/* So that what is measured next does not run beside the kernel's writing it out. */
static bool sync_whole(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && syscall(SYS_fsync, fd) == 0;

    close(fd);
    return done;
}

/* -- straight into the file -------------------------------------------------------------------- */

static void put(struct tdb_context *tdb, struct slice key, struct slice value)
{
    if (tdb_store(tdb, tdb_file_datum(key), tdb_file_datum(value), TDB_REPLACE) != 0)
        die(tdb_errorstr(tdb));
}

static void put_token(struct tdb_context *tdb, uint64_t number)
{
    static char room[RECORD_LINE_MAX + TDB_FILE_SPARE];
    struct record r = { .serial = number + 1, .created = created(number), .by = 1000 };
    struct text line = text_in(room, RECORD_LINE_MAX);
    char key[RECORD_KEY_SIZE];

    claim(&r, number);
    record_key(r.digest, key);
    record_write(&line, &r);
    size_t size = tdb_file_size(sizeof(key), line.len);
    memset(room + line.len, ' ', size - line.len);
    put(tdb, (struct slice){ key, sizeof(key) }, (struct slice){ room, size });
}

/* One entry, the newest, and how many tokens there are; in a piece as large as a block's. */
static void put_journal(struct tdb_context *tdb, uint64_t straight)
{
    static char room[JOURNAL_BLOCK];
    struct text block = text_in(room, JOURNAL_BLOCK);

    text_addf(&block, "v=1 tokens=%010llu\nserial=%llu", (unsigned long long)straight,
              (unsigned long long)straight);
    line_put_time(&block, "time", created(straight));
    text_adds(&block, " event=import id=00000000000000000000 by=uid:0 pid=1\n");
    struct slice key = slice_of("journal/0");
    put(tdb, key, (struct slice){ room, tdb_file_place(key.len, JOURNAL_BLOCK) });
    put(tdb, key, text_slice(&block));
}

static void fill_file(const char *path, uint64_t straight)
{
    enum { HASH_SIZE = 1000003 };
    struct tdb_context *tdb =
        tdb_open(path, HASH_SIZE, TDB_INCOMPATIBLE_HASH | TDB_NOSYNC | TDB_NOLOCK, O_RDWR, 0600);

    if (tdb == NULL)
        die(path);
    for (uint64_t number = 0; number < straight; number++)
        put_token(tdb, number);
    put_journal(tdb, straight);
    if (tdb_close(tdb) != 0)
        die("the file could not be closed");
}

/* -- through the writer ------------------------------------------------------------------------ */

static void start(const char *path)
{
    struct problem problem;
    struct store *store = store_open(path, STORE_WRITE, &problem);

    if (store == NULL || !writer_init(&writer, store, "jtn", JOURNAL, &problem))
        die(problem.message);
}

static void fill_writer(uint64_t number)
{
    for (; number < tokens; number++) {
        post(number);
        if (number % WRITER_BATCH_MAX != WRITER_BATCH_MAX - 1 && number + 1 != tokens)
            continue;
        writer_collect(&writer);
        while (writer_batch(&writer, created(number)))
            continue;
        if (atomic_load(&writer.failures) > 0)
            die("the store could not be filled");
    }
}

int main(int argc, char **argv)
{
    if (argc != 3 || sodium_init() < 0)
        die("usage: fill STORE TOKENS");
    tokens = strtoull(argv[2], NULL, 10);
    uint64_t straight = tokens > JOURNAL ? tokens - JOURNAL : 0;
    log_set_level(LOG_LEVEL_WARNING);
    start(argv[1]); /* makes the file */
    if (straight > 0) {
        writer_destroy(&writer);
        fill_file(argv[1], straight);
        start(argv[1]);
    }
    fill_writer(straight);
    writer_destroy(&writer);
    return sync_whole(argv[1]) ? 0 : 1;
}
