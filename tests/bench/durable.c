/* SPDX-License-Identifier: Apache-2.0 */
/* Lower bounds for durable creates, on the disk of FILE.
 *
 *     durable tdb FILE DEPTH < numbers  transactions of DEPTH new records as large as a token's,
 *                                       and one rewritten block as large as jetond's journal block
 *                                       is on average; tdb opened like by jetond
 *     durable log FILE DEPTH            batches of DEPTH lines, each as large as a record and its
 *                                       journal entry, in the log FILE.wal; all is saved at once
 *     durable sync FILE 1               a write of 4 KiB and fdatasync()
 *
 * FILE is changed: pass a copy of a store.  Each line of input is a number of transactions to run;
 * the output is rate=: records, or syncs, a second. */
#include <fcntl.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tdb.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/store/wal.h"
#include "tests/bench/seconds.h"
#include "tests/bench/values.h"

enum { HASH_SIZE = 1000003, RECORD = 195, KEY = 26, BLOCK = 2048 };
enum { LINE = 250, LINES_MAX = 4096 };

static void die(const char *what)
{
    fprintf(stderr, "durable: %s\n", what);
    exit(1);
}

static TDB_DATA datum(const void *at, size_t len)
{
    return (TDB_DATA){ (unsigned char *)(uintptr_t)at, len };
}

/* Store a record under a key that no store has, and that differs in each run. */
static void put_record(struct tdb_context *tdb, uint64_t number)
{
    static uint64_t run_id;
    static char value[RECORD];
    char key[KEY + 1];

    if (run_id == 0) {
        run_id = mix((uint64_t)time(NULL) << 20 ^ (uint64_t)getpid());
        memset(value, 'r', sizeof(value));
    }
    snprintf(key, sizeof(key), "bench/%020llx", (unsigned long long)mix(run_id + number));
    if (tdb_store(tdb, datum(key, KEY), datum(value, sizeof(value)), TDB_INSERT) != 0)
        die(tdb_errorstr(tdb));
}

static void *open_tdb(const char *path)
{
    struct tdb_context *tdb = tdb_open(path, HASH_SIZE, TDB_NOMMAP | TDB_INCOMPATIBLE_HASH,
                                       O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (tdb == NULL)
        die(path);
    return tdb;
}

static void run_tdb(void *tdb, uint64_t number, unsigned depth)
{
    static char block[BLOCK];

    if (tdb_transaction_start(tdb) != 0)
        die(tdb_errorstr(tdb));
    for (unsigned i = 0; i < depth; i++)
        put_record(tdb, number * depth + i);
    memset(block, 'a' + (char)(number % 26), sizeof(block));
    if (tdb_store(tdb, datum("bench", 5), datum(block, sizeof(block)), TDB_REPLACE) != 0 ||
        tdb_transaction_commit(tdb) != 0)
        die(tdb_errorstr(tdb));
}

static void *open_log(const char *path)
{
    static const struct wal_shape shape = { 4, 4 * 1024 * 1024 };
    struct problem problem;
    struct wal *w = wal_open(path, WAL_WRITE, &problem);

    if (w == NULL || !wal_begin(w, "bench", 1, &shape, &problem))
        die(problem.message);
    return w;
}

static void run_log(void *wal, uint64_t number, unsigned depth)
{
    static char lines[LINES_MAX * LINE];
    struct problem problem;

    if (depth > LINES_MAX)
        die("the depth is too large");
    memset(lines, 'a' + (char)(number % 26), depth * LINE);
    wal_set_saved(wal, wal_next(wal));
    if (wal_append(wal, depth, (struct slice){ lines, depth * LINE }, &problem) != WAL_DONE)
        die(problem.message);
}

static void *open_file(const char *path)
{
    static int fd;

    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        die(path);
    return &fd;
}

static void run_sync(void *file, uint64_t number, unsigned depth)
{
    static char page[4096];
    int fd = *(int *)file;

    (void)depth;
    page[0] = (char)number;
    if (pwrite(fd, page, sizeof(page), (off_t)(number % 256) * 4096) != sizeof(page) ||
        fdatasync(fd) != 0)
        die("the file cannot be written");
}

static const struct workload {
    const char *name;
    void *(*open)(const char *path);
    void (*run)(void *opened, uint64_t number, unsigned depth);
} workloads[] = {
    { "tdb", open_tdb, run_tdb },
    { "log", open_log, run_log },
    { "sync", open_file, run_sync },
};

static const struct workload *find_workload(const char *name)
{
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    die(name);
    return NULL;
}

int main(int argc, char **argv)
{
    char line[32];
    uint64_t number = 0;

    if (argc != 4 || sodium_init() < 0)
        return 2;
    log_set_level(LOG_LEVEL_WARNING);
    unsigned depth = (unsigned)strtoul(argv[3], NULL, 10);
    const struct workload *workload = find_workload(argv[1]);
    void *opened = workload->open(argv[2]);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        unsigned long transactions = strtoul(line, NULL, 10);
        double start = seconds();
        for (unsigned long i = 0; i < transactions; i++)
            workload->run(opened, number++, depth);
        printf("rate=%.1f\n", (double)transactions * depth / (seconds() - start));
        fflush(stdout);
    }
    return 0;
}
