/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions: the table first, the daemon where the table cannot answer.  Layer 2.
 *
 *     question ──▶ table ──▶ verdict                           no system call, no lock
 *                    │ none, torn, not held, a miss that is not final
 *                    ▼
 *                  a door ──▶ fetch the table if it is due ──▶ table ──▶ verdict
 *                    │
 *                    ▼
 *                  verify over the socket ──▶ reply ──▶ verdict
 *
 * A handle has a few doors: connections, each with a lock.  A thread takes the first that is free,
 * so that a quiet host has one connection and a busy one is not held up by one slow answer.  The
 * last door belongs to the non-blocking calls and needs no lock.
 *
 * All that a child must not share with its parent (locks, connections, counters of readers) is
 * in struct own, in pages that the kernel wipes at fork(): the child finds zeros, which is how each
 * of these begins, and no pid need be compared nor a handler registered.  Only the marks of the
 * descriptors and the mapped tables are inherited.
 *
 * The table is asked for by one thread at a time, whoever moves table_at on; the others go on by
 * socket.  While it is not had, it is asked for once a second and once for each new connection.
 *
 * Uses are reported when a verification notices that report_at has passed, about once a minute:
 * that one sends what there is through a door that happens to be free, without waiting. */
#include "plugin/jeton.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "plugin/link.h"
#include "plugin/view.h"
#include "proto/scopes.h"
#include "proto/stamp.h"
#include "proto/token.h"

enum {
    DOORS = 4,                  /* as many as the daemon has workers at most */
    WAITING_MAX = 250,
    TIMEOUT = 1000,             /* milliseconds, until it is set */
    TIMEOUT_MAX = 600000,
    FETCH_EVERY = 1000,         /* milliseconds */
    REPORT_EVERY = 60,          /* seconds */
    REPORT_MAX = 128,           /* ids at a time; if there are more, the next go a second later */
};

/* A question that the daemon was asked. */
struct asking {
    bool waits;                 /* of the non-blocking calls, and not answered yet */
    bool received;
    enum jeton_status status;
    struct jeton_claims *claims;
    jeton_done *done;
    void *context;
    uint8_t digest[DIGEST_SIZE];
};

/* A mutex that can be waited for until a deadline of the monotonic clock.  Zero: free. */
struct lock {
    _Atomic uint32_t state;     /* 1: taken; 2: taken, and somebody may be waiting */
};

struct door {
    struct lock lock;
    struct jeton *handle;
    struct link link;
};

struct own {
    struct view_gate gate;
    struct view_uses uses;
    _Alignas(64) _Atomic int64_t report_at;     /* CLOCK_REALTIME seconds */
    _Atomic int64_t table_at;                   /* link_now() */
    _Alignas(64) struct lock replacing;         /* guards views, but for reading */
    struct door door[DOORS + 1];
    struct asking asking[WAITING_MAX];
};

struct jeton {
    struct views views;
    struct own *own;
    unsigned flags;
    _Atomic unsigned timeout;
    struct link_mark mark[DOORS + 1];
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char service[SERVICE_MAX + 1];
};

/* What a host thread is spared while the library uses system calls. */
struct calm {
    int error;
    int cancel;
};

_Static_assert(sizeof(((struct jeton_claims *)NULL)->subject) > SUBJECT_MAX &&
               sizeof(((struct jeton_claims *)NULL)->scopes) > SCOPES_TEXT_MAX &&
               JETON_NEVER == TIME_NEVER, "what the table says can be told");

static void on_verdict(void *context, struct reply *reply);
static void report(struct jeton *h, int64_t now);

/* -- what the rest is built on ----------------------------------------------------------------- */

static struct calm calm_begin(void)
{
    struct calm calm = { .error = errno };

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &calm.cancel);
    return calm;
}

static void calm_end(struct calm calm)
{
    pthread_setcancelstate(calm.cancel, NULL);
    errno = calm.error;
}

static bool lock_try(struct lock *lock)
{
    uint32_t unlocked = 0;

    return atomic_compare_exchange_strong(&lock->state, &unlocked, 1);
}

static bool lock_take(struct lock *lock, int64_t deadline)
{
    if (lock_try(lock))
        return true;
    while (atomic_exchange(&lock->state, 2) != 0) {
        int64_t left = deadline - link_now();
        struct timespec wait = { left / 1000, left % 1000 * 1000000 };
        if (left <= 0)
            return false;
        syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, 2, &wait);
    }
    return true;
}

static void lock_release(struct lock *lock)
{
    if (atomic_exchange(&lock->state, 0) == 2)
        syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1);
}

/* -- statuses ---------------------------------------------------------------------------------- */

static const struct public_status {
    enum jeton_status status;
    enum status means;
    int http;                   /* 0: as the row of `means` says */
    const char *word;
    const char *text;
} statuses[] = {
    { .status = JETON_OK, .means = STATUS_OK },
    { .status = JETON_MALFORMED, .means = STATUS_MALFORMED },
    { .status = JETON_UNKNOWN, .means = STATUS_UNKNOWN },
    { .status = JETON_IDENTIFIER, .means = STATUS_IDENTIFIER },
    { .status = JETON_PENDING, .means = STATUS_PENDING },
    { .status = JETON_EXPIRED, .means = STATUS_EXPIRED },
    { .status = JETON_DISABLED, .means = STATUS_DISABLED },
    { .status = JETON_REVOKED, .means = STATUS_REVOKED },
    { .status = JETON_SCOPE, .means = STATUS_SCOPE },
    { .status = JETON_SUBJECT, .means = STATUS_SUBJECT },
    { .status = JETON_DENIED, .means = STATUS_DENIED },
    { .status = JETON_UNAVAILABLE, .means = STATUS_UNAVAILABLE },
    { JETON_INVALID, STATUS_BAD_VALUE, 500, "invalid",
      "the question is wrong: scopes, subject, service or claims are not what they should be" },
    { JETON_WAITING, STATUS_COUNT, 503, "waiting", "the answer has not come yet" },
};

enum { STATUSES = sizeof(statuses) / sizeof(statuses[0]) };

static enum jeton_status public_status(enum status means)
{
    for (size_t i = 0; i < STATUSES; i++)
        if (statuses[i].means == means)
            return statuses[i].status;
    return JETON_UNAVAILABLE;
}

static const struct public_status *status_look(enum jeton_status status)
{
    size_t i = 0, unavailable = 0;

    for (; i < STATUSES && statuses[i].status != status; i++)
        if (statuses[i].status == JETON_UNAVAILABLE)
            unavailable = i;
    return &statuses[i < STATUSES ? i : unavailable];
}

const char *jeton_status_word(enum jeton_status status)
{
    const struct public_status *s = status_look(status);

    return s->word != NULL ? s->word : status_row(s->means)->word;
}

const char *jeton_status_text(enum jeton_status status)
{
    const struct public_status *s = status_look(status);

    return s->text != NULL ? s->text : status_row(s->means)->meaning;
}

int jeton_status_http(enum jeton_status status)
{
    const struct public_status *s = status_look(status);

    return s->http != 0 ? s->http : status_row(s->means)->http;
}

/* -- questions and answers --------------------------------------------------------------------- */

static bool read_question(struct question *q, const void *value, size_t length, const char *scopes,
                          const char *subject, struct jeton_claims *claims)
{
    if (claims != NULL && claims->size < sizeof(*claims))
        return false;
    *q = (struct question){ .value = { value, length } };
    if (scopes != NULL)
        q->scopes = slice_of(scopes);
    if (subject != NULL)
        q->subject = slice_of(subject);
    if ((value != NULL || length == 0) && q->subject.len <= SUBJECT_MAX &&
        (scopes == NULL || (q->scopes.len > 0 && scopes_fault(q->scopes) == NULL)))
        return true;
    if (claims != NULL)
        claims_clear(claims);
    return false;
}

/* Any bytes, as a quoted value. */
static void put_bytes(struct text *t, const char *key, struct slice bytes)
{
    text_addc(t, ' ');
    text_adds(t, key);
    text_adds(t, "=\"");
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.at[i];
        if (c >= 0x20 && c <= 0x7e && c != '"' && c != '\\') {
            text_addc(t, c);
        } else {
            text_adds(t, "\\x");
            text_add_hex(t, (const uint8_t *)&c, 1);
        }
    }
    text_addc(t, '"');
}

static bool send_question(struct door *door, const struct question *q, int64_t deadline,
                          struct asking *asking)
{
    char room[LINE_MAX_BYTES];
    struct text line = text_in(room, sizeof(room));

    text_adds(&line, "verify");
    if (door->handle->service[0] != '\0')
        line_puts(&line, "service", door->handle->service);
    if (q->scopes.len > 0)
        line_put(&line, "scope", q->scopes);
    if (q->subject.at != NULL)
        put_bytes(&line, "subject", q->subject);
    put_bytes(&line, "token", q->value);
    text_addc(&line, '\n');
    bool asked = !line.cut && link_ask(&door->link, text_slice(&line), false, on_verdict, asking,
                                       deadline);
    sodium_memzero(room, line.len);
    return asked;
}

/* A pass must say whom it is for; one by the daemon's own table must be for the value we sent. */
static bool read_pass(const struct asking *asking, const struct line *line, struct jeton_claims *c)
{
    struct slice id = line_get(line, "id"), verifier = line_get(line, "verifier");
    struct slice expires = line_get(line, "expires");
    char mine[ID_TEXT + 1];

    claims_id(mine, asking->digest);
    c->expires = JETON_NEVER;
    return id.len > 0 && claims_text(c->id, sizeof(c->id), id) &&
           verifier.len > 0 && claims_text(c->verifier, sizeof(c->verifier), verifier) &&
           (!slice_is(verifier, "local") || slice_is(id, mine)) &&
           claims_text(c->subject, sizeof(c->subject), line_get(line, "subject")) &&
           claims_text(c->scopes, sizeof(c->scopes), line_get(line, "scopes")) &&
           (expires.at == NULL || stamp_parse(expires, &c->expires));
}

static enum jeton_status read_verdict(const struct asking *asking, const struct reply *reply)
{
    struct jeton_claims scratch, *c = asking->claims != NULL ? asking->claims : &scratch;
    uint64_t retry_after;

    claims_clear(c);
    if (!reply->received)
        return JETON_UNAVAILABLE;
    if (reply->status == STATUS_OK && !read_pass(asking, &reply->line, c)) {
        claims_clear(c);
        return JETON_UNAVAILABLE;
    }
    if (reply->status != STATUS_OK &&
        !claims_text(c->id, sizeof(c->id), line_get(&reply->line, "id")))
        c->id[0] = '\0';
    if (reply->status == STATUS_PENDING &&
        number_parse(line_get(&reply->line, "retry_after"), INT64_MAX, &retry_after))
        c->retry_after = (int64_t)retry_after;
    enum jeton_status status = public_status(reply->status);
    if (status < JETON_UNAVAILABLE)
        c->source = JETON_DAEMON;
    return status;
}

/* An asking that waits is free for another question before its `done` runs. */
static void on_verdict(void *context, struct reply *reply)
{
    struct asking *asking = context;
    jeton_done *done = asking->done;
    void *about = asking->context;
    enum jeton_status status = read_verdict(asking, reply);

    asking->received = reply->received;
    asking->status = status;
    asking->waits = false;
    if (done != NULL)
        done(about, status);
}

/* Also if it lies further ahead than it is ever put: the clock was set back. */
static bool report_is_due(struct own *own, int64_t now)
{
    int64_t at = atomic_load_explicit(&own->report_at, memory_order_relaxed);

    return at <= now || at > now + REPORT_EVERY;
}

/* True if this process knows the answer.  A value that is too long fits no line either. */
static bool ask_table(struct jeton *h, const struct question *q, struct jeton_claims *claims,
                      enum jeton_status *status)
{
    struct own *own = h->own;
    struct verdict v;
    int64_t now;

    if (q->value.len > VALUE_MAX) {
        if (claims != NULL)
            claims_clear(claims);
        *status = JETON_MALFORMED;
        return true;
    }
    if (!view_ask(&h->views, &own->gate, &own->uses, q, &v, &now, claims))
        return false;
    *status = public_status(v.status);
    if (v.status == STATUS_OK && !(h->flags & JETON_NO_REPORTS) && report_is_due(own, now))
        report(h, now);
    return true;
}

/* -- doors ------------------------------------------------------------------------------------- */

/* Whoever is there now has not been asked for the table yet. */
static int open_door(struct jeton *h, struct door *door, int64_t deadline)
{
    int error = link_open(&door->link, &h->mark[door - h->own->door], h->path, deadline);

    door->handle = h;
    if (error == 0)
        atomic_store(&h->own->table_at, 0);
    return error;
}

/* A free door, or one that becomes free before the deadline, locked; or NULL. */
static struct door *take_door(struct own *own, int64_t deadline)
{
    struct door *door = own->door;

    for (; door < own->door + DOORS; door++)
        if (lock_try(&door->lock))
            return door;
    door = &own->door[(unsigned)sched_getcpu() % DOORS];
    return lock_take(&door->lock, deadline) ? door : NULL;
}

static void wait_for_replies(struct link *l, int64_t deadline)
{
    while (l->count > 0 && link_step(l) == 0 && l->count > 0)
        if (!link_wait(l, deadline))
            link_drop(l);
}

static void on_table(void *context, struct reply *reply)
{
    struct door *door = context;
    struct jeton *h = door->handle;
    struct own *own = h->own;
    struct slice final = line_get(&reply->line, "final");
    bool is_final = final.at != NULL && slice_is(final, "yes");
    struct view *view = NULL;
    uint64_t size;

    if (!reply->received)
        return;
    door->link.no_table = reply->status != STATUS_OK && !status_row(reply->status)->retry;
    /* Neither yes nor no: a table with conditions that this version does not know. */
    if (reply->status == STATUS_OK && reply->fd >= 0 && final.at != NULL &&
        (is_final || slice_is(final, "no")) &&
        number_parse(line_get(&reply->line, "size"), INT64_MAX, &size))
        view_open(reply->fd, size, is_final, &view);
    lock_take(&own->replacing, LINK_NO_DEADLINE);
    view_replace(&h->views, &own->gate, view);
    lock_release(&own->replacing);
    if (view != NULL && view_usable(&h->views, &own->gate))
        atomic_store(&own->table_at, 0);
}

/* Asks for the table, if there is none that holds and it is this caller's turn. */
static bool fetch_table(struct door *door, int64_t deadline)
{
    struct jeton *h = door->handle;
    char room[SERVICE_MAX + 32];
    struct text line = text_in(room, sizeof(room));
    int64_t now = link_now(), at = atomic_load(&h->own->table_at);

    if ((h->flags & JETON_NO_TABLE) || door->link.no_table || now < at ||
        view_usable(&h->views, &h->own->gate) ||
        !atomic_compare_exchange_strong(&h->own->table_at, &at, now + FETCH_EVERY))
        return false;
    text_adds(&line, "table");
    if (h->service[0] != '\0')
        line_puts(&line, "service", h->service);
    text_addc(&line, '\n');
    return link_ask(&door->link, text_slice(&line), true, on_table, door, deadline);
}

/* Twice: the connection may turn out to be a dead daemon's. */
static enum jeton_status ask_through(struct jeton *h, struct door *door, const struct question *q,
                                     struct jeton_claims *claims, int64_t deadline)
{
    struct asking asking = { .status = JETON_UNAVAILABLE, .claims = claims };
    enum jeton_status status;

    token_digest(q->value, asking.digest);
    for (int i = 0; i < 2 && !asking.received; i++) {
        if (!link_connected(&door->link) && open_door(h, door, deadline) < 0)
            break;
        if (fetch_table(door, deadline)) {
            wait_for_replies(&door->link, deadline);
            if (ask_table(h, q, claims, &status))
                return status;
        }
        if (link_connected(&door->link) && send_question(door, q, deadline, &asking))
            wait_for_replies(&door->link, deadline);
    }
    return asking.status;
}

static enum jeton_status ask_daemon(struct jeton *h, const struct question *q,
                                    struct jeton_claims *claims)
{
    struct calm calm = calm_begin();
    int64_t deadline = link_now() + atomic_load(&h->timeout);
    enum jeton_status status = JETON_UNAVAILABLE;
    struct door *door = take_door(h->own, deadline);

    if (door != NULL) {
        status = ask_through(h, door, q, claims, deadline);
        lock_release(&door->lock);
    }
    calm_end(calm);
    return status;
}

enum jeton_status jeton_verify(struct jeton *h, const void *value, size_t length,
                               const char *scopes, const char *subject,
                               struct jeton_claims *claims)
{
    enum jeton_status status;
    struct question q;

    if (!read_question(&q, value, length, scopes, subject, claims))
        return JETON_INVALID;
    return ask_table(h, &q, claims, &status) ? status : ask_daemon(h, &q, claims);
}

enum jeton_source jeton_source(const struct jeton_claims *claims)
{
    return (enum jeton_source)claims->source;
}

/* -- reports of uses --------------------------------------------------------------------------- */

/* A daemon that does not want them says so once for each connection. */
static void on_used(void *context, struct reply *reply)
{
    struct door *door = context;

    if (reply->received && reply->status != STATUS_OK && !status_row(reply->status)->retry)
        door->link.no_used = true;
}

/* Half of what may be asked is left to those who wait for an answer.  True: there may be more. */
static bool send_uses(struct jeton *h, struct door *door)
{
    uint8_t id[REPORT_MAX][ID_SIZE];
    char line[] = "used 0123456789abcdef0123\n", *digits = line + sizeof("used");
    struct link *l = &door->link;

    if (!link_connected(l) && open_door(h, door, 0) < 0)
        return false;
    link_step(l);
    if (l->mark == NULL || l->no_used || l->count > 0)
        return false;
    size_t count = view_take_uses(&h->own->uses, id, REPORT_MAX);
    for (size_t i = 0; i < count; i++) {
        claims_id(digits, id[i]);
        digits[ID_TEXT] = '\n';
        link_ask(l, (struct slice){ line, sizeof(line) - 1 }, false, on_used, door,
                 LINK_NO_DEADLINE);
    }
    link_step(l);
    return count == REPORT_MAX;
}

/* Whoever moves report_at on does the work.  Zero: the first use in this process. */
static void report(struct jeton *h, int64_t now)
{
    struct own *own = h->own;
    int64_t at = atomic_load(&own->report_at);

    if (!atomic_compare_exchange_strong(&own->report_at, &at, now + REPORT_EVERY) || at == 0)
        return;
    struct calm calm = calm_begin();
    bool more = !lock_try(&own->door[0].lock);
    if (!more) {
        more = send_uses(h, &own->door[0]);
        lock_release(&own->door[0].lock);
    }
    if (more)
        atomic_store(&own->report_at, now + 1);
    if (lock_try(&own->replacing)) {
        view_reap(&h->views, &own->gate);
        lock_release(&own->replacing);
    }
    calm_end(calm);
}

/* -- opening and closing ----------------------------------------------------------------------- */

static int read_names(struct jeton *h, const char *path, const char *service)
{
    if (path == NULL)
        path = JETON_SOCKET;
    if (path[0] != '/')
        return -EINVAL;
    if (strlen(path) >= sizeof(h->path))
        return -ENAMETOOLONG;
    memcpy(h->path, path, strlen(path) + 1);
    if (service == NULL)
        return 0;
    if (service[0] == '\0' || strlen(service) > SERVICE_MAX || strchr(service, ',') != NULL ||
        scopes_fault(slice_of(service)) != NULL)
        return -EINVAL;
    memcpy(h->service, service, strlen(service) + 1);
    return 0;
}

/* Only what the administrator must put right is an error; the daemon may come later. */
static int greet(struct jeton *h)
{
    struct calm calm = calm_begin();
    struct door *door = &h->own->door[0];
    int64_t deadline = link_now() + TIMEOUT;
    int error = open_door(h, door, deadline);

    if (error == 0 && fetch_table(door, deadline))
        wait_for_replies(&door->link, deadline);
    calm_end(calm);
    return error == -EPERM || error == -ELOOP || error == -EACCES ? error : 0;
}

int jeton_open(struct jeton **handle, const char *socket_path, const char *service,
               unsigned int flags)
{
    struct jeton *h = calloc(1, sizeof(*h));
    int error = h == NULL ? -ENOMEM : sodium_init() < 0 ? -ENOSYS : 0;

    *handle = NULL;
    if (error == 0 && (flags & ~(JETON_NO_TABLE | JETON_NO_REPORTS)) != 0)
        error = -EINVAL;
    if (error == 0)
        error = read_names(h, socket_path, service);
    if (error == 0) {
        h->flags = flags;
        atomic_store(&h->timeout, TIMEOUT);
        void *at = mmap(NULL, sizeof(*h->own), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        h->own = at != MAP_FAILED ? at : NULL;
        if (at == MAP_FAILED || madvise(at, sizeof(*h->own), MADV_WIPEONFORK) < 0)
            error = -errno;
    }
    if (error == 0)
        error = greet(h);
    if (error == 0)
        *handle = h;
    else
        jeton_close(h);
    return error;
}

void jeton_close(struct jeton *h)
{
    if (h == NULL)
        return;
    struct calm calm = calm_begin();
    if (h->own != NULL) {
        for (size_t i = 0; i < WAITING_MAX; i++)
            h->own->asking[i].done = NULL;
        if (!(h->flags & JETON_NO_REPORTS) && link_connected(&h->own->door[0].link))
            send_uses(h, &h->own->door[0]);
        for (size_t i = 0; i <= DOORS; i++) {
            link_drop(&h->own->door[i].link);
            link_release(&h->mark[i]);
        }
        munmap(h->own, sizeof(*h->own));
    }
    views_free(&h->views);
    free(h);
    calm_end(calm);
}

int jeton_set_timeout(struct jeton *h, unsigned int milliseconds)
{
    if (milliseconds == 0 || milliseconds > TIMEOUT_MAX)
        return -EINVAL;
    atomic_store(&h->timeout, milliseconds);
    return 0;
}

/* -- without blocking -------------------------------------------------------------------------- */

static struct door *waiting_door(const struct jeton *h)
{
    return &h->own->door[DOORS];
}

static struct asking *free_asking(struct own *own)
{
    for (size_t i = 0; i < WAITING_MAX; i++)
        if (!own->asking[i].waits)
            return &own->asking[i];
    return NULL;
}

/* False: nobody can be asked. */
static bool start(struct jeton *h, const struct question *q, struct asking *asking)
{
    struct door *door = waiting_door(h);
    int64_t deadline = link_now() + atomic_load(&h->timeout);

    if (door->link.count > 0 ? !link_connected(&door->link) :
        !link_idle(&door->link) && open_door(h, door, 0) < 0)
        return false;
    token_digest(q->value, asking->digest);
    fetch_table(door, deadline);
    if (!send_question(door, q, deadline, asking))
        return false;
    asking->waits = true;
    link_send(&door->link);
    return true;
}

enum jeton_status jeton_verify_start(struct jeton *h, const void *value, size_t length,
                                     const char *scopes, const char *subject,
                                     struct jeton_claims *claims, jeton_done *done, void *context)
{
    enum jeton_status status;
    struct question q;

    if (!read_question(&q, value, length, scopes, subject, claims) || done == NULL)
        return JETON_INVALID;
    if (ask_table(h, &q, claims, &status))
        return status;
    struct asking *asking = free_asking(h->own);
    if (asking == NULL)
        return JETON_UNAVAILABLE;
    struct calm calm = calm_begin();
    *asking = (struct asking){ .claims = claims, .done = done, .context = context };
    status = start(h, &q, asking) ? JETON_WAITING : JETON_UNAVAILABLE;
    calm_end(calm);
    return status;
}

void jeton_cancel(struct jeton *h, void *context)
{
    for (size_t i = 0; i < WAITING_MAX; i++) {
        struct asking *asking = &h->own->asking[i];
        if (asking->waits && asking->context == context) {
            asking->done = NULL;
            asking->claims = NULL;
        }
    }
}

int jeton_fd(const struct jeton *h)
{
    const struct link *l = &waiting_door(h)->link;
    int error = errno, fd = link_connected(l) ? l->mark->fd : -1;

    errno = error;
    return fd;
}

short jeton_events(const struct jeton *h)
{
    return link_events(&waiting_door(h)->link);
}

int jeton_timeout(const struct jeton *h)
{
    const struct link *l = &waiting_door(h)->link;
    int64_t left = link_deadline(l) - link_now();

    if (l->count == 0)
        return -1;
    return left <= 0 || jeton_fd(h) < 0 ? 0 : (int)left;
}

void jeton_dispatch(struct jeton *h)
{
    struct link *l = &waiting_door(h)->link;
    struct calm calm = calm_begin();

    if (l->mark != NULL || l->count > 0)
        link_step(l);
    if (link_deadline(l) <= link_now())
        link_drop(l);
    calm_end(calm);
}
