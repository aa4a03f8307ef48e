/* SPDX-License-Identifier: Apache-2.0 */
/* O_NONBLOCK is no way out: it would be set for everybody who has the same open file, as the shell
 * has of a terminal. */
#include "daemon/base/log_writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER = 256 * 1024, /* bytes of lines that wait */
    CHUNK = 4096,        /* of one write(): PIPE_BUF, so that lines of others do not come between */
    PATIENCE = 1,        /* seconds that the end waits for the reader */
};

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t work; /* there is something to write, or the thread is to stop */
    pthread_t thread;
    log_writer_notice *notice;
    enum { DIRECT, RUNNING, STOPPING, ENDED, STUCK } state;
    bool writing;
    bool failed;   /* the last write(): do not report it before another line was written */
    uint64_t head; /* bytes that were put, and taken, since the start */
    uint64_t tail;
    uint64_t dropped; /* lines, since the start */
    uint64_t gap;     /* of those, what is not reported yet */
    uint64_t gap_at;  /* the byte before which they are missing */
    char buffer[BUFFER];
} out = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* -- the buffer, under the mutex ------------------------------------------------------------- */

static void drop(uint64_t lines, uint64_t at)
{
    out.dropped += lines;
    if (out.gap == 0)
        out.gap_at = at;
    out.gap += lines;
}

/* After a line was dropped, drop the others until those before it are written: one number for each
 * gap is enough then. */
static void put(const char *line, size_t len)
{
    size_t at = out.head % BUFFER, first = len < BUFFER - at ? len : BUFFER - at;

    out.failed = false; /* a new line is worth another try */
    if (out.head - out.tail + len > BUFFER || (out.gap > 0 && out.head > out.tail)) {
        drop(1, out.head);
        return;
    }
    memcpy(out.buffer + at, line, first);
    memcpy(out.buffer, line + first, len - first);
    out.head += len;
}

static bool gap_is_next(void)
{
    return out.gap > 0 && out.tail >= out.gap_at && !out.failed;
}

static bool has_work(void)
{
    return out.head > out.tail || gap_is_next();
}

/* Take whole lines, up to those that were dropped, or else a line that reports these; `*reported`
 * is then their number, or else 0. */
static size_t take(char chunk[CHUNK], uint64_t *reported)
{
    *reported = gap_is_next() ? out.gap : 0;
    if (*reported > 0) {
        out.gap = 0;
        return out.notice(chunk, *reported);
    }
    bool before_gap = out.gap > 0 && out.tail < out.gap_at;
    size_t len = (before_gap ? out.gap_at : out.head) - out.tail;
    len = len < CHUNK ? len : CHUNK;
    size_t at = out.tail % BUFFER, first = len < BUFFER - at ? len : BUFFER - at;
    memcpy(chunk, out.buffer + at, first);
    memcpy(chunk + first, out.buffer, len - first);
    const char *end = memrchr(chunk, '\n', len);
    if (end != NULL)
        len = (size_t)(end - chunk) + 1;
    out.tail += len;
    return len;
}

static uint64_t lines_in(const char *chunk, size_t len)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < len; i++)
        lines += chunk[i] == '\n';
    return lines;
}

/* -- writing --------------------------------------------------------------------------------- */

/* Write all of it.  Others may have made the open file non-blocking. */
static bool write_all(const char *at, size_t len)
{
    while (len > 0) {
        ssize_t written = write(STDERR_FILENO, at, len);
        if (written < 0 && errno == EAGAIN)
            poll(&(struct pollfd){ .fd = STDERR_FILENO, .events = POLLOUT }, 1, -1);
        else if (written < 0 && errno != EINTR)
            return false;
        at += written > 0 ? written : 0;
        len -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* After a write() that failed, drop the lines that wait as well; `unreported` were dropped before. */
static void give_up(uint64_t lines, uint64_t unreported)
{
    for (; out.tail < out.head; out.tail++)
        lines += out.buffer[out.tail % BUFFER] == '\n';
    drop(lines, out.tail);
    out.gap += unreported;
    out.gap_at = out.tail;
    out.failed = true;
}

static void write_chunk(void)
{
    char chunk[CHUNK];
    uint64_t reported;
    size_t len = take(chunk, &reported);

    out.writing = true;
    pthread_mutex_unlock(&out.mutex);
    bool written = write_all(chunk, len);
    pthread_mutex_lock(&out.mutex);
    out.writing = false;
    if (!written)
        give_up(reported > 0 ? 0 : lines_in(chunk, len), reported);
}

static void *run(void *unused)
{
    pthread_mutex_lock(&out.mutex);
    for (;;) {
        while (has_work())
            write_chunk();
        if (out.state == STOPPING)
            break;
        pthread_cond_wait(&out.work, &out.mutex);
    }
    out.state = ENDED;
    pthread_mutex_unlock(&out.mutex);
    return unused;
}

/* -- any thread ------------------------------------------------------------------------------ */

int log_writer_start(log_writer_notice *notice)
{
    pthread_cond_init(&out.work, NULL);
    out.notice = notice;
    out.state = RUNNING;
    int error = pthread_create(&out.thread, NULL, run, NULL);
    if (error != 0)
        out.state = DIRECT;
    return -error;
}

void log_writer_put(const char *line, size_t len)
{
    pthread_mutex_lock(&out.mutex);
    bool direct = out.state == DIRECT;
    if (out.state == RUNNING || out.state == STOPPING)
        put(line, len);
    else if (!direct)
        drop(1, out.head);
    if (!direct)
        pthread_cond_signal(&out.work);
    pthread_mutex_unlock(&out.mutex);
    if (direct)
        write_all(line, len);
}

static bool is_busy(void)
{
    return (out.state == RUNNING && (out.writing || has_work())) || out.state == STOPPING;
}

/* Wait for what is written now and for the lines that wait.  By no clock: a flush also reports that
 * there is none. */
static void await_idle(void)
{
    for (int waited = 0; is_busy() && waited < 1000 * PATIENCE; waited++) {
        pthread_mutex_unlock(&out.mutex);
        poll(NULL, 0, 1);
        pthread_mutex_lock(&out.mutex);
    }
}

void log_writer_flush(void)
{
    pthread_mutex_lock(&out.mutex);
    if (out.state == RUNNING)
        await_idle();
    pthread_mutex_unlock(&out.mutex);
}

void log_writer_stop(void)
{
    pthread_mutex_lock(&out.mutex);
    if (out.state == RUNNING) {
        out.state = STOPPING;
        pthread_cond_signal(&out.work);
        await_idle();
        bool ended = out.state == ENDED;
        out.state = ended ? DIRECT : STUCK;
        pthread_mutex_unlock(&out.mutex);
        if (ended)
            pthread_join(out.thread, NULL);
        else
            pthread_detach(out.thread);
        return;
    }
    pthread_mutex_unlock(&out.mutex);
}

uint64_t log_writer_dropped(void)
{
    pthread_mutex_lock(&out.mutex);
    uint64_t dropped = out.dropped;
    pthread_mutex_unlock(&out.mutex);
    return dropped;
}
