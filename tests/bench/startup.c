/* SPDX-License-Identifier: Apache-2.0 */
/* How long a start takes, beside the least that reading the file could take.
 *
 *     startup STORE < lines
 *
 * For each line that it reads it measures in turn, with a store that `fill` made,
 *     bare     open the file for reading, mapped, as a start reads it; tdb_traverse_read() that
 *              counts; close
 *     floor    an empty table for as many tokens; then a walk over the file chain by chain, in which
 *              each record is handed over to another thread, which does nothing with it
 *     start    store_open() and writer_init(): what jetond does before it answers
 * and says how many seconds each took.  One thread alone can do both parts of the floor: the table's
 * pages are needed before the first token is known. */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <tdb.h>
#include <unistd.h>

#include "daemon/base/batch_queue.h"
#include "daemon/base/log.h"
#include "daemon/store/tdb_file.h"
#include "daemon/writer/commit.h"
#include "tests/bench/seconds.h"

enum { HASH_SIZE = 1000003, TDB_FLAGS = TDB_INCOMPATIBLE_HASH | TDB_DISALLOW_NESTING };
enum { KEEP = 100000 };

static struct writer writer;

static void die(const char *what)
{
    fprintf(stderr, "startup: %s\n", what);
    exit(1);
}

static void start(const char *path)
{
    struct problem problem;
    struct store *store = store_open(path, STORE_WRITE, &problem);

    if (store == NULL || !writer_init(&writer, store, "jtn", KEEP, &problem))
        die(problem.message);
}

/* -- measuring ------------------------------------------------------------------------------- */

static int count(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *context)
{
    (void)tdb, (void)key, (void)value;
    ++*(uint64_t *)context;
    return 0;
}

static double bare(const char *path, uint64_t *records)
{
    double from = seconds();
    struct tdb_context *tdb = tdb_open(path, HASH_SIZE, TDB_FLAGS, O_RDONLY | O_CLOEXEC, 0600);

    *records = 0;
    if (tdb == NULL || tdb_traverse_read(tdb, count, records) < 0)
        die("the file cannot be read");
    tdb_close(tdb);
    return seconds() - from;
}

static int hand_over(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *conveyor)
{
    (void)tdb;
    if (value.dsize <= RECORD_LINE_MAX) /* not the journal's */
        batch_queue_put(conveyor, (struct slice){ (char *)key.dptr, key.dsize },
                        record_trimmed((struct slice){ (char *)value.dptr, value.dsize }));
    return 0;
}

static void hand_over_all(const char *path, struct batch_queue *conveyor)
{
    static struct tdb_file file;
    bool ended = false;

    if (!tdb_file_init(&file, path) || !tdb_file_open(&file, O_RDONLY) ||
        !tdb_file_walk(&file, hand_over, conveyor, &ended))
        die("the file cannot be read");
    tdb_file_close(&file);
}

static bool drop(void *context, struct slice name, struct slice value)
{
    (void)context, (void)name, (void)value;
    return true;
}

static double least(const char *path, uint64_t tokens)
{
    double from = seconds();
    struct token_table *table = token_table_new("jtn", tokens);
    struct batch_queue *conveyor = batch_queue_new(drop, NULL);

    if (table == NULL || conveyor == NULL)
        die("no memory");
    hand_over_all(path, conveyor);
    batch_queue_finish(conveyor);
    double took = seconds() - from;
    token_table_free(table);
    return took;
}

static double whole(const char *path)
{
    double from = seconds();

    start(path);
    double took = seconds() - from;
    writer_destroy(&writer);
    return took;
}

int main(int argc, char **argv)
{
    char line[16];
    uint64_t records;

    if (argc != 2 || sodium_init() < 0)
        die("usage: startup STORE < lines");
    log_set_level(LOG_LEVEL_WARNING);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        double walked = bare(argv[1], &records), floor = least(argv[1], records);
        printf("bare=%.4f floor=%.4f start=%.4f\n", walked, floor, whole(argv[1]));
        fflush(stdout);
    }
    return 0;
}
