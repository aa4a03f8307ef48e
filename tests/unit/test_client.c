/* SPDX-License-Identifier: Apache-2.0 */
/* The library against a house that stands in for the daemon: the real publisher behind a small
 * server that can be told to misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <dlfcn.h>
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

#include "daemon/generation.h"
#include "daemon/publish.h"
#include "plugin/jeton.h"
#include "proto/reply.h"
#include "proto/token.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(thread_sanitizer) || __has_feature(address_sanitizer))
#else
#define SANITIZED 0
#endif

enum { GUESTS_MAX = 32, USED_MAX = 4096 };

static struct house {
    char directory[64];
    char path[80];
    int listener;
    pthread_t porter;
    struct publisher *publisher;
    pthread_mutex_t mutex;
    int guest[GUESTS_MAX];              /* connections, or -1 */
    pthread_t thread[GUESTS_MAX];
    bool known[GUESTS_MAX];             /* the thread is to be joined */
    char used[USED_MAX][ID_TEXT + 1];
    unsigned uses;
    /* How it behaves. */
    _Atomic(const char *) table_says;   /* instead of a table; "": nothing */
    _Atomic(const char *) verify_says;  /* instead of a verdict; "": nothing */
    atomic_bool not_final;
    atomic_int hang_ups;                /* so many times, instead of a verdict */
    atomic_uint tables;
    atomic_uint verifies;
    atomic_uint connections;
} house;

static _Atomic int64_t shift;           /* seconds that the library's wall clock is ahead */

int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*_Atomic real)(clockid_t, struct timespec *);

    if (real == NULL)
        real = (int (*)(clockid_t, struct timespec *))(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, t);
    if (id == CLOCK_REALTIME_COARSE)
        t->tv_sec += shift;
    return result;
}

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
    int fd = publish_descriptor(house.publisher, &size, &generation);

    snprintf(line, sizeof(line), "OK size=%llu final=%s generation=%llu\n",
             (unsigned long long)size, house.not_final ? "no" : "yes",
             (unsigned long long)generation);
    struct iovec out = { line, strlen(line) };
    struct msghdr message = { .msg_iov = &out, .msg_iovlen = 1, .msg_control = control.bytes,
                              .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    *c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
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
        const struct generation *g = publish_enter(house.publisher, guest);
        do {
            verdict_judge(publish_table(g), &q, now, &v);
        } while (v.status == STATUS_UNAVAILABLE);
        put_verdict(&reply, &v, now);
        publish_leave(house.publisher, guest);
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

    if (line_check((struct slice){ bytes, len }, &why) != STATUS_OK ||
        line_split(bytes, len, &line, &why) != STATUS_OK || line.count == 0) {
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
    house.publisher = publish_new("jtn", 0);
    house_open();
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    house_kill();
    publish_free(house.publisher);
    unlink(house.path);
    shift = 0;
    return rmdir(house.directory);
}

static struct table_header *current_header(void)
{
    const struct generation *g = publish_enter(house.publisher, PUBLISH_READERS_MAX - 1);

    publish_leave(house.publisher, PUBLISH_READERS_MAX - 1);
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
    assert_int_equal(publish_reserve(house.publisher, 1, r->subject_len + r->scopes_len), 0);
    publish_put(house.publisher, r);
}

static void put_numbered(uint64_t number)
{
    struct record r = record_numbered(number);

    put(&r);
}

static void revoke_numbered(uint64_t number)
{
    struct record r = record_numbered(number);

    assert_true(publish_deny(house.publisher, r.digest, SLOT_REVOKED));
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

/* -- verdicts ---------------------------------------------------------------------------------- */

static const struct {
    uint64_t number;            /* 0: text is the value */
    const char *text, *scopes, *subject;
    enum jeton_status status;
} cases[] = {
    { 1, NULL, NULL, NULL, JETON_OK },
    { 1, NULL, "deploy", "alice", JETON_OK },
    { 1, NULL, "deploy,read", NULL, JETON_OK },
    { 1, NULL, "deploy,write", NULL, JETON_SCOPE },
    { 1, NULL, "write", "bob", JETON_SUBJECT },
    { 1, NULL, NULL, "", JETON_SUBJECT },
    { 1, NULL, NULL, "al\xff\n\"\\ice", JETON_SUBJECT },
    { 2, NULL, NULL, NULL, JETON_REVOKED },
    { 2, NULL, "write", "bob", JETON_REVOKED },
    { 3, NULL, NULL, NULL, JETON_DISABLED },
    { 4, NULL, NULL, NULL, JETON_EXPIRED },
    { 5, NULL, NULL, NULL, JETON_PENDING },
    { 6, NULL, NULL, NULL, JETON_OK },
    { 99, NULL, NULL, NULL, JETON_UNKNOWN },
    { 0, "jtn_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ123456", NULL, NULL, JETON_MALFORMED },
    { 0, "0123456789abcdef0123", NULL, NULL, JETON_IDENTIFIER },
    { 0, "short", NULL, NULL, JETON_MALFORMED },
    { 0, "", NULL, NULL, JETON_MALFORMED },
    { 0, "key=\"quoted\\ value\" with \x01 and \xff and \n here", NULL, NULL, JETON_UNKNOWN },
    { 1, NULL, "", NULL, JETON_INVALID },
    { 1, NULL, "a,,b", NULL, JETON_INVALID },
    { 1, NULL, "a b", NULL, JETON_INVALID },
};

static void put_cases(void)
{
    struct record r;

    put_numbered(1);
    for (uint64_t number = 2; number <= 6; number++) {
        r = record_numbered(number);
        r.revoked = number == 2, r.disabled = number == 3;
        r.expires = number == 4 ? 5 : number == 6 ? 4000000000 : TIME_NEVER;
        r.activates = number == 5 ? time(NULL) + 1000 : TIME_ALWAYS;
        put(&r);
    }
}

static void check_claims(const struct jeton_claims *c, size_t i, enum jeton_source source)
{
    char id[ID_TEXT + 1] = "";
    struct text t = text_in(id, ID_TEXT);
    bool ok = cases[i].status == JETON_OK;
    bool known = cases[i].number > 0 && cases[i].number < 10 && cases[i].status < JETON_INVALID;

    if (known) {
        struct record r = record_numbered(cases[i].number);
        text_add_hex(&t, r.digest, ID_SIZE);
    }
    assert_int_equal(jeton_source(c), source);
    assert_string_equal(c->id, id);
    assert_string_equal(c->subject, ok ? "alice" : "");
    assert_string_equal(c->scopes, ok ? "deploy,read" : "");
    assert_string_equal(c->verifier, ok ? "local" : "");
    assert_int_equal(c->expires, !ok ? 0 : cases[i].number == 6 ? 4000000000 : JETON_NEVER);
    assert_true(cases[i].status == JETON_PENDING ? c->retry_after > 990 : c->retry_after == 0);
}

static void table_and_daemon_give_the_same_verdicts(void **state)
{
    (void)state;
    put_cases();
    struct jeton *doors[] = { open_with(0), open_with(JETON_NO_TABLE) };
    char value[33];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        value_numbered(cases[i].number, value);
        const char *text = cases[i].text != NULL ? cases[i].text : value;
        for (int door = 0; door < 2; door++) {
            struct jeton_claims c = JETON_CLAIMS_INIT;
            memset(c.id, 'x', sizeof(c) - offsetof(struct jeton_claims, id));
            assert_int_equal(jeton_verify(doors[door], text, strlen(text), cases[i].scopes,
                                          cases[i].subject, &c), cases[i].status);
            assert_int_equal(jeton_verify(doors[door], text, strlen(text), cases[i].scopes,
                                          cases[i].subject, NULL), cases[i].status);
            check_claims(&c, i, cases[i].status == JETON_INVALID ? JETON_NOBODY :
                                door == 0 ? JETON_TABLE : JETON_DAEMON);
        }
    }
    for (int door = 0; door < 2; door++) {
        static char big[100000], subject[300];
        struct jeton_claims wrong = { .size = 8 };
        memset(subject, 'a', sizeof(subject) - 1);
        assert_int_equal(jeton_verify(doors[door], big, sizeof(big), NULL, NULL, NULL),
                         JETON_MALFORMED);
        assert_int_equal(jeton_verify(doors[door], big, 512, NULL, NULL, NULL), JETON_UNKNOWN);
        assert_int_equal(jeton_verify(doors[door], big, 32, NULL, subject, NULL), JETON_INVALID);
        assert_int_equal(jeton_verify(doors[door], NULL, 32, NULL, NULL, NULL), JETON_INVALID);
        assert_int_equal(jeton_verify(doors[door], big, 32, NULL, NULL, &wrong), JETON_INVALID);
        jeton_close(doors[door]);
    }
}

static void a_strange_reply_is_never_a_pass(void **state)
{
    (void)state;
    static const char *const strange[] = {
        "OK\n", "OK id=\n", "OK verifier=local\n", "OK id=0123456789abcdef0123\n",
        "OK id=0123456789abcdef0123 verifier=local\n", "OK id=\"a\\x00b\" verifier=jwt\n",
        "OK id=1 verifier=jwt expires=tomorrow\n", "OK id=1 verifier=jwt subject=\"a\\x00b\"\n",
        "OK id=1111111111111111111111111111111111111111111111111111111111111111 verifier=jwt\n",
        "NO\n", "ERR internal\n", "ERR forbidden\n", "ERR syntax\n", "whatever\n", "* id=1\nOK\n",
    };
    struct jeton *h = open_with(JETON_NO_TABLE);

    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        house.verify_says = strange[i];
        assert_int_equal(ask(h, 1), JETON_UNAVAILABLE);
        assert_int_equal(jeton_source(&claims), JETON_NOBODY);
        assert_string_equal(claims.id, "");
        assert_string_equal(claims.subject, "");
    }
    house.verify_says = "NO full-moon\n";
    assert_int_equal(ask(h, 1), JETON_DENIED);
    house.verify_says = "ERR bad-value\n";
    assert_int_equal(ask(h, 1), JETON_INVALID);
    house.verify_says = "OK id=someone@idp verifier=jwt subject=bob later=news\n";
    assert_int_equal(ask(h, 1), JETON_OK);
    assert_string_equal(claims.id, "someone@idp");
    assert_string_equal(claims.subject, "bob");
    jeton_close(h);
}

static void every_status_has_its_word_text_and_http_status(void **state)
{
    (void)state;
    assert_string_equal(jeton_status_word(JETON_OK), "ok");
    assert_string_equal(jeton_status_word(JETON_REVOKED), "revoked");
    assert_string_equal(jeton_status_word(JETON_INVALID), "invalid");
    assert_string_equal(jeton_status_word(JETON_WAITING), "waiting");
    assert_int_equal(jeton_status_http(JETON_OK), 200);
    assert_int_equal(jeton_status_http(JETON_PENDING), 401);
    assert_int_equal(jeton_status_http(JETON_SCOPE), 403);
    assert_int_equal(jeton_status_http(JETON_UNAVAILABLE), 503);
    assert_int_equal(jeton_status_http(JETON_INVALID), 500);
    for (int s = -1; s < 100; s++) {
        assert_true(strlen(jeton_status_text((enum jeton_status)s)) > 0);
        assert_true(s == 0 || jeton_status_http((enum jeton_status)s) >= 400);
    }
}

static void wrong_arguments_do_not_open(void **state)
{
    (void)state;
    char long_path[200] = "/", link[80];
    struct jeton *h = (struct jeton *)house.path;

    memset(long_path + 1, 'x', 150);
    assert_int_equal(jeton_open(&h, "relative", NULL, 0), -EINVAL);
    assert_null(h);
    assert_int_equal(jeton_open(&h, long_path, NULL, 0), -ENAMETOOLONG);
    assert_int_equal(jeton_open(&h, house.path, "", 0), -EINVAL);
    assert_int_equal(jeton_open(&h, house.path, "a b", 0), -EINVAL);
    assert_int_equal(jeton_open(&h, house.path, "a,b", 0), -EINVAL);
    assert_int_equal(jeton_open(&h, house.path, NULL, 4), -EINVAL);
    snprintf(link, sizeof(link), "%s/l", house.directory);
    assert_int_equal(symlink(house.path, link), 0);
    assert_int_equal(jeton_open(&h, link, NULL, 0), -ELOOP);
    unlink(link);
    chmod(house.directory, 0777);
    assert_int_equal(jeton_open(&h, house.path, NULL, 0), -EPERM);
    chmod(house.directory, 0700);
    assert_int_equal(jeton_open(&h, house.path, "git-upload", 0), 0);
    assert_int_equal(jeton_set_timeout(h, 0), -EINVAL);
    assert_int_equal(jeton_set_timeout(h, 600001), -EINVAL);
    jeton_close(h);
    jeton_close(NULL);
}

/* -- the table comes and goes ------------------------------------------------------------------ */

static void a_revoked_token_is_refused_by_the_very_next_call(void **state)
{
    (void)state;
    struct jeton *h = open_with(0);

    for (uint64_t i = 0; i < 5000; i++) {       /* the table grows several times meanwhile */
        put_numbered(i);
        assert_int_equal(ask(h, i), JETON_OK);
        revoke_numbered(i);
        assert_int_equal(ask(h, i), JETON_REVOKED);
    }
    assert_int_equal(jeton_source(&claims), JETON_TABLE);
    assert_true(house.tables > 3);
    jeton_close(h);
}

struct crowd {
    struct jeton *handle;
    _Atomic uint64_t put;       /* tokens below this are there */
    _Atomic uint64_t revoked;   /* tokens below this are revoked, and that was acknowledged */
    atomic_bool stop;
    atomic_uint wrong;
    _Atomic uint64_t asked;
};

static void *keep_asking(void *argument)
{
    struct crowd *crowd = argument;
    char value[33];

    for (uint64_t i = (uintptr_t)pthread_self() >> 12; !atomic_load(&crowd->stop); i += 7919) {
        uint64_t put_to = atomic_load(&crowd->put), revoked = atomic_load(&crowd->revoked);
        if (put_to == 0)
            continue;
        uint64_t number = revoked > 0 && i % 2 ? revoked - 1 - i % (revoked < 8 ? revoked : 8) :
                          i % put_to;
        value_numbered(number, value);
        enum jeton_status status = jeton_verify(crowd->handle, value, 32, NULL, NULL, NULL);
        bool may_pass = number >= revoked;
        crowd->wrong += (status == JETON_OK && !may_pass) ||
                        (status != JETON_OK && status != JETON_REVOKED);
        crowd->asked++;
    }
    return NULL;
}

static void no_thread_lets_a_revoked_token_pass_while_the_table_grows(void **state)
{
    (void)state;
    struct crowd crowd = { .handle = open_with(0) };
    pthread_t thread[4];

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, keep_asking, &crowd), 0);
    for (uint64_t i = 0; i < 20000; i++) {
        put_numbered(i);
        atomic_store(&crowd.put, i + 1);
        if (i >= 10) {
            revoke_numbered(i - 10);
            atomic_store(&crowd.revoked, i - 9);
        }
        if (i % 100 == 0)
            publish_renew(house.publisher);
        if (i % 2000 == 0)
            usleep(2000);
    }
    atomic_store(&crowd.stop, true);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(crowd.wrong, 0);
    assert_true(crowd.asked > 1000);
    jeton_close(crowd.handle);
}

static void without_a_lease_the_daemon_is_asked(void **state)
{
    (void)state;
    put_numbered(1);
    struct jeton *h = open_with(0);

    assert_true(ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
    current_header()->lease = 1;
    assert_true(ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_DAEMON);
    house_kill();
    assert_int_equal(ask(h, 1), JETON_UNAVAILABLE);
    publish_renew(house.publisher);                     /* it was only slow */
    assert_true(ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
    publish_close(house.publisher);
    assert_int_equal(ask(h, 1), JETON_UNAVAILABLE);
    publish_free(house.publisher);
    house.publisher = publish_new("jtn", 0);            /* another daemon, with another table */
    put_numbered(1);
    house_open();
    assert_true(ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
    jeton_close(h);
}

static void a_miss_goes_to_the_daemon_unless_it_is_final(void **state)
{
    (void)state;
    put_numbered(1);
    put_numbered(2);
    revoke_numbered(2);
    house.not_final = true;
    struct jeton *h = open_with(0);

    assert_true(ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
    assert_true(ask(h, 9) == JETON_UNKNOWN && jeton_source(&claims) == JETON_DAEMON);
    assert_true(ask(h, 2) == JETON_REVOKED && jeton_source(&claims) == JETON_DAEMON);
    assert_int_equal(house.tables, 1);
    jeton_close(h);
}

static void a_refused_table_is_not_asked_for_again_on_that_connection(void **state)
{
    (void)state;
    put_numbered(1);
    house.table_says = "ERR forbidden\n";
    struct jeton *h = open_with(0);

    for (int i = 0; i < 30; i++) {
        assert_true(ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_DAEMON);
        usleep(50000);
    }
    assert_int_equal(house.tables, 1);
    house_kill();
    house.table_says = NULL;
    house_open();
    assert_true(ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
    jeton_close(h);
}

static void a_table_that_fails_is_asked_for_once_a_second(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "ERR busy\n", "OK\n", "OK size=4096 final=yes\n", "OK size=x final=yes\n",
    };

    put_numbered(1);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        house.table_says = answers[i];
        house.tables = 0;
        struct jeton *h = open_with(0);
        for (int n = 0; n < 100; n++)
            assert_true(ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_DAEMON);
        assert_int_equal(house.tables, 1);
        house.table_says = NULL;
        usleep(1000000);
        assert_true(ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE);
        jeton_close(h);
    }
}

/* -- nobody answers ---------------------------------------------------------------------------- */

static void without_a_daemon_it_opens_and_refuses_until_one_comes(void **state)
{
    (void)state;
    put_numbered(1);
    house_kill();
    struct jeton *h = open_with(0);

    assert_int_equal(ask(h, 1), JETON_UNAVAILABLE);
    house_open();
    assert_int_equal(ask(h, 1), JETON_OK);
    jeton_close(h);
}

static void *ask_once(void *handle)
{
    int64_t begun = milliseconds();
    struct jeton_claims c = JETON_CLAIMS_INIT;
    char value[33];

    value_numbered(1, value);
    enum jeton_status status = jeton_verify(handle, value, 32, NULL, NULL, &c);
    int64_t took = milliseconds() - begun;
    return (void *)(uintptr_t)(status == JETON_UNAVAILABLE && took >= 190 && took < 3000);
}

static void a_silent_daemon_holds_nobody_beyond_the_timeout(void **state)
{
    (void)state;
    pthread_t thread[12];
    void *well;

    put_numbered(1);
    house.verify_says = house.table_says = "";
    struct jeton *h = open_with(JETON_NO_TABLE);
    assert_int_equal(jeton_set_timeout(h, 200), 0);
    for (int i = 0; i < 12; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask_once, h), 0);
    for (int i = 0; i < 12; i++) {
        pthread_join(thread[i], &well);
        assert_non_null(well);
    }
    house.verify_says = house.table_says = NULL;
    assert_int_equal(ask(h, 1), JETON_OK);
    jeton_close(h);
}

static void a_daemon_that_hangs_up_is_asked_once_more(void **state)
{
    (void)state;
    put_numbered(1);
    struct jeton *h = open_with(JETON_NO_TABLE);

    assert_int_equal(ask(h, 1), JETON_OK);
    house_kill();
    house_open();
    assert_int_equal(ask(h, 1), JETON_OK);      /* the old connection is dead: that is not told */
    house.hang_ups = 1000;
    house.connections = 0;
    assert_int_equal(ask(h, 1), JETON_UNAVAILABLE);
    assert_in_range(house.connections, 1, 2);
    jeton_close(h);
}

/* -- the host ---------------------------------------------------------------------------------- */

static int child_status(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void a_child_verifies_on_with_a_connection_of_its_own(void **state)
{
    (void)state;
    put_numbered(1);
    struct jeton *h = open_with(0), *other = open_with(JETON_NO_TABLE);

    assert_int_equal(ask(h, 1), JETON_OK);
    assert_int_equal(ask(other, 1), JETON_OK);
    unsigned before = house.connections;
    pid_t child = fork();
    if (child == 0) {
        unsigned fds = entries("/proc/self/fd");
        bool well = ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE;
        well = well && ask(other, 1) == JETON_OK && jeton_source(&claims) == JETON_DAEMON;
        jeton_close(h);
        jeton_close(other);
        well = well && entries("/proc/self/fd") == fds - 2;     /* those inherited are closed */
        _exit(well ? 0 : 1);
    }
    assert_int_equal(child_status(child), 0);
    assert_int_equal(house.connections, before + 1);
    assert_int_equal(ask(other, 1), JETON_OK);
    assert_int_equal(house.connections, before + 1);
    jeton_close(h);
    jeton_close(other);
}

static void a_child_of_a_busy_process_is_not_stuck(void **state)
{
    (void)state;
    struct crowd crowd = { .handle = open_with(JETON_NO_TABLE), .put = 1 };
    pthread_t thread[4];

    put_numbered(0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, keep_asking, &crowd), 0);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(ask(crowd.handle, 0) == JETON_OK && ask(crowd.handle, 0) == JETON_OK ? 0 : 1);
        assert_int_equal(child_status(child), 0);
    }
    atomic_store(&crowd.stop, true);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(crowd.wrong, 0);
    jeton_close(crowd.handle);
}

static void a_host_that_closes_or_reuses_our_descriptors_is_served(void **state)
{
    (void)state;
    struct stat before, after;
    put_numbered(1);
    struct jeton *h = open_with(JETON_NO_TABLE);
    pid_t child = fork();

    if (child == 0) {           /* where only the library's connections are open */
        bool well = ask(h, 1) == JETON_OK;
        for (int fd = 3; fd < 100; fd++)
            close(fd);
        well = well && ask(h, 1) == JETON_OK;
        int file = open("/dev/null", O_RDWR);
        for (int fd = 3; fd < 100; fd++)
            dup2(file, fd);
        fstat(4, &before);
        well = well && ask(h, 1) == JETON_OK;
        jeton_close(h);
        for (int fd = 3; fd < 100; fd++)
            well = well && fstat(fd, &after) == 0 && after.st_ino == before.st_ino;
        _exit(well ? 0 : 1);
    }
    assert_int_equal(child_status(child), 0);
    assert_int_equal(ask(h, 1), JETON_OK);
    jeton_close(h);
}

static void without_free_descriptors_the_table_answers_on(void **state)
{
    (void)state;
    struct rlimit old, none;
    put_numbered(1);
    struct jeton *h = open_with(0), *other = open_with(JETON_NO_TABLE);

    assert_int_equal(ask(h, 1), JETON_OK);
    pid_t child = fork();
    if (child == 0) {           /* its connections are not inherited, and it can make none */
        getrlimit(RLIMIT_NOFILE, &old);
        none = (struct rlimit){ 0, old.rlim_max };
        setrlimit(RLIMIT_NOFILE, &none);
        bool well = ask(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE;
        well = well && ask(other, 1) == JETON_UNAVAILABLE;
        setrlimit(RLIMIT_NOFILE, &old);
        _exit(well && ask(other, 1) == JETON_OK ? 0 : 1);
    }
    assert_int_equal(child_status(child), 0);
    jeton_close(h);
    jeton_close(other);
}

static void a_verification_by_the_table_makes_no_system_call(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    put_numbered(1);
    put_numbered(2);
    revoke_numbered(2);
    struct jeton *h = open_with(0);
    pid_t child = fork();

    if (child == 0) {
        bool well = true;
        ask(h, 1);
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0)    /* any other call kills */
            for (int i = 0; i < 100000; i++)
                well = well && ask(h, 1) == JETON_OK && ask(h, 2) == JETON_REVOKED &&
                       ask(h, 99) == JETON_UNKNOWN;
        syscall(SYS_exit, well ? 0 : 1);
    }
    assert_int_equal(child_status(child), 0);
    jeton_close(h);
}

static void it_leaves_nothing_behind(void **state)
{
    (void)state;
    put_numbered(1);
    jeton_close(open_with(0));
    unsigned fds = entries("/proc/self/fd"), threads = entries("/proc/self/task");

    for (int i = 0; i < 50; i++) {
        struct jeton *h = open_with(i % 2 ? JETON_NO_TABLE : 0);
        assert_int_equal(ask(h, 1), JETON_OK);
        jeton_close(h);
        usleep(2000);
    }
    usleep(100000);             /* the house closes its ends too */
    assert_in_range(entries("/proc/self/fd"), fds - 3, fds);
    assert_true(entries("/proc/self/task") <= threads);
}

/* -- reports ----------------------------------------------------------------------------------- */

static unsigned uses_after(unsigned expected)
{
    unsigned uses = 0;

    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&house.mutex);
        uses = house.uses;
        pthread_mutex_unlock(&house.mutex);
        if (uses >= expected && i > 5)
            break;
        usleep(10000);
    }
    return uses;
}

static void a_use_is_reported_once_a_minute(void **state)
{
    (void)state;
    struct record r = record_numbered(1);
    char id[ID_TEXT + 1] = "";
    struct text t = text_in(id, ID_TEXT);

    text_add_hex(&t, r.digest, ID_SIZE);
    put_numbered(1);
    put_numbered(2);
    revoke_numbered(2);
    struct jeton *h = open_with(0);
    shift = 60 - time(NULL) % 60;               /* a minute begins */
    for (int i = 0; i < 1000; i++) {
        ask(h, 1);
        ask(h, 2);
    }
    assert_int_equal(uses_after(0), 0);
    shift += 61;
    for (int i = 0; i < 1000; i++)
        ask(h, 1);
    assert_int_equal(uses_after(1), 1);
    assert_string_equal(house.used[0], id);
    shift += 30;
    for (int i = 0; i < 1000; i++)
        ask(h, 1);
    assert_int_equal(uses_after(1), 1);
    shift += 61;
    for (int i = 0; i < 1000; i++)
        ask(h, 1);
    assert_int_equal(uses_after(2), 2);
    shift -= 86400;             /* the clock is set back */
    for (int i = 0; i < 1000; i++)
        ask(h, 1);
    assert_int_equal(uses_after(3), 3);
    jeton_close(h);
}

static void many_uses_are_reported_in_several_messages(void **state)
{
    (void)state;
    struct jeton *h = open_with(0);

    for (uint64_t i = 1; i <= 300; i++) {
        put_numbered(i);
        assert_int_equal(ask(h, i), JETON_OK);
    }
    for (unsigned i = 0; i < 4; i++) {
        shift += 61;
        ask(h, 1);
        uses_after(i < 2 ? 128 * (i + 1) : 300);
    }
    assert_in_range(uses_after(300), 290, 306);
    jeton_close(h);
}

static void closing_reports_and_a_handle_may_decline(void **state)
{
    (void)state;
    put_numbered(1);
    struct jeton *h = open_with(JETON_NO_REPORTS);

    assert_int_equal(ask(h, 1), JETON_OK);
    jeton_close(h);
    assert_int_equal(uses_after(0), 0);
    h = open_with(0);
    assert_int_equal(ask(h, 1), JETON_OK);
    jeton_close(h);
    assert_int_equal(uses_after(1), 1);
}

/* -- without blocking -------------------------------------------------------------------------- */

struct caller {
    struct jeton *handle;
    struct jeton_claims claims;
    enum jeton_status status;
    unsigned calls;
    unsigned again;             /* how often `done` starts the question anew */
};

static enum jeton_status start(struct caller *c, uint64_t number);

static void done(void *context, enum jeton_status status)
{
    struct caller *c = context;

    c->calls++;
    c->status = status;
    if (c->again > 0 && c->again-- > 0 && start(c, 1) == JETON_UNAVAILABLE)
        c->calls += 1000;
}

static enum jeton_status start(struct caller *c, uint64_t number)
{
    char value[33];

    value_numbered(number, value);
    c->claims = (struct jeton_claims)JETON_CLAIMS_INIT;
    return jeton_verify_start(c->handle, value, 32, NULL, NULL, &c->claims, done, c);
}

/* The loop of a host; false: it did not end in time. */
static bool loop(struct jeton *h)
{
    int64_t begun = milliseconds();

    while (jeton_timeout(h) >= 0 && milliseconds() - begun < 3000) {
        struct pollfd p = { .fd = jeton_fd(h), .events = jeton_events(h) };
        assert_true(p.fd >= 0 || jeton_timeout(h) == 0);
        poll(&p, 1, jeton_timeout(h));
        jeton_dispatch(h);
    }
    return jeton_timeout(h) < 0;
}

static void a_question_to_the_table_completes_at_once_and_others_later(void **state)
{
    (void)state;
    put_numbered(1);
    put_numbered(2);
    revoke_numbered(2);
    struct caller c = { .handle = open_with(0) }, many[250];

    assert_int_equal(start(&c, 1), JETON_OK);
    assert_string_equal(c.claims.subject, "alice");
    assert_int_equal(c.calls, 0);
    assert_int_equal(jeton_timeout(c.handle), -1);
    jeton_close(c.handle);
    c.handle = open_with(JETON_NO_TABLE);
    for (int i = 0; i < 250; i++) {
        many[i] = (struct caller){ .handle = c.handle };
        assert_int_equal(start(&many[i], i % 2 ? 1 : 2), JETON_WAITING);
    }
    assert_int_equal(start(&c, 1), JETON_UNAVAILABLE);          /* no more at a time */
    assert_int_equal(fcntl(jeton_fd(c.handle), F_GETFD), FD_CLOEXEC);
    assert_true(loop(c.handle));
    for (int i = 0; i < 250; i++) {
        assert_int_equal(many[i].calls, 1);
        assert_int_equal(many[i].status, i % 2 ? JETON_OK : JETON_REVOKED);
        assert_string_equal(many[i].claims.subject, i % 2 ? "alice" : "");
        assert_int_equal(jeton_source(&many[i].claims), JETON_DAEMON);
    }
    many[0].again = 20;
    assert_int_equal(start(&many[0], 1), JETON_WAITING);
    assert_true(loop(c.handle));
    assert_int_equal(many[0].calls, 22);
    jeton_close(c.handle);
}

static void a_lost_table_is_fetched_without_blocking(void **state)
{
    (void)state;
    put_numbered(1);
    house_kill();
    struct caller c = { .handle = open_with(0) };
    house_open();

    assert_int_equal(start(&c, 1), JETON_WAITING);
    assert_true(loop(c.handle));
    assert_true(c.calls == 1 && c.status == JETON_OK);
    assert_int_equal(start(&c, 1), JETON_OK);
    assert_int_equal(jeton_source(&c.claims), JETON_TABLE);
    jeton_close(c.handle);
}

static void a_cancelled_question_is_not_answered(void **state)
{
    (void)state;
    put_numbered(1);
    struct caller c = { .handle = open_with(JETON_NO_TABLE) }, other = c;

    assert_int_equal(start(&c, 1), JETON_WAITING);
    assert_int_equal(start(&other, 1), JETON_WAITING);
    jeton_cancel(c.handle, &c);
    assert_true(loop(c.handle));
    assert_true(c.calls == 0 && c.claims.source == JETON_NOBODY);
    assert_true(other.calls == 1 && other.status == JETON_OK);
    jeton_close(c.handle);
}

static void a_question_nobody_answers_is_unavailable_in_time(void **state)
{
    (void)state;
    put_numbered(1);
    house.verify_says = "";
    struct caller c = { .handle = open_with(JETON_NO_TABLE) };
    int64_t begun = milliseconds();

    assert_int_equal(jeton_set_timeout(c.handle, 200), 0);
    assert_int_equal(start(&c, 1), JETON_WAITING);
    assert_in_range(jeton_timeout(c.handle), 1, 200);
    assert_true(loop(c.handle));
    assert_in_range(milliseconds() - begun, 190, 3000);
    assert_true(c.calls == 1 && c.status == JETON_UNAVAILABLE);
    assert_int_equal(jeton_fd(c.handle), -1);
    jeton_close(c.handle);
}

static void the_descriptor_of_a_replaced_daemon_has_another_number(void **state)
{
    (void)state;
    put_numbered(1);
    struct caller c = { .handle = open_with(JETON_NO_TABLE) };

    assert_int_equal(jeton_fd(c.handle), -1);
    assert_int_equal(start(&c, 1), JETON_WAITING);
    int fd = jeton_fd(c.handle);
    assert_true(loop(c.handle) && c.status == JETON_OK);
    house_kill();               /* nothing waits: the next question notices */
    assert_int_equal(start(&c, 1), JETON_UNAVAILABLE);
    house_open();
    assert_int_equal(start(&c, 1), JETON_WAITING);
    assert_int_not_equal(jeton_fd(c.handle), fd);
    close(jeton_fd(c.handle));  /* the host should not */
    assert_int_equal(jeton_timeout(c.handle), 0);
    assert_true(loop(c.handle));
    assert_true(c.calls == 2 && c.status == JETON_UNAVAILABLE);
    jeton_close(c.handle);
}

static void what_is_asked_while_a_connection_ends_is_not_lost(void **state)
{
    (void)state;
    put_numbered(1);
    house.hang_ups = 1;
    struct caller c = { .handle = open_with(JETON_NO_TABLE), .again = 1 };

    assert_int_equal(start(&c, 1), JETON_WAITING);
    assert_true(loop(c.handle));
    assert_true(c.calls == 2 && c.status == JETON_OK);
    assert_int_equal(start(&c, 1), JETON_WAITING);
    jeton_close(c.handle);      /* `done` is not called */
    assert_int_equal(c.calls, 2);
}

/* -- the library as it is installed ------------------------------------------------------------ */

static const char *library(void)
{
    static char path[256];
    const char *build = getenv("BUILD");

    snprintf(path, sizeof(path), "%s%s/libjeton.so.0", build != NULL && build[0] == '/' ? "" : "./",
             build != NULL ? build : "build");
    return access(path, R_OK) == 0 ? path : NULL;
}

static void it_exports_what_the_header_declares_and_nothing_else(void **state)
{
    (void)state;
    char command[512], line[256];
    unsigned count = 0;

    if (library() == NULL)
        skip();
    snprintf(command, sizeof(command), "nm -D --defined-only %s", library());
    FILE *out = popen(command, "r");
    while (fgets(line, sizeof(line), out) != NULL) {
        char name[128] = "", kind = '\0';
        assert_int_equal(sscanf(line, "%*s %c %127s", &kind, name), 2);
        name[strcspn(name, "@\n")] = '\0';
        if (kind == 'A')
            continue;           /* the version itself */
        assert_int_equal(strncmp(name, "jeton_", 6), 0);
        snprintf(command, sizeof(command), "grep -q '\\b%s(' plugin/jeton.h", name);
        assert_int_equal(system(command), 0);
        count++;
    }
    pclose(out);
    assert_int_equal(count, 14);
}

static unsigned mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned count = 0;

    for (int c; (c = getc(maps)) != EOF;)
        count += c == '\n';
    fclose(maps);
    return count;
}

static void it_can_be_loaded_and_unloaded_for_ever(void **state)
{
    (void)state;
    unsigned maps = 0, fds = 0;

    if (library() == NULL || SANITIZED)
        skip();
    put_numbered(1);
    for (int i = 0; i < 100; i++) {
        void *so = dlopen(library(), RTLD_NOW | RTLD_LOCAL);
        struct jeton *h;
        assert_non_null(so);
        int (*opens)(struct jeton **, const char *, const char *, unsigned) =
            (int (*)(struct jeton **, const char *, const char *, unsigned))(uintptr_t)
            dlsym(so, "jeton_open");
        void (*closes)(struct jeton *) =
            (void (*)(struct jeton *))(uintptr_t)dlsym(so, "jeton_close");
        assert_int_equal(opens(&h, house.path, NULL, 0), 0);
        closes(h);
        assert_int_equal(dlclose(so), 0);
        assert_null(dlopen(library(), RTLD_NOW | RTLD_NOLOAD));
        pid_t child = i == 50 ? fork() : 1;     /* no handler may be left in what is gone */
        if (child == 0)
            exit(0);
        if (child > 1)
            assert_int_equal(child_status(child), 0);
        usleep(1000);
        if (i == 20)
            maps = mappings(), fds = entries("/proc/self/fd");
    }
    assert_in_range(mappings(), maps - 8, maps + 8);
    assert_in_range(entries("/proc/self/fd"), fds - 4, fds + 4);
}

static int run_example(const char *input, char said[256])
{
    char command[512];

    snprintf(command, sizeof(command), "echo '%s' | %s/example %s deploy", input, house.directory,
             house.path);
    FILE *out = popen(command, "r");
    said[0] = '\0';
    (void)!fgets(said, 256, out);
    return WEXITSTATUS(pclose(out));
}

static void the_example_of_the_manual_compiles_and_runs(void **state)
{
    (void)state;
    static const char compile[] =
        "awk '/^.Sh EXAMPLES/{e=1} e&&/^.Ed/{exit} p{print} e&&/^.Bd/{p=1}' plugin/libjeton.3 |"
        "sed 's/\\\\e/\\\\/g' | ${CC:-cc} -std=c17 -Wall -Wextra -Werror -Iplugin -x c - -x none "
        "%s -Wl,-rpath,$(dirname $(realpath %s)) -o %s/example";
    char command[1024], value[33], said[256];

    if (library() == NULL || SANITIZED)
        skip();
    snprintf(command, sizeof(command), compile, library(), library(), house.directory);
    assert_int_equal(system(command), 0);
    put_numbered(1);
    value_numbered(1, value);
    assert_int_equal(run_example(value, said), 0);
    assert_non_null(strstr(said, "speaks for alice (by the table)"));
    assert_int_equal(run_example("no token", said), 1);
    assert_non_null(strstr(said, "HTTP 401"));
    snprintf(command, sizeof(command), "%s/example", house.directory);
    unlink(command);
}

#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, prepare, tidy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_HOUSE(table_and_daemon_give_the_same_verdicts),
        IN_HOUSE(a_strange_reply_is_never_a_pass),
        cmocka_unit_test(every_status_has_its_word_text_and_http_status),
        IN_HOUSE(wrong_arguments_do_not_open),
        IN_HOUSE(a_revoked_token_is_refused_by_the_very_next_call),
        IN_HOUSE(no_thread_lets_a_revoked_token_pass_while_the_table_grows),
        IN_HOUSE(without_a_lease_the_daemon_is_asked),
        IN_HOUSE(a_miss_goes_to_the_daemon_unless_it_is_final),
        IN_HOUSE(a_refused_table_is_not_asked_for_again_on_that_connection),
        IN_HOUSE(a_table_that_fails_is_asked_for_once_a_second),
        IN_HOUSE(without_a_daemon_it_opens_and_refuses_until_one_comes),
        IN_HOUSE(a_silent_daemon_holds_nobody_beyond_the_timeout),
        IN_HOUSE(a_daemon_that_hangs_up_is_asked_once_more),
        IN_HOUSE(a_child_verifies_on_with_a_connection_of_its_own),
        IN_HOUSE(a_child_of_a_busy_process_is_not_stuck),
        IN_HOUSE(a_host_that_closes_or_reuses_our_descriptors_is_served),
        IN_HOUSE(without_free_descriptors_the_table_answers_on),
        IN_HOUSE(a_verification_by_the_table_makes_no_system_call),
        IN_HOUSE(it_leaves_nothing_behind),
        IN_HOUSE(a_use_is_reported_once_a_minute),
        IN_HOUSE(many_uses_are_reported_in_several_messages),
        IN_HOUSE(closing_reports_and_a_handle_may_decline),
        IN_HOUSE(a_question_to_the_table_completes_at_once_and_others_later),
        IN_HOUSE(a_lost_table_is_fetched_without_blocking),
        IN_HOUSE(a_cancelled_question_is_not_answered),
        IN_HOUSE(a_question_nobody_answers_is_unavailable_in_time),
        IN_HOUSE(the_descriptor_of_a_replaced_daemon_has_another_number),
        IN_HOUSE(what_is_asked_while_a_connection_ends_is_not_lost),
        cmocka_unit_test(it_exports_what_the_header_declares_and_nothing_else),
        IN_HOUSE(it_can_be_loaded_and_unloaded_for_ever),
        IN_HOUSE(the_example_of_the_manual_compiles_and_runs),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
