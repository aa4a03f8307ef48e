/* SPDX-License-Identifier: Apache-2.0 */
/* Measure a start of the daemon, and lower bounds for reading its file.
 *
 *     startup STORE < lines
 *
 * For each line of input it measures in turn, with a store that `fill` made,
 *     traverse  open the file read-only, mapped like at a start; a tdb_traverse_read() that counts;
 *               close
 *     minimum   an empty table for as many tokens; then a walk over the file chain by chain,
 *               in which each record is passed to another thread, which drops it
 *     start     store_open() and writer_init(): what jetond does before it answers
 * and prints seconds.  Both parts of `minimum` are sequential: the pages of the table are needed
 * before the first token is known. */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <tdb.h>
#include <unistd.h>

#include "daemon/base/batch_queue.h"
#include "daemon/base/log.h"
#include "daemon/store/stored_line.h"
#include "daemon/store/tdb_walk.h"
#include "daemon/writer/writer_state.h"
#include "tests/bench/seconds.h"

enum { HASH_SIZE = 1000003, TDB_FLAGS = TDB_INCOMPATIBLE_HASH | TDB_DISALLOW_NESTING };
enum { JOURNAL_ENTRIES = 100000 };

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

    if (store == NULL || !writer_init(&writer, store, "jtn", JOURNAL_ENTRIES, &problem))
        die(problem.message);
}

/* -- measuring ------------------------------------------------------------------------------- */

static int count(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *context)
{
    (void)tdb, (void)key, (void)value;
    ++*(uint64_t *)context;
    return 0;
}

static double time_traverse(const char *path, uint64_t *records)
{
    double start_time = seconds();
    struct tdb_context *tdb = tdb_open(path, HASH_SIZE, TDB_FLAGS, O_RDONLY | O_CLOEXEC, 0600);

    *records = 0;
    if (tdb == NULL || tdb_traverse_read(tdb, count, records) < 0)
        die("the file cannot be read");
    tdb_close(tdb);
    return seconds() - start_time;
}

static int enqueue(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *queue)
{
    (void)tdb;
    if (value.dsize <= RECORD_LINE_MAX) /* skip journal blocks */
        batch_queue_put(queue, (struct slice){ (char *)key.dptr, key.dsize },
                        stored_line_trimmed((struct slice){ (char *)value.dptr, value.dsize }));
    return 0;
}

static void enqueue_all(const char *path, struct batch_queue *queue)
{
    static struct tdb_file file;
    bool ended = false;

    if (!tdb_file_init(&file, path) || !tdb_file_open(&file, O_RDONLY) ||
        !tdb_walk_all(&file, enqueue, queue, &ended))
        die("the file cannot be read");
    tdb_file_close(&file);
}

static bool drop(void *context, struct slice name, struct slice value)
{
    (void)context, (void)name, (void)value;
    return true;
}

static double time_minimum(const char *path, uint64_t tokens)
{
    double start_time = seconds();
    struct token_table *table = token_table_new("jtn", tokens);
    struct batch_queue *queue = batch_queue_new(drop, NULL);

    if (table == NULL || queue == NULL)
        die("no memory");
    enqueue_all(path, queue);
    batch_queue_finish(queue);
    double elapsed = seconds() - start_time;
    token_table_free(table);
    return elapsed;
}

static double time_start(const char *path)
{
    double start_time = seconds();

    start(path);
    double elapsed = seconds() - start_time;
    writer_destroy(&writer);
    return elapsed;
}

int main(int argc, char **argv)
{
    char line[16];
    uint64_t records;

    if (argc != 2 || sodium_init() < 0)
        die("usage: startup STORE < lines");
    log_set_level(LOG_LEVEL_WARNING);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        double traverse = time_traverse(argv[1], &records),
               minimum = time_minimum(argv[1], records);
        printf("traverse=%.4f minimum=%.4f start=%.4f\n", traverse, minimum, time_start(argv[1]));
        fflush(stdout);
    }
    return 0;
}
