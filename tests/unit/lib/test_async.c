/* SPDX-License-Identifier: Apache-2.0 */
/* libjeton: reports, questions that do not block, and the library as it is installed. */
#include "tests/unit/support/fake_daemon.h"

/* -- reports ---------------------------------------------------------------------------------- */

static unsigned uses_after(unsigned expected)
{
    unsigned uses = 0;

    for (int i = 0; i < PATIENCE / 10; i++) {
        pthread_mutex_lock(&fake.mutex);
        uses = fake.used_count;
        pthread_mutex_unlock(&fake.mutex);
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
    put_token(1);
    put_token(2);
    revoke_token(2);
    struct jeton *h = open_with(0);
    fake_clock_offset = 60 - time(NULL) % 60; /* a minute begins */
    for (int i = 0; i < 1000; i++) {
        verify(h, 1);
        verify(h, 2);
    }
    assert_int_equal(uses_after(0), 0);
    fake_clock_offset += 61;
    for (int i = 0; i < 1000; i++)
        verify(h, 1);
    assert_int_equal(uses_after(1), 1);
    assert_string_equal(fake.used[0], id);
    fake_clock_offset += 30;
    for (int i = 0; i < 1000; i++)
        verify(h, 1);
    assert_int_equal(uses_after(1), 1);
    fake_clock_offset += 61;
    for (int i = 0; i < 1000; i++)
        verify(h, 1);
    assert_int_equal(uses_after(2), 2);
    fake_clock_offset -= 86400; /* the clock is set back */
    for (int i = 0; i < 1000; i++)
        verify(h, 1);
    assert_int_equal(uses_after(3), 3);
    jeton_close(h);
}

static void many_uses_are_reported_in_several_messages(void **state)
{
    (void)state;
    struct jeton *h = open_with(0);

    for (uint64_t i = 1; i <= 300; i++) {
        put_token(i);
        assert_int_equal(verify(h, i), JETON_OK);
    }
    for (unsigned i = 0; i < 4; i++) {
        fake_clock_offset += 61;
        verify(h, 1);
        uses_after(i < 2 ? 128 * (i + 1) : 300);
    }
    assert_in_range(uses_after(300), 290, 306);
    jeton_close(h);
}

static void closing_reports_and_a_handle_may_decline(void **state)
{
    (void)state;
    put_token(1);
    struct jeton *h = open_with(JETON_NO_REPORTS);

    assert_int_equal(verify(h, 1), JETON_OK);
    jeton_close(h);
    assert_int_equal(uses_after(0), 0);
    h = open_with(0);
    assert_int_equal(verify(h, 1), JETON_OK);
    jeton_close(h);
    assert_int_equal(uses_after(1), 1);
}

/* -- without blocking ------------------------------------------------------------------------- */

struct caller {
    struct jeton *handle;
    struct jeton_claims claims;
    enum jeton_status status;
    unsigned calls;
    unsigned again; /* how often `done` asks the question again */
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

/* Run the event loop of a host until no question waits; false: it did not end in time. */
static bool loop(struct jeton *h)
{
    int64_t begun = milliseconds();

    while (jeton_timeout(h) >= 0 && milliseconds() - begun < PATIENCE) {
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
    put_token(1);
    put_token(2);
    revoke_token(2);
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
    assert_int_equal(start(&c, 1), JETON_UNAVAILABLE); /* no more at a time */
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
    put_token(1);
    fake_daemon_kill();
    struct caller c = { .handle = open_with(0) };
    fake_daemon_start();

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
    put_token(1);
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
    put_token(1);
    fake.verify_reply = "";
    struct caller c = { .handle = open_with(JETON_NO_TABLE) };
    int64_t begun = milliseconds();

    assert_int_equal(jeton_set_timeout(c.handle, 200), 0);
    assert_int_equal(start(&c, 1), JETON_WAITING);
    assert_in_range(jeton_timeout(c.handle), 0, 200);
    assert_true(loop(c.handle));
    assert_true(milliseconds() - begun >= 190);
    assert_true(c.calls == 1 && c.status == JETON_UNAVAILABLE);
    assert_int_equal(jeton_fd(c.handle), -1);
    jeton_close(c.handle);
}

static void the_descriptor_of_a_replaced_daemon_has_another_number(void **state)
{
    (void)state;
    put_token(1);
    struct caller c = { .handle = open_with(JETON_NO_TABLE) };

    assert_int_equal(jeton_fd(c.handle), -1);
    assert_int_equal(start(&c, 1), JETON_WAITING);
    int fd = jeton_fd(c.handle);
    assert_true(loop(c.handle) && c.status == JETON_OK);
    fake_daemon_kill(); /* nothing waits: the next question notices that */
    assert_int_equal(start(&c, 1), JETON_UNAVAILABLE);
    fake_daemon_start();
    assert_int_equal(start(&c, 1), JETON_WAITING);
    assert_int_not_equal(jeton_fd(c.handle), fd);
    close(jeton_fd(c.handle)); /* what a host should not do */
    assert_int_equal(jeton_timeout(c.handle), 0);
    assert_true(loop(c.handle));
    assert_true(c.calls == 2 && c.status == JETON_UNAVAILABLE);
    jeton_close(c.handle);
}

static void what_is_asked_while_a_connection_ends_is_not_lost(void **state)
{
    (void)state;
    put_token(1);
    fake.hang_ups = 1;
    struct caller c = { .handle = open_with(JETON_NO_TABLE), .again = 1 };

    assert_int_equal(start(&c, 1), JETON_WAITING);
    int fd = jeton_fd(c.handle);
    while (c.calls == 0)
        jeton_dispatch(c.handle);
    assert_int_not_equal(jeton_fd(c.handle), fd); /* the host would not poll the new one */
    assert_true(loop(c.handle));
    assert_true(c.calls == 2 && c.status == JETON_OK);
    assert_int_equal(start(&c, 1), JETON_WAITING);
    jeton_close(c.handle); /* `done` is not called */
    assert_int_equal(c.calls, 2);
}

/* -- the library as it is installed ----------------------------------------------------------- */

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
            continue; /* of the version itself */
        assert_int_equal(strncmp(name, "jeton_", 6), 0);
        snprintf(command, sizeof(command), "grep -q '\\b%s(' plugin/lib/jeton.h", name);
        assert_int_equal(system(command), 0);
        count++;
    }
    pclose(out);
    assert_int_equal(count, 15);
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

    if (library() == NULL || JETON_SANITIZED)
        skip();
    put_token(1);
    for (int i = 0; i < 100; i++) {
        void *so = dlopen(library(), RTLD_NOW | RTLD_LOCAL);
        struct jeton *h;
        assert_non_null(so);
        int (*opens)(struct jeton **, const char *, const char *,
                     unsigned) = (int (*)(struct jeton **, const char *, const char *,
                                          unsigned))(uintptr_t)dlsym(so, "jeton_open");
        void (*closes)(struct jeton *) = (void (*)(struct jeton *))(uintptr_t)dlsym(so,
                                                                                    "jeton_close");
        assert_int_equal(opens(&h, fake.path, NULL, 0), 0);
        closes(h);
        assert_int_equal(dlclose(so), 0);
        assert_null(dlopen(library(), RTLD_NOW | RTLD_NOLOAD));
        pid_t child = i == 50 ? fork() : 1; /* the unloaded library may leave no handler */
        if (child == 0)
            exit(0);
        if (child > 1)
            assert_int_equal(child_status(child), 0);
        await_no_clients();
        if (i == 20)
            maps = mappings(), fds = count_entries("/proc/self/fd");
    }
    assert_in_range(mappings(), maps - 8, maps + 8);
    assert_in_range(count_entries("/proc/self/fd"), fds - 4, fds + 4);
}

static int run_example(const char *input, char output[256])
{
    char command[512];

    snprintf(command, sizeof(command), "echo '%s' | %s/example %s deploy", input, fake.directory,
             fake.path);
    FILE *out = popen(command, "r");
    output[0] = '\0';
    (void)!fgets(output, 256, out);
    return WEXITSTATUS(pclose(out));
}

static void the_example_of_the_manual_compiles_and_runs(void **state)
{
    (void)state;
    static const char compile[] =
        "awk '/^.Sh EXAMPLES/{e=1} e&&/^.Ed/{exit} p{print} e&&/^.Bd/{p=1}' plugin/lib/libjeton.3 |"
        "sed 's/\\\\e/\\\\/g' | ${CC:-cc} -std=c17 -Wall -Wextra -Werror -Iplugin/lib -x c - -x none "
        "%s -Wl,-rpath,$(dirname $(realpath %s)) -o %s/example";
    char command[1024], value[33], output[256];

    if (library() == NULL || JETON_SANITIZED)
        skip();
    snprintf(command, sizeof(command), compile, library(), library(), fake.directory);
    assert_int_equal(system(command), 0);
    put_token(1);
    value_numbered(1, value);
    assert_int_equal(run_example(value, output), 0);
    assert_non_null(strstr(output, "speaks for alice (by the table)"));
    assert_int_equal(run_example("no token", output), 1);
    assert_non_null(strstr(output, "HTTP 401"));
    snprintf(command, sizeof(command), "%s/example", fake.directory);
    unlink(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FAKE_DAEMON(a_use_is_reported_once_a_minute),
        WITH_FAKE_DAEMON(many_uses_are_reported_in_several_messages),
        WITH_FAKE_DAEMON(closing_reports_and_a_handle_may_decline),
        WITH_FAKE_DAEMON(a_question_to_the_table_completes_at_once_and_others_later),
        WITH_FAKE_DAEMON(a_lost_table_is_fetched_without_blocking),
        WITH_FAKE_DAEMON(a_cancelled_question_is_not_answered),
        WITH_FAKE_DAEMON(a_question_nobody_answers_is_unavailable_in_time),
        WITH_FAKE_DAEMON(the_descriptor_of_a_replaced_daemon_has_another_number),
        WITH_FAKE_DAEMON(what_is_asked_while_a_connection_ends_is_not_lost),
        cmocka_unit_test(it_exports_what_the_header_declares_and_nothing_else),
        WITH_FAKE_DAEMON(it_can_be_loaded_and_unloaded_for_ever),
        WITH_FAKE_DAEMON(the_example_of_the_manual_compiles_and_runs),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
