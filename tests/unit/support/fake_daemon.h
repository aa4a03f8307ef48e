/* SPDX-License-Identifier: Apache-2.0 */
/* A fake daemon for tests of the library: the real token_table behind a small server, which
 * misbehaves on command. */
#ifndef JETON_TESTS_UNIT_SUPPORT_FAKE_DAEMON_H
#define JETON_TESTS_UNIT_SUPPORT_FAKE_DAEMON_H

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

#include "daemon/base/sanitizer.h"
#include "daemon/table/generation.h"
#include "plugin/lib/jeton.h"
#include "proto/reply.h"
#include "proto/token.h"

#define FAKE_CLOCK_ID CLOCK_REALTIME_COARSE /* the library's wall clock */
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/table_reply.h"

enum { CLIENTS_MAX = 32, USED_MAX = 4096, PATIENCE = 30000 /* milliseconds */ };

/* Every test that includes this uses some of it; not every one uses all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"

static struct fake_daemon {
    char directory[64];
    char path[80];
    int listener;
    pthread_t acceptor;
    struct token_table *token_table;
    pthread_mutex_t mutex;
    atomic_int client[CLIENTS_MAX]; /* connections, or -1 */
    pthread_t thread[CLIENTS_MAX];
    bool joinable[CLIENTS_MAX];
    char used[USED_MAX][ID_TEXT + 1];
    unsigned used_count;
    /* Set by the test: how the daemon behaves. */
    _Atomic(const char *) table_reply;  /* sent instead of a table; "": nothing is */
    _Atomic(const char *) verify_reply; /* sent instead of a verdict; "": nothing is */
    atomic_bool not_final;
    atomic_int hang_ups; /* instead of that many verdicts */
    atomic_uint tables;
    atomic_uint verifies;
    atomic_uint connections;
} fake;

/* -- the server ------------------------------------------------------------------------------- */

static void send_text(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
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

static void answer_verify(int fd, unsigned client, const struct line *line)
{
    char buffer[LINE_MAX_BYTES];
    struct text reply = text_in(buffer, sizeof(buffer));
    struct question q = { line_get(line, "token"), line_get(line, "scope"),
                          line_get(line, "subject") };
    struct verdict v;
    int64_t now = time(NULL);
    const char *instead = fake.verify_reply;

    fake.verifies++;
    if (instead != NULL) {
        send_text(fd, instead);
        return;
    }
    if (verdict_worth_hashing(&q, &v)) {
        token_digest(q.value, v.digest);
        const struct generation *g = token_table_enter(fake.token_table, client);
        v.home = table_home(token_table_table(g), v.digest);
        do {
            verdict_judge(token_table_table(g), &q, now, &v);
        } while (v.status == STATUS_UNAVAILABLE);
        put_verdict(&reply, &v, now);
        token_table_leave(fake.token_table, client);
    } else {
        put_verdict(&reply, &v, now);
    }
    (void)!send(fd, reply.at, reply.len, MSG_NOSIGNAL);
}

/* Answer one line; false: end the connection. */
static bool answer_line(int fd, unsigned client, char *bytes, size_t len)
{
    struct line line;
    const char *why, *instead = fake.table_reply;

    if (line_parse(bytes, len, &line, &why) != STATUS_OK || line.count == 0) {
        send_text(fd, "ERR syntax\n");
    } else if (slice_is(line.argument[0].value, "table")) {
        fake.tables++;
        if (instead != NULL)
            send_text(fd, instead);
        else
            send_table_reply(fd, fake.token_table, !fake.not_final);
    } else if (slice_is(line.argument[0].value, "verify")) {
        if (fake.hang_ups > 0 && fake.hang_ups-- > 0)
            return false;
        answer_verify(fd, client, &line);
    } else if (slice_is(line.argument[0].value, "used") && line.count == 2) {
        pthread_mutex_lock(&fake.mutex);
        memcpy(fake.used[fake.used_count++ % USED_MAX], line.argument[1].value.at, ID_TEXT);
        pthread_mutex_unlock(&fake.mutex);
        send_text(fd, "OK\n");
    } else {
        send_text(fd, "ERR unknown-verb\n");
    }
    return true;
}

static void *serve(void *argument)
{
    unsigned client = (unsigned)(uintptr_t)argument;
    int fd = fake.client[client];
    static char buffers[CLIENTS_MAX][4 * LINE_MAX_BYTES];
    char *in = buffers[client], *end;
    size_t len = 0;

    for (ssize_t n; (n = recv(fd, in + len, sizeof(buffers[0]) - len, 0)) > 0;) {
        len += (size_t)n;
        while ((end = memchr(in, '\n', len)) != NULL) {
            if (!answer_line(fd, client, in, (size_t)(end - in)))
                shutdown(fd, SHUT_RDWR);
            len -= (size_t)(end + 1 - in);
            memmove(in, end + 1, len);
        }
    }
    pthread_mutex_lock(&fake.mutex);
    close(fd);
    fake.client[client] = -1;
    pthread_mutex_unlock(&fake.mutex);
    return NULL;
}

static void *accept_clients(void *unused)
{
    (void)unused;
    for (int fd; (fd = accept4(fake.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        pthread_mutex_lock(&fake.mutex);
        unsigned client = 0;
        while (client < CLIENTS_MAX && fake.client[client] >= 0)
            client++;
        assert_true(client < CLIENTS_MAX);
        if (fake.joinable[client])
            pthread_join(fake.thread[client], NULL);
        fake.client[client] = fd;
        fake.joinable[client] = true;
        fake.connections++;
        pthread_create(&fake.thread[client], NULL, serve, (void *)(uintptr_t)client);
        pthread_mutex_unlock(&fake.mutex);
    }
    return NULL;
}

static void fake_daemon_start(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake.path);
    unlink(fake.path);
    fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fake.listener, 64), 0);
    assert_int_equal(pthread_create(&fake.acceptor, NULL, accept_clients, NULL), 0);
}

/* End as if killed: the connections close, but the table is not marked closed. */
static void fake_daemon_kill(void)
{
    shutdown(fake.listener, SHUT_RDWR);
    pthread_join(fake.acceptor, NULL);
    close(fake.listener);
    pthread_mutex_lock(&fake.mutex);
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (fake.client[i] >= 0)
            shutdown(fake.client[i], SHUT_RDWR);
    pthread_mutex_unlock(&fake.mutex);
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (fake.joinable[i])
            pthread_join(fake.thread[i], NULL);
        fake.joinable[i] = false;
    }
}

static int setup(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    for (int i = 0; i < CLIENTS_MAX; i++)
        fake.client[i] = -1;
    pthread_mutex_init(&fake.mutex, NULL);
    snprintf(fake.directory, sizeof(fake.directory), "/tmp/jeton-client-XXXXXX");
    assert_non_null(mkdtemp(fake.directory));
    snprintf(fake.path, sizeof(fake.path), "%s/s", fake.directory);
    fake.token_table = token_table_new("jtn", 0);
    fake_daemon_start();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_daemon_kill();
    token_table_free(fake.token_table);
    unlink(fake.path);
    fake_clock_offset = 0;
    return rmdir(fake.directory);
}

static struct table_header *current_header(void)
{
    const struct generation *g = token_table_enter(fake.token_table, TOKEN_TABLE_READERS_MAX - 1);

    token_table_leave(fake.token_table, TOKEN_TABLE_READERS_MAX - 1);
    return g->header;
}

/* -- tokens ----------------------------------------------------------------------------------- */

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

static void put_record(const struct record *r)
{
    assert_int_equal(token_table_reserve(fake.token_table, 1, r->subject_len + r->scopes_len), 0);
    token_table_put(fake.token_table, r);
}

static void put_token(uint64_t number)
{
    struct record r = record_numbered(number);

    put_record(&r);
}

static void revoke_token(uint64_t number)
{
    struct record r = record_numbered(number);

    assert_true(token_table_deny(fake.token_table, r.digest, SLOT_REVOKED, NULL));
}

/* The daemon's threads may not run for a while, so questions wait longer than they do by default. */
static struct jeton *open_with(unsigned flags)
{
    struct jeton *h;

    assert_int_equal(jeton_open(&h, fake.path, NULL, flags), 0);
    assert_int_equal(jeton_set_timeout(h, PATIENCE), 0);
    return h;
}

static struct jeton_claims claims = JETON_CLAIMS_INIT;

static enum jeton_status verify(struct jeton *h, uint64_t number)
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

/* Wait until the daemon has closed the connections that were closed here. */
static void await_no_clients(void)
{
    int64_t end = milliseconds() + PATIENCE;

    for (int i = 0; i < CLIENTS_MAX; i++)
        for (; fake.client[i] >= 0; usleep(200))
            assert_true(milliseconds() < end);
}

static unsigned count_entries(const char *path)
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

#define WITH_FAKE_DAEMON(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
