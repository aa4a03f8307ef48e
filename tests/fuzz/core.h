/* SPDX-License-Identifier: Apache-2.0 */
/* A whole daemon in one thread: store, writer, table, writer_thread and one session of each role, without
 * event loop or sockets.  Time passes when the harness says so; nothing is really synced.  A
 * harness includes this once. */
#ifndef JETON_FUZZ_CORE_H
#define JETON_FUZZ_CORE_H

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sodium.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <tdb.h>

#include "daemon/session/dispatch.h"
#include "tests/fuzz/clock.h"
#include "tests/fuzz/fuzz.h"

/* The writer_thread's steps are made here rather than in its thread. */
#include "daemon/writer/writer_thread.c"

enum { CORE_ROOM = 64 * 1024, CORE_TAIL = 16, CORE_TURNS = 10000 };
enum { CORE_RETENTION = 1000, CORE_DELAY = 10 };

/* Besides those of each role there is one that verifies in the same turn as another. */
enum { BYSTANDER = ROLES, SESSIONS };

/* A file: its beginning and its last bytes.  What may lie between those is free space. */
struct image {
    char head[CORE_ROOM];
    size_t head_len;
    char tail[CORE_TAIL];
    off_t size;
};

static struct {
    char path[64];
    char directory[48];
    struct image empty_store; /* a store without tokens */
    struct image empty_uses;  /* and no last uses */

    struct writer writer;
    struct writer_thread *writer_thread;
    struct server server;
    struct worker worker;
    struct config config;
    struct session session[SESSIONS];
    int table;   /* the descriptor that came with the last reply; or -1 */
    size_t said; /* replies that were not taken yet */
    char replies[16 * CORE_ROOM];
} core;

int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

/* Nobody else has the store open: a fifth of all system calls would lock it. */
int fcntl(int fd, int what, ...)
{
    va_list rest;

    va_start(rest, what);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return what == F_SETLK || what == F_SETLKW ? 0 : (int)syscall(SYS_fcntl, fd, what, argument);
}

/* Without filling it. */
int posix_fallocate(int fd, off_t offset, off_t len)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || (st.st_size < offset + len && ftruncate(fd, offset + len) < 0))
        return errno;
    return 0;
}

/* -- chance, which is the same for every input -------------------------------------------- */

static uint32_t core_seed;

static const char *seeded_name(void)
{
    return "seeded";
}

static uint32_t seeded(void)
{
    core_seed = core_seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return core_seed ^ core_seed >> 16;
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

    MUST(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > CORE_TAIL);
    image->size = st.st_size;
    image->head_len = (size_t)pread(fd, image->head, CORE_ROOM, 0);
    MUST(pread(fd, image->tail, CORE_TAIL, image->size - CORE_TAIL) == CORE_TAIL);
    close(fd);
}

static void save_image(const char *path, const struct image *image)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    MUST(fd >= 0 && write(fd, image->head, image->head_len) == (ssize_t)image->head_len);
    MUST(pwrite(fd, image->tail, CORE_TAIL, image->size - CORE_TAIL) == CORE_TAIL);
    close(fd);
}

/* Short hash tables: quick to copy.  A store has room from the beginning: where it has not, the
 * first journal block makes tdb write a hundred times as much, for each input. */
static void make_empty(const char *path, bool store, struct image *image)
{
    static unsigned char filler[CORE_ROOM / 4];
    TDB_DATA key = { (unsigned char *)"jeton", 5 }, value = { (unsigned char *)"v=1 x", 5 };
    TDB_DATA room = { filler, sizeof(filler) }, room_key = { (unsigned char *)"room", 4 };
    struct tdb_context *tdb = tdb_open(path, 31, TDB_NOMMAP | TDB_INCOMPATIBLE_HASH,
                                       O_RDWR | O_CREAT, 0600);

    MUST(tdb != NULL);
    if (store)
        MUST(tdb_store(tdb, key, value, TDB_INSERT) == 0 &&
             tdb_store(tdb, room_key, room, TDB_INSERT) == 0 && tdb_delete(tdb, room_key) == 0);
    MUST(tdb_close(tdb) == 0);
    load_image(path, image);
    unlink(path);
}

static void core_file(char room[80], const char *suffix)
{
    snprintf(room, 80, "%s%s", core.path, suffix);
}

static void core_remove(void)
{
    static const char *const suffixes[] = { "", ".lock", ".used" };
    char path[80];

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        core_file(path, suffixes[i]);
        unlink(path);
    }
    rmdir(core.directory);
}

/* -- once --------------------------------------------------------------------------------- */

static void core_prepare(void)
{
    randombytes_set_implementation(&seeded_random);
    MUST(sodium_init() >= 0);
    mallopt(M_TRIM_THRESHOLD, 1 << 30); /* what was freed is used again, and soon */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    log_set_level((enum log_level)0);
    snprintf(core.directory, sizeof(core.directory), "%s/jeton-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    MUST(mkdtemp(core.directory) != NULL);
    atexit(core_remove);
    snprintf(core.path, sizeof(core.path), "%s/t", core.directory);
    make_empty(core.path, true, &core.empty_store);
    make_empty(core.path, false, &core.empty_uses);
}

/* -- one life ----------------------------------------------------------------------------- */

static void change_arrives(struct mail *mail)
{
    struct change *c = (struct change *)mail;

    session_take_change(c->sender, c);
}

static void scan_arrives(struct mail *mail)
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

    config_defaults(&core.config);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        MUST(config_set(&core.config, lines[i], &problem));
    core.config.retention = CORE_RETENTION;
    core.config.activation_delay = CORE_DELAY;
}

static void begin_sessions(void)
{
    for (int i = 0; i < SESSIONS; i++) {
        struct session *s = &core.session[i];
        *s = (struct session){
            .worker = &core.worker,
            .fd = -1,
            .role = i == BYSTANDER ? ROLE_VERIFY : (enum role)i,
            .peer = { .uid = 1000 + (uid_t)i, .gid = 1000, .pid = 1 },
            .change_arrives = change_arrives,
            .scan_arrives = scan_arrives,
        };
        session_init(s);
    }
}

/* On the store that is there. */
static void core_start(void)
{
    struct problem problem;
    struct store *store = store_open(core.path, STORE_WRITE, &problem);

    MUST(store != NULL && writer_init(&core.writer, store, "jtn", 100, &problem));
    configure();
    core.server = (struct server){
        .token_table = core.writer.token_table,
        .workers = 1,
        .worker = &core.worker,
        .client_limit = client_limit_new(10, 10),
        .started = fuzz_clock.wall,
    };
    settings_apply(&core.server.settings, &core.config, RESOLVED_EVERYBODY);
    strcpy(core.server.settings.prefix, "jtn");
    core.writer_thread = core.server.writer_thread =
        writer_thread_new(&core.writer, &core.server.settings, core.path);
    metrics_init(&core.server.metrics, 1);
    core.server.stacks = stacks_new(&core.config, &core.server.metrics, &problem);
    MUST(core.writer_thread != NULL && core.server.client_limit != NULL &&
         core.server.stacks != NULL);
    core.worker = (struct worker){ .server = &core.server };
    core.worker.class[CLASS_OTHERS].most = core.worker.class[CLASS_ADMINS].most = 100;
    MUST(mailbox_init(&core.worker.box) == 0);
    begin_sessions();
}

static void core_stop(void)
{
    for (int i = 0; i < SESSIONS; i++)
        session_free(&core.session[i]);
    last_used_flush(core.writer_thread->last_used, core.writer.token_table, fuzz_clock.wall);
    writer_destroy(&core.writer);
    writer_thread_free(core.writer_thread);
    MUST(stacks_end(core.server.stacks, 0));
    stacks_free(core.server.stacks);
    metrics_free(&core.server.metrics);
    client_limit_free(core.server.client_limit);
    mailbox_destroy(&core.worker.box);
}

/* The files are those of a new store. */
static void core_clear(void)
{
    char path[80];

    save_image(core.path, &core.empty_store);
    core_file(path, ".used");
    save_image(path, &core.empty_uses);
}

/* With a new store; what runs ends with core_end(). */
static void core_begin(int64_t now)
{
    fuzz_clock.wall = now;
    fuzz_clock.uptime = 1000;
    fuzz_clock.ours = true;
    core_seed = 1;
    core.table = -1;
    core.said = 0;
    core_clear();
    core_start();
}

static void core_end(void)
{
    core_stop();
    if (core.table >= 0)
        close(core.table);
    fuzz_clock.ours = false;
}

/* -- running ------------------------------------------------------------------------------ */

static void send_out(struct session *s)
{
    size_t len = iobuf_len(&s->out);

    MUST(core.said + len < sizeof(core.replies));
    if (len > 0)
        memcpy(core.replies + core.said, iobuf_front(&s->out), len);
    core.said += len;
    iobuf_consume(&s->out, len);
    if (s->passing < 0)
        return;
    MUST(len > 0);
    if (core.table >= 0)
        close(core.table);
    core.table = s->passing;
    s->passing = -1;
    s->passed = false; /* taken in at once */
}

static bool is_settled(const struct session *s)
{
    return iobuf_len(&s->in) == 0 && !session_is_away(s) && s->scan == NULL && !s->has_fault;
}

/* Until everything that was asked is answered. */
static void core_run(struct session *s)
{
    for (int turn = 0; turn == 0 || !is_settled(s); turn++) {
        MUST(turn < CORE_TURNS && !s->ended);
        dispatch_run(s);
        dispatch_end(s);
        session_post_changes(s);
        send_out(s);
        one_batch(core.writer_thread);
        one_chunk(core.writer_thread);
        mailbox_deliver(&core.worker.box, SIZE_MAX);
        send_out(s);
    }
}

static void core_put(struct session *s, struct slice line)
{
    char *room = iobuf_reserve(&s->in, line.len);

    MUST(room != NULL);
    memcpy(room, line.at, line.len);
    iobuf_commit(&s->in, line.len);
}

/* What the writer_thread does once a second. */
static void core_tick(void)
{
    token_table_renew(core.writer.token_table);
    core.writer_thread->next_chores = 0;
    chores(core.writer_thread);
    while (one_batch(core.writer_thread))
        ;
}

/* Takes one line off what was said, without its end. */
static struct slice core_take(size_t *at)
{
    const char *line = core.replies + *at;
    const char *lf = *at < core.said ? memchr(line, '\n', core.said - *at) : NULL;

    MUST(lf != NULL);
    *at += (size_t)(lf - line) + 1;
    return (struct slice){ line, (size_t)(lf - line) };
}

#endif
