/* SPDX-License-Identifier: Apache-2.0 */
/* Make a store of TOKENS tokens with the values of values.h.  The last JOURNAL of them go through
 * the daemon's writer, so that the journal is full too; the ones before are stored directly in the
 * file, as the writer would.  Nothing is synced until the end.  Tokens have no claims if with
 * claims they would not fit into a TDB file.
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

enum {
    JOURNAL = 100000,
    CREATED_PER_SECOND = 100,
    FIRST_CREATED = 1700000000,
    CLAIMS_TOKENS_MAX = 7000000
};

static struct writer writer;
static uint64_t tokens;

static int64_t created(uint64_t number)
{
    return FIRST_CREATED + (int64_t)(number / CREATED_PER_SECOND);
}

/* Replace the functions of libc, for TDB. */
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

/* Set claims like those on a real host: a subject, a few scopes, a description; some expire. */
static void set_claims(struct record *r, uint64_t number)
{
    char text[80], value[VALUE_LEN];

    make_value(number, value);
    token_digest((struct slice){ value, sizeof(value) }, r->digest);
    r->expires = TIME_NEVER;
    if (tokens > CLAIMS_TOKENS_MAX)
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
    struct mail_list one = { NULL, NULL };

    if (c == NULL)
        die("no memory");
    c->uid = 1000;
    c->pid = 1;
    set_claims(&c->want, number);
    mail_append(&one, &c->mail);
    write_queue_post(writer.queue, &one);
}

/* Sync the file, so that its writeback does not disturb the next measurement. */
static bool sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && syscall(SYS_fsync, fd) == 0;

    close(fd);
    return ok;
}

/* -- direct ---------------------------------------------------------------------------------- */

static void store_record(struct tdb_context *tdb, struct slice key, struct slice value)
{
    if (tdb_store(tdb, tdb_file_datum(key), tdb_file_datum(value), TDB_REPLACE) != 0)
        die(tdb_errorstr(tdb));
}

static void store_token(struct tdb_context *tdb, uint64_t number)
{
    static char buffer[RECORD_LINE_MAX + TDB_FILE_SPARE];
    struct record r = { .serial = number + 1, .created = created(number), .by = 1000 };
    struct text line = text_in(buffer, RECORD_LINE_MAX);
    char key[RECORD_KEY_SIZE];

    set_claims(&r, number);
    record_key(r.digest, key);
    record_write(&line, &r);
    size_t size = tdb_file_size(sizeof(key), line.len);
    memset(buffer + line.len, ' ', size - line.len);
    store_record(tdb, (struct slice){ key, sizeof(key) }, (struct slice){ buffer, size });
}

/* Store a journal with its newest entry and the number of tokens, in a record as large as a
 * block. */
static void store_journal(struct tdb_context *tdb, uint64_t direct)
{
    static char buffer[JOURNAL_BLOCK];
    struct text block = text_in(buffer, JOURNAL_BLOCK);

    text_addf(&block, "v=1 tokens=%010llu\nserial=%llu", (unsigned long long)direct,
              (unsigned long long)direct);
    line_put_time(&block, "time", created(direct));
    text_adds(&block, " event=import id=00000000000000000000 by=uid:0 pid=1\n");
    struct slice key = slice_of("journal/0");
    store_record(tdb, key, (struct slice){ buffer, tdb_file_place(key.len, JOURNAL_BLOCK) });
    store_record(tdb, key, text_slice(&block));
}

static void fill_file(const char *path, uint64_t direct)
{
    enum { HASH_SIZE = 1000003 };
    struct tdb_context *tdb =
        tdb_open(path, HASH_SIZE, TDB_INCOMPATIBLE_HASH | TDB_NOSYNC | TDB_NOLOCK, O_RDWR, 0600);

    if (tdb == NULL)
        die(path);
    for (uint64_t number = 0; number < direct; number++)
        store_token(tdb, number);
    store_journal(tdb, direct);
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
        if (number % COMMIT_BATCH_MAX != COMMIT_BATCH_MAX - 1 && number + 1 != tokens)
            continue;
        commit_collect(&writer);
        while (commit_batch(&writer, created(number)))
            continue;
        if (write_queue_stats(writer.queue).failures > 0)
            die("the store could not be filled");
    }
}

int main(int argc, char **argv)
{
    if (argc != 3 || sodium_init() < 0)
        die("usage: fill STORE TOKENS");
    tokens = strtoull(argv[2], NULL, 10);
    uint64_t direct = tokens > JOURNAL ? tokens - JOURNAL : 0;
    log_set_level(LOG_LEVEL_WARNING);
    start(argv[1]); /* creates the file */
    if (direct > 0) {
        writer_destroy(&writer);
        fill_file(argv[1], direct);
        start(argv[1]);
    }
    fill_writer(direct);
    writer_destroy(&writer);
    return sync_file(argv[1]) ? 0 : 1;
}
