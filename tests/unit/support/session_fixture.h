/* SPDX-License-Identifier: Apache-2.0 */
/* A whole daemon without its main thread: store, table and writer in a directory of the test's own,
 * stacks made of a text, and one worker, whose event loop and mail the test runs.  The writer has a
 * thread only if the test starts it; otherwise write_changes() carries changes out. */
#ifndef JETON_TESTS_SESSION_FIXTURE_H
#define JETON_TESTS_SESSION_FIXTURE_H

#include "tests/unit/support/configured_stack.h"

#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>

#include "daemon/base/clock.h"
#include "daemon/net/scheduler.h"
#include "daemon/net/worker_thread.h"
#include "daemon/session/dispatch.h"
#include "daemon/session/pending_verify.h"
#include "daemon/writer/commit.h"
#include "daemon/writer/writer_thread.h"

enum { PATIENCE = 40000 }; /* milliseconds to wait for another thread */

static struct writer writer;
static struct writer_thread *writer_thread;
static struct server server;
static struct worker worker;

static void start_server(const char *text)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/t.tdb", directory);
    assert_true(read_text(text));
    struct store *store = store_open(path, STORE_WRITE, &problem);
    assert_non_null(store);
    assert_true(writer_init(&writer, store, "jtn", 1000, &problem));
    server = (struct server){
        .token_table = writer.token_table,
        .write_queue = writer.queue,
        .workers = 1,
        .worker = &worker,
        .client_limit = client_limit_new(100, 100),
        .started = clock_wall(),
    };
    settings_apply(&server.settings, &config, RESOLVED_EVERYBODY);
    strcpy(server.settings.prefix, "jtn");
    metrics_init(&server.metrics, 1);
    writer_thread = writer_thread_new(&writer, &server.settings, path);
    server.stack_set = stack_set_new(1, &config, &server.metrics, &problem);
    assert_true(writer_thread != NULL && server.stack_set != NULL);
    worker = (struct worker){ .base = NULL };
    assert_int_equal(worker_init(&worker, &server, 0), 0);
}

static int set_up_server(void **state, const char *text)
{
    int result = make_directory(state);

    log_set_level(LOG_LEVEL_ERROR);
    start_server(text);
    return result;
}

static void stop_server(void)
{
    writer_thread_stop(writer_thread);
    assert_true(stack_set_end(server.stack_set));
    worker_free(&worker);
    writer_thread_free(writer_thread);
    writer_destroy(&writer);
    stack_set_free(server.stack_set);
    metrics_free(&server.metrics);
    client_limit_free(server.client_limit);
}

static int tear_down_server(void **state)
{
    stop_server();
    return remove_directory(state);
}

/* Carry out what was posted, where the writer has no thread. */
static void write_changes(void)
{
    commit_collect(&writer);
    while (commit_batch(&writer, clock_wall()))
        continue;
}

/* True if the writer was informed that more changes will come. */
static bool writer_expects_more(void)
{
    return write_queue_is_expecting(writer.queue);
}

/* Wait for mail, and deliver it. */
static void deliver_mail(void)
{
    struct pollfd wake = { .fd = worker.mailbox.wake, .events = POLLIN };

    assert_int_equal(poll(&wake, 1, PATIENCE), 1);
    mailbox_deliver(&worker.mailbox, SIZE_MAX);
}

/* -- a session without a connection ---------------------------------------------------------- */

static struct session session;
static unsigned ready;  /* times that on_ready was called */
static int client = -1; /* the other end of its socket */

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

static void on_job(struct mail *mail)
{
    pending_verify_resume(mail);
}

static void on_ready(struct session *s)
{
    (void)s;
    ready++;
}

static void open_session(enum role role)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    client = fds[1];
    ready = 0;
    session = (struct session){
        .worker = &worker,
        .fd = fds[0],
        .role = role,
        .on_change = on_change,
        .on_chunk = on_chunk,
        .on_job = on_job,
        .on_ready = on_ready,
    };
    assert_int_equal(peercred_read(fds[0], &session.peer), 0);
    session.share = uid_share_join(&worker.shares, session.peer.uid);
    session_init(&session);
}

static void close_session(void)
{
    session.state = SESSION_CLOSED;
    pending_verify_close(&session);
    while (session_is_away(&session))
        deliver_mail();
    session_free(&session);
    uid_share_leave(&worker.shares, session.share);
    close(session.fd);
    close(client);
}

static void put_input(const char *text)
{
    size_t len = strlen(text);
    char *space = iobuf_reserve(&session.in, len);

    assert_non_null(space);
    memcpy(space, text, len);
    iobuf_commit(&session.in, len);
}

/* The clock of a slow machine ends no run. */
static const struct turn endless_turn = { .ends = UINT64_MAX, .run_ends = UINT64_MAX };

/* Run the session once, as a connection does. */
static void run_session(void)
{
    worker.turn = endless_turn;
    dispatch_run(&session);
    dispatch_end(&session);
    session_post_changes(&session);
}

/* Return the replies since the last call, as a text. */
static const char *replies(void)
{
    static char text[64 * 1024];
    size_t len = iobuf_len(&session.out);

    assert_true(len < sizeof(text));
    if (len > 0)
        memcpy(text, iobuf_front(&session.out), len);
    text[len] = '\0';
    iobuf_consume(&session.out, len);
    return text;
}

/* Run the session until nothing is under way and no line waits. */
static void finish_session(void)
{
    for (run_session(); session_is_away(&session) || session.wait != SESSION_WAITS_FOR_INPUT;
         run_session())
        if (session_is_away(&session))
            deliver_mail();
}

#endif
