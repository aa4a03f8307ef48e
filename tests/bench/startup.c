/* SPDX-License-Identifier: Apache-2.0 */
/* How long a start takes, beside the least that reading the file could take.
 *
 *     startup STORE TOKENS [ROUNDS]
 *
 * Fills STORE through the writer if it is not there, then measures in turn, ROUNDS times:
 *     bare     open the file with the store's flags, tdb_traverse_read() that counts, close
 *     inside   the same within a transaction, which TDB does faster
 *     start    store_open() and writer_init(): what jetond does before it listens
 * and prints the medians and their ratios. */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <tdb.h>
#include <time.h>
#include <unistd.h>

#include "daemon/decide.h"
#include "daemon/log.h"
#include "daemon/writer.h"

enum { HASH_SIZE = 1000003, TDB_FLAGS = TDB_NOMMAP | TDB_INCOMPATIBLE_HASH | TDB_DISALLOW_NESTING };
enum { KEEP = 100000, ROUNDS_MAX = 101 };

static struct writer writer;

static void die(const char *what)
{
    fprintf(stderr, "startup: %s\n", what);
    exit(1);
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void start(const char *path)
{
    struct problem problem;
    struct store *store = store_open(path, STORE_WRITE, &problem);

    if (store == NULL || !writer_init(&writer, store, "jtn", KEEP, &problem))
        die(problem.message);
}

/* -- filling --------------------------------------------------------------------------------- */

/* What a token of a real host looks like: its owner, a few scopes, a line of text, an end. */
static void claim(struct record *r, uint64_t number)
{
    char text[80];
    int len = snprintf(text, sizeof(text), "svc-%04llu", (unsigned long long)(number % 1000));

    record_set_subject(r, (struct slice){ text, (size_t)len });
    record_set_scopes(r, slice_of(number % 3 == 0 ? "deploy,read" : "repo:read,repo:write"));
    len = snprintf(text, sizeof(text), "ci deploy %llu", (unsigned long long)number);
    record_set_description(r, (struct slice){ text, (size_t)len });
    r->expires = number % 2 == 0 ? TIME_NEVER : 4000000000;
    token_digest((struct slice){ (const char *)&number, sizeof(number) }, r->digest);
}

static void fill(uint64_t tokens)
{
    for (uint64_t number = 0; number < tokens; number++) {
        struct change *c = change_new(&change_create);
        if (c == NULL)
            die("no memory");
        c->uid = 1000;
        c->pid = 1;
        claim(&c->want, number);
        mailbox_post(&writer.box, &c->mail);
        if (number % 1000 != 999 && number + 1 != tokens)
            continue;
        writer_collect(&writer);
        while (writer_batch(&writer, 1700000000 + (int64_t)number / 100))
            continue;
        if (atomic_load(&writer.failures) > 0)
            die("the store could not be filled");
    }
}

/* -- measuring ------------------------------------------------------------------------------- */

static int count(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *context)
{
    (void)tdb, (void)key, (void)value;
    ++*(uint64_t *)context;
    return 0;
}

static double bare(const char *path, bool inside, uint64_t *records)
{
    double from = seconds();
    struct tdb_context *tdb = tdb_open(path, HASH_SIZE, TDB_FLAGS, O_RDWR | O_CLOEXEC, 0600);

    *records = 0;
    if (tdb == NULL || (inside && tdb_transaction_start(tdb) != 0) ||
        tdb_traverse_read(tdb, count, records) < 0)
        die("the file cannot be read");
    if (inside)
        tdb_transaction_cancel(tdb);
    tdb_close(tdb);
    return seconds() - from;
}

static double whole(const char *path)
{
    double from = seconds();

    start(path);
    double took = seconds() - from;
    writer_destroy(&writer);
    return took;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static double median(double *value, int values)
{
    qsort(value, (size_t)values, sizeof(*value), ascending);
    return value[values / 2];
}

int main(int argc, char **argv)
{
    static double took[3][ROUNDS_MAX];
    int rounds = argc > 3 ? atoi(argv[3]) : 9;
    uint64_t records = 0;

    if (argc < 3 || rounds < 1 || rounds > ROUNDS_MAX || sodium_init() < 0)
        die("usage: startup STORE TOKENS [ROUNDS]");
    log_set_level(LOG_LEVEL_WARNING);
    if (access(argv[1], F_OK) != 0) {
        start(argv[1]);
        fill(strtoull(argv[2], NULL, 10));
        writer_destroy(&writer);
    }
    for (int i = 0; i < rounds; i++) {
        took[0][i] = bare(argv[1], false, &records);
        took[1][i] = bare(argv[1], true, &records);
        took[2][i] = whole(argv[1]);
    }
    double plain = median(took[0], rounds), inside = median(took[1], rounds);
    double ours = median(took[2], rounds);
    printf("%llu records: bare %.3f s, inside a transaction %.3f s, start %.3f s\n",
           (unsigned long long)records, plain, inside, ours);
    printf("start / bare = %.2f, start / inside = %.2f\n", ours / plain, ours / inside);
    return 0;
}
