/* SPDX-License-Identifier: Apache-2.0 */
/* Run a whole daemon in one thread: store, writer, table, and one session of each role, without
 * event loop or sockets.  The harness advances the time; the files lie in memory.  To be included once
 * in a harness. */
#ifndef JETON_FUZZ_IN_PROCESS_H
#define JETON_FUZZ_IN_PROCESS_H

#include <malloc.h>
#include <sodium.h>
#include <stdarg.h>
#include <tdb.h>

#include "daemon/base/batch_queue.h"
#include "daemon/session/dispatch.h"
#include "tests/fuzz/fake_clock.h"
#include "tests/fuzz/memory_memfd.h"

/* Include the source: the steps of the writer thread are called here. */
#include "daemon/writer/writer_thread.c"

FUZZ_HARNESS_BEGINS

#define INPROC_STORE MEMORY_FILES "t"
#define INPROC_USES MEMORY_FILES "t.used"

enum { INPROC_BUFFER = 64 * 1024, INPROC_TAIL = 16, INPROC_TURNS_MAX = 10000 };
enum { INPROC_RETENTION = 1000, INPROC_DELAY = 10 };

/* Sessions of the roles, and one that verifies at the same time as another. */
enum { BYSTANDER = ROLE_ADMIN + 1, SESSIONS };

/* A file, as its beginning and its last bytes; everything between is free space. */
struct image {
    char head[INPROC_BUFFER];
    size_t head_len;
    char tail[INPROC_TAIL];
    off_t size;
};

static struct {
    struct image empty_store; /* a store without tokens */
    struct image empty_uses;  /* a file of last uses without any */

    struct writer writer;
    struct writer_thread *writer_thread;
    struct server server;
    struct worker worker;
    struct config config;
    struct session session[SESSIONS];
    int table;    /* received with the last reply; -1: none */
    size_t shown; /* bytes in `replies` */
    char replies[16 * INPROC_BUFFER];
} inproc;

/* Parse what a daemon reads at its start at once, without a thread, and without the half megabyte of
 * batch_queue.c that a sanitizer would mark at each start. */
struct batch_queue {
    batch_queue_consume *consume;
    void *context;
    bool refused;
};

struct batch_queue *batch_queue_new(batch_queue_consume *consume, void *context)
{
    static struct batch_queue queue;

    queue = (struct batch_queue){ .consume = consume, .context = context };
    return &queue;
}

bool batch_queue_put(struct batch_queue *q, struct slice first, struct slice second)
{
    q->refused = q->refused || !q->consume(q->context, first, second);
    return !q->refused;
}

bool batch_queue_finish(struct batch_queue *q)
{
    return !q->refused;
}

/* -- random numbers, the same for every input --------------------------------------------- */

static uint32_t inproc_seed;

static const char *seeded_name(void)
{
    return "seeded";
}

static uint32_t seeded(void)
{
    inproc_seed = inproc_seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return inproc_seed ^ inproc_seed >> 16;
}

static void seeded_bytes(void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)(seeded() >> 8);
}

static struct randombytes_implementation seeded_random = {
    .implementation_name = seeded_name,
    .random = seeded,
    .buf = seeded_bytes,
};

/* -- files -------------------------------------------------------------------------------- */

static void load_image(const char *path, struct image *image)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    MUST(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > INPROC_TAIL);
    image->size = st.st_size;
    image->head_len = (size_t)pread(fd, image->head, INPROC_BUFFER, 0);
    MUST(pread(fd, image->tail, INPROC_TAIL, image->size - INPROC_TAIL) == INPROC_TAIL);
    close(fd);
}

static void save_image(const char *path, const struct image *image)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    MUST(fd >= 0 && write(fd, image->head, image->head_len) == (ssize_t)image->head_len);
    MUST(pwrite(fd, image->tail, INPROC_TAIL, image->size - INPROC_TAIL) == INPROC_TAIL);
    close(fd);
}

/* Make a store, or a file of last uses, with a short hash table that is quick to copy.  A store
 * gets free space, as otherwise its first journal block makes tdb write a hundred times as much. */
static void make_empty(const char *path, bool store, struct image *image)
{
    static unsigned char filler[INPROC_BUFFER / 4];
    TDB_DATA key = { (unsigned char *)"jeton", 5 }, value = { (unsigned char *)"v=1 x", 5 };
    TDB_DATA space = { filler, sizeof(filler) }, space_key = { (unsigned char *)"free", 4 };
    struct tdb_context *tdb = tdb_open(path, 31, TDB_NOMMAP | TDB_INCOMPATIBLE_HASH,
                                       O_RDWR | O_CREAT, 0600);

    MUST(tdb != NULL);
    if (store)
        MUST(tdb_store(tdb, key, value, TDB_INSERT) == 0 &&
             tdb_store(tdb, space_key, space, TDB_INSERT) == 0 && tdb_delete(tdb, space_key) == 0);
    MUST(tdb_close(tdb) == 0);
    load_image(path, image);
    unlink(path);
}

/* -- setup -------------------------------------------------------------------------------- */

static void inproc_prepare(void)
{
    randombytes_set_implementation(&seeded_random);
    MUST(sodium_init() >= 0);
    mallopt(M_TRIM_THRESHOLD, 1 << 30); /* keep freed memory, as it is soon reused */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    log_set_level((enum log_level)0);
    make_empty(INPROC_STORE, true, &inproc.empty_store);
    make_empty(INPROC_USES, false, &inproc.empty_uses);
}

/* -- starting and stopping ---------------------------------------------------------------- */

static void on_change(struct mail *mail)
{
    struct change *c = (struct change *)mail;

    session_take_change(c->sender, c);
}

static void on_chunk(struct mail *mail)
{
    struct scan *s = (struct scan *)mail;

    session_take_chunk(s->sender, s);
}

static void configure(void)
{
    static const char *const lines[] = {
        "service narrow.requisite=local",
        "service narrow.requisite=require scope=a",
    };
    struct problem problem;

    config_defaults(&inproc.config);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        MUST(config_set(&inproc.config, lines[i], &problem));
    inproc.config.retention = INPROC_RETENTION;
    inproc.config.activation_delay = INPROC_DELAY;
}

static void begin_sessions(void)
{
    for (int i = 0; i < SESSIONS; i++) {
        struct session *s = &inproc.session[i];
        *s = (struct session){
            .worker = &inproc.worker,
            .fd = -1,
            .role = i == BYSTANDER ? ROLE_VERIFY : (enum role)i,
            .peer = { .uid = 1000 + (uid_t)i, .gid = 1000, .pid = 1 },
            .on_change = on_change,
            .on_chunk = on_chunk,
        };
        session_init(s);
    }
}

/* Start on the current store. */
static void inproc_start(void)
{
    struct problem problem;
    struct store *store = store_open(INPROC_STORE, STORE_WRITE, &problem);

    MUST(store != NULL && writer_init(&inproc.writer, store, "jtn", 100, &problem));
    configure();
    inproc.server = (struct server){
        .token_table = inproc.writer.token_table,
        .write_queue = inproc.writer.queue,
        .workers = 1,
        .worker = &inproc.worker,
        .client_limit = client_limit_new(10, 10),
        .started = fuzz_clock.wall,
    };
    settings_apply(&inproc.server.settings, &inproc.config, RESOLVED_EVERYBODY);
    strcpy(inproc.server.settings.prefix, "jtn");
    atomic_store(&inproc.server.settings.trust_clock, true); /* the model follows every clock */
    inproc.writer_thread = writer_thread_new(&inproc.writer, &inproc.server.settings, INPROC_STORE);
    metrics_init(&inproc.server.metrics, 1);
    inproc.server.stack_set = stack_set_new(1, &inproc.config, &inproc.server.metrics, &problem);
    MUST(inproc.writer_thread != NULL && inproc.server.client_limit != NULL &&
         inproc.server.stack_set != NULL);
    inproc.worker = (struct worker){
        .server = &inproc.server,
        .batch = { .refusals = write_queue_refusals(inproc.writer.queue) },
        .stack_reader = &inproc.server.stack_set->reader[0],
    };
    inproc.worker.class[CLASS_OTHERS].max = inproc.worker.class[CLASS_ADMINS].max = 100;
    MUST(mailbox_init(&inproc.worker.mailbox) == 0);
    begin_sessions();
}

static void inproc_stop(void)
{
    for (int i = 0; i < SESSIONS; i++)
        session_free(&inproc.session[i]);
    last_used_flush(inproc.writer_thread->last_used, inproc.writer.token_table, fuzz_clock.wall);
    refused_flush(inproc.writer_thread->refused, inproc.writer.store, fuzz_clock.wall);
    writer_thread_free(inproc.writer_thread);
    writer_destroy(&inproc.writer);
    MUST(stack_set_end(inproc.server.stack_set));
    stack_set_free(inproc.server.stack_set);
    metrics_free(&inproc.server.metrics);
    client_limit_free(inproc.server.client_limit);
    mailbox_destroy(&inproc.worker.mailbox);
}

/* Replace the files by those of a new store. */
static void inproc_reset_files(void)
{
    save_image(INPROC_STORE, &inproc.empty_store);
    save_image(INPROC_USES, &inproc.empty_uses);
}

/* Start with a new store; ended by inproc_end(). */
static void inproc_begin(int64_t now)
{
    fuzz_clock.wall = now;
    fuzz_clock.uptime = 1000;
    fuzz_clock.frozen = true;
    inproc_seed = 1;
    inproc.table = -1;
    inproc.shown = 0;
    inproc_reset_files();
    inproc_start();
}

static void inproc_end(void)
{
    inproc_stop();
    if (inproc.table >= 0)
        close(inproc.table);
    fuzz_clock.frozen = false;
}

/* -- running ------------------------------------------------------------------------------ */

static void send_out(struct session *s)
{
    size_t len = iobuf_len(&s->out);

    MUST(inproc.shown + len < sizeof(inproc.replies));
    if (len > 0)
        memcpy(inproc.replies + inproc.shown, iobuf_front(&s->out), len);
    inproc.shown += len;
    iobuf_consume(&s->out, len);
    if (s->passing < 0)
        return;
    MUST(len > 0);
    if (inproc.table >= 0)
        close(inproc.table);
    inproc.table = s->passing;
    s->passing = -1;
    s->passed = false; /* received at once */
}

/* The clock ends no run: an input always does the same. */
static const struct turn endless_turn = { .ends = UINT64_MAX, .run_ends = UINT64_MAX };

static bool is_idle(const struct session *s)
{
    return iobuf_len(&s->in) == 0 && !session_is_away(s) && s->scan == NULL &&
           s->fault.status == STATUS_OK;
}

/* Run until every request has its reply. */
static void inproc_run(struct session *s)
{
    for (int turn = 0; turn == 0 || !is_idle(s); turn++) {
        MUST(turn < INPROC_TURNS_MAX && !s->ended);
        inproc.worker.turn = endless_turn;
        dispatch_run(s);
        dispatch_end(s);
        session_post_changes(s);
        send_out(s);
        one_batch(inproc.writer_thread);
        one_chunk(inproc.writer_thread);
        mailbox_deliver(&inproc.worker.mailbox, SIZE_MAX);
        send_out(s);
    }
}

static void inproc_send(struct session *s, struct slice line)
{
    char *buffer = iobuf_reserve(&s->in, line.len);

    MUST(buffer != NULL);
    memcpy(buffer, line.at, line.len);
    iobuf_commit(&s->in, line.len);
}

/* Do what the writer thread does once a second. */
static void inproc_tick(void)
{
    token_table_renew_lease(inproc.writer.token_table);
    inproc.writer_thread->next_chores = 0;
    chores(inproc.writer_thread);
    while (one_batch(inproc.writer_thread))
        ;
}

/* Return the next line of the replies, without its end. */
static struct slice inproc_next_line(size_t *at)
{
    const char *line = inproc.replies + *at;
    const char *lf = *at < inproc.shown ? memchr(line, '\n', inproc.shown - *at) : NULL;

    MUST(lf != NULL);
    *at += (size_t)(lf - line) + 1;
    return (struct slice){ line, (size_t)(lf - line) };
}

FUZZ_HARNESS_ENDS

#endif
