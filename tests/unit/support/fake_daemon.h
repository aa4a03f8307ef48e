/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the library: a house that stands in for the daemon, the real token_table behind a
 * small server that can be told to misbehave. */
#ifndef JETON_TESTS_HOUSE_H
#define JETON_TESTS_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/table/generation.h"
#include "daemon/table/token_table.h"
#include "plugin/lib/jeton.h"
#include "proto/reply.h"
#include "proto/token.h"

#define SHIFTED CLOCK_REALTIME_COARSE /* the library's wall clock */
#include "tests/unit/support/fake_clock.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(thread_sanitizer) || __has_feature(address_sanitizer))
#else
#define SANITIZED 0
#endif

enum { GUESTS_MAX = 32, USED_MAX = 4096 };

/* Used by every test that includes this; not every one uses all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"

static struct house {
    char directory[64];
    char path[80];
    int listener;
    pthread_t porter;
    struct token_table *token_table;
    pthread_mutex_t mutex;
    int guest[GUESTS_MAX]; /* connections, or -1 */
    pthread_t thread[GUESTS_MAX];
    bool known[GUESTS_MAX]; /* the thread is to be joined */
    char used[USED_MAX][ID_TEXT + 1];
    unsigned uses;
    /* How it behaves. */
    _Atomic(const char *) table_says;  /* instead of a table; "": nothing */
    _Atomic(const char *) verify_says; /* instead of a verdict; "": nothing */
    atomic_bool not_final;
    atomic_int hang_ups; /* so many times, instead of a verdict */
    atomic_uint tables;
    atomic_uint verifies;
    atomic_uint connections;
} house;

/* -- the house --------------------------------------------------------------------------------- */

static void say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void lend(int to)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { .bytes = { 0 } };
    char line[128];
    uint64_t size, generation;
    int fd = token_table_descriptor(house.token_table, &size, &generation);

    snprintf(line, sizeof(line), "OK size=%llu final=%s generation=%llu\n",
             (unsigned long long)size, house.not_final ? "no" : "yes",
             (unsigned long long)generation);
    struct iovec out = { line, strlen(line) };
    struct msghdr message = { .msg_iov = &out,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    *c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
                           .cmsg_level = SOL_SOCKET,
                           .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    if (fd >= 0)
        sendmsg(to, &message, MSG_NOSIGNAL);
    close(fd);
}

static void put_verdict(struct text *t, const struct verdict *v, int64_t now)
{
    reply_begin(t, v->status);
    if (v->found) {
        text_adds(t, " id=");
        text_add_hex(t, v->digest, ID_SIZE);
    }
    if (v->status == STATUS_OK && v->subject.len > 0)
        line_put(t, "subject", v->subject);
    if (v->status == STATUS_OK && v->scopes.len > 0)
        line_put(t, "scopes", v->scopes);
    if (v->status == STATUS_OK && v->expires != TIME_NEVER)
        line_put_time(t, "expires", v->expires);
    if (v->status == STATUS_OK)
        text_adds(t, " verifier=local");
    if (v->status == STATUS_PENDING)
        line_put_u64(t, "retry_after", (uint64_t)(v->activates - now));
    reply_end(t, v->status, NULL);
}

static void judge(int fd, unsigned guest, const struct line *line)
{
    char room[LINE_MAX_BYTES];
    struct text reply = text_in(room, sizeof(room));
    struct question q = { line_get(line, "token"), line_get(line, "scope"),
                          line_get(line, "subject") };
    struct verdict v;
    int64_t now = time(NULL);
    const char *instead = house.verify_says;

    house.verifies++;
    if (instead != NULL) {
        say(fd, instead);
        return;
    }
    if (verdict_worth_hashing(&q, &v)) {
        token_digest(q.value, v.digest);
        const struct generation *g = token_table_enter(house.token_table, guest);
        do {
            verdict_judge(token_table_table(g), &q, now, &v);
        } while (v.status == STATUS_UNAVAILABLE);
        put_verdict(&reply, &v, now);
        token_table_leave(house.token_table, guest);
    } else {
        put_verdict(&reply, &v, now);
    }
    (void)!send(fd, reply.at, reply.len, MSG_NOSIGNAL);
}

/* False: the guest is to be shown out. */
static bool answer(int fd, unsigned guest, char *bytes, size_t len)
{
    struct line line;
    const char *why, *instead = house.table_says;

    if (line_parse(bytes, len, &line, &why) != STATUS_OK || line.count == 0) {
        say(fd, "ERR syntax\n");
    } else if (slice_is(line.argument[0].value, "table")) {
        house.tables++;
        if (instead != NULL)
            say(fd, instead);
        else
            lend(fd);
    } else if (slice_is(line.argument[0].value, "verify")) {
        if (house.hang_ups > 0 && house.hang_ups-- > 0)
            return false;
        judge(fd, guest, &line);
    } else if (slice_is(line.argument[0].value, "used") && line.count == 2) {
        pthread_mutex_lock(&house.mutex);
        memcpy(house.used[house.uses++ % USED_MAX], line.argument[1].value.at, ID_TEXT);
        pthread_mutex_unlock(&house.mutex);
        say(fd, "OK\n");
    } else {
        say(fd, "ERR unknown-verb\n");
    }
    return true;
}

static void *serve(void *argument)
{
    unsigned guest = (unsigned)(uintptr_t)argument;
    int fd = house.guest[guest];
    static char buffers[GUESTS_MAX][4 * LINE_MAX_BYTES];
    char *in = buffers[guest], *end;
    size_t len = 0;

    for (ssize_t n; (n = recv(fd, in + len, sizeof(buffers[0]) - len, 0)) > 0;) {
        len += (size_t)n;
        while ((end = memchr(in, '\n', len)) != NULL) {
            if (!answer(fd, guest, in, (size_t)(end - in)))
                shutdown(fd, SHUT_RDWR);
            len -= (size_t)(end + 1 - in);
            memmove(in, end + 1, len);
        }
    }
    pthread_mutex_lock(&house.mutex);
    house.guest[guest] = -1;
    close(fd);
    pthread_mutex_unlock(&house.mutex);
    return NULL;
}

static void *welcome(void *unused)
{
    (void)unused;
    for (int fd; (fd = accept4(house.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        pthread_mutex_lock(&house.mutex);
        unsigned guest = 0;
        while (guest < GUESTS_MAX && house.guest[guest] >= 0)
            guest++;
        assert_true(guest < GUESTS_MAX);
        if (house.known[guest])
            pthread_join(house.thread[guest], NULL);
        house.guest[guest] = fd;
        house.known[guest] = true;
        house.connections++;
        pthread_create(&house.thread[guest], NULL, serve, (void *)(uintptr_t)guest);
        pthread_mutex_unlock(&house.mutex);
    }
    return NULL;
}

static void house_open(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", house.path);
    unlink(house.path);
    house.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(house.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(house.listener, 64), 0);
    assert_int_equal(pthread_create(&house.porter, NULL, welcome, NULL), 0);
}

/* As if the daemon had been killed: its connections end, its table does not say so. */
static void house_kill(void)
{
    shutdown(house.listener, SHUT_RDWR);
    pthread_join(house.porter, NULL);
    close(house.listener);
    pthread_mutex_lock(&house.mutex);
    for (int i = 0; i < GUESTS_MAX; i++)
        if (house.guest[i] >= 0)
            shutdown(house.guest[i], SHUT_RDWR);
    pthread_mutex_unlock(&house.mutex);
    for (int i = 0; i < GUESTS_MAX; i++) {
        if (house.known[i])
            pthread_join(house.thread[i], NULL);
        house.known[i] = false;
    }
}

static int prepare(void **state)
{
    (void)state;
    memset(&house, 0, sizeof(house));
    for (int i = 0; i < GUESTS_MAX; i++)
        house.guest[i] = -1;
    pthread_mutex_init(&house.mutex, NULL);
    snprintf(house.directory, sizeof(house.directory), "/tmp/jeton-client-XXXXXX");
    assert_non_null(mkdtemp(house.directory));
    snprintf(house.path, sizeof(house.path), "%s/s", house.directory);
    house.token_table = token_table_new("jtn", 0);
    house_open();
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    house_kill();
    token_table_free(house.token_table);
    unlink(house.path);
    shift = 0;
    return rmdir(house.directory);
}

static struct table_header *current_header(void)
{
    const struct generation *g = token_table_enter(house.token_table, TOKEN_TABLE_READERS_MAX - 1);

    token_table_leave(house.token_table, TOKEN_TABLE_READERS_MAX - 1);
    return g->header;
}

/* -- tokens ------------------------------------------------------------------------------------ */

static void value_numbered(uint64_t number, char value[33])
{
    snprintf(value, 33, "value-%026llu", (unsigned long long)number);
}

static struct record record_numbered(uint64_t number)
{
    struct record r = { .serial = number, .created = 1, .expires = TIME_NEVER };
    char value[33];

    value_numbered(number, value);
    token_digest(slice_of(value), r.digest);
    record_set_subject(&r, slice_of("alice"));
    record_set_scopes(&r, slice_of("read,deploy"));
    return r;
}

static void put(const struct record *r)
{
    assert_int_equal(token_table_reserve(house.token_table, 1, r->subject_len + r->scopes_len), 0);
    token_table_put(house.token_table, r);
}

static void put_numbered(uint64_t number)
{
    struct record r = record_numbered(number);

    put(&r);
}

static void revoke_numbered(uint64_t number)
{
    struct record r = record_numbered(number);

    assert_true(token_table_deny(house.token_table, r.digest, SLOT_REVOKED, NULL));
}

static struct jeton *open_with(unsigned flags)
{
    struct jeton *h;

    assert_int_equal(jeton_open(&h, house.path, NULL, flags), 0);
    return h;
}

static struct jeton_claims claims = JETON_CLAIMS_INIT;

static enum jeton_status ask(struct jeton *h, uint64_t number)
{
    char value[33];

    value_numbered(number, value);
    enum jeton_status status = jeton_verify(h, value, 32, NULL, NULL, &claims);
    if (status >= JETON_UNAVAILABLE)
        assert_true(claims.source == JETON_NOBODY && claims.id[0] + claims.subject[0] == 0);
    return status;
}

static int64_t milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static unsigned entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned count = 0;

    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static int child_status(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, prepare, tidy)

#endif
