/* SPDX-License-Identifier: Apache-2.0 */
/* libjeton: without a daemon, and with a host that interferes. */
#include "tests/unit/support/fake_daemon.h"

/* -- nobody answers --------------------------------------------------------------------------- */

static void without_a_daemon_it_opens_and_refuses_until_one_comes(void **state)
{
    (void)state;
    put_token(1);
    fake_daemon_kill();
    struct jeton *h = open_with(0);

    assert_int_equal(verify(h, 1), JETON_UNAVAILABLE);
    fake_daemon_start();
    assert_int_equal(verify(h, 1), JETON_OK);
    jeton_close(h);
}

static void *verify_once(void *handle)
{
    int64_t begun = milliseconds();
    struct jeton_claims c = JETON_CLAIMS_INIT;
    char value[33];

    value_numbered(1, value);
    enum jeton_status status = jeton_verify(handle, value, 32, NULL, NULL, &c);
    int64_t took = milliseconds() - begun;
    return (void *)(uintptr_t)(status == JETON_UNAVAILABLE && took >= 190 && took < PATIENCE);
}

static void a_silent_daemon_holds_nobody_beyond_the_timeout(void **state)
{
    (void)state;
    pthread_t thread[12];
    void *ok;

    put_token(1);
    fake.verify_reply = fake.table_reply = "";
    struct jeton *h = open_with(JETON_NO_TABLE);
    assert_int_equal(jeton_set_timeout(h, 200), 0);
    for (int i = 0; i < 12; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, verify_once, h), 0);
    for (int i = 0; i < 12; i++) {
        pthread_join(thread[i], &ok);
        assert_non_null(ok);
    }
    fake.verify_reply = fake.table_reply = NULL;
    assert_int_equal(jeton_set_timeout(h, PATIENCE), 0);
    assert_int_equal(verify(h, 1), JETON_OK);
    jeton_close(h);
}

static void a_daemon_that_hangs_up_is_asked_once_more(void **state)
{
    (void)state;
    put_token(1);
    struct jeton *h = open_with(JETON_NO_TABLE);

    assert_int_equal(verify(h, 1), JETON_OK);
    fake_daemon_kill();
    fake_daemon_start();
    assert_int_equal(verify(h, 1),
                     JETON_OK); /* the old connection is dead: the caller does not notice */
    fake.hang_ups = 1000;
    fake.connections = 0;
    assert_int_equal(verify(h, 1), JETON_UNAVAILABLE);
    assert_in_range(fake.connections, 1, 2);
    jeton_close(h);
}

/* -- the host --------------------------------------------------------------------------------- */

static void a_child_verifies_on_with_a_connection_of_its_own(void **state)
{
    (void)state;
    put_token(1);
    struct jeton *h = open_with(0), *other = open_with(JETON_NO_TABLE);

    assert_int_equal(verify(h, 1), JETON_OK);
    assert_int_equal(verify(other, 1), JETON_OK);
    unsigned before = fake.connections;
    pid_t child = fork();
    if (child == 0) {
        unsigned fds = count_entries("/proc/self/fd");
        bool ok = verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE;
        ok = ok && verify(other, 1) == JETON_OK && jeton_source(&claims) == JETON_DAEMON;
        jeton_close(h);
        jeton_close(other);
        ok = ok && count_entries("/proc/self/fd") == fds - 2; /* the inherited ones are closed */
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(child_status(child), 0);
    assert_int_equal(fake.connections, before + 1);
    assert_int_equal(verify(other, 1), JETON_OK);
    assert_int_equal(fake.connections, before + 1);
    jeton_close(h);
    jeton_close(other);
}

struct crowd {
    struct jeton *handle;
    _Atomic uint64_t put;     /* tokens below this exist */
    _Atomic uint64_t revoked; /* tokens below this are revoked, and that was acknowledged */
    atomic_bool stop;
    atomic_uint wrong;
    _Atomic uint64_t asked;
};

static void *verify_repeatedly(void *argument)
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

/* Wait until so many more questions were answered: the system may let one thread run long before
 * the others. */
static void wait_for_questions(struct crowd *crowd, uint64_t more)
{
    uint64_t until = crowd->asked + more;

    for (time_t last = time(NULL) + 60; crowd->asked < until; sched_yield())
        assert_true(time(NULL) <= last);
}

static void no_thread_lets_a_revoked_token_pass_while_the_table_grows(void **state)
{
    (void)state;
    struct crowd crowd = { .handle = open_with(0) };
    pthread_t thread[4];

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, verify_repeatedly, &crowd), 0);
    for (uint64_t i = 0; i < 20000; i++) {
        put_token(i);
        atomic_store(&crowd.put, i + 1);
        if (i >= 10) {
            revoke_token(i - 10);
            atomic_store(&crowd.revoked, i - 9);
        }
        if (i % 100 == 0)
            token_table_renew_lease(fake.token_table);
        if (i % 2000 == 0)
            wait_for_questions(&crowd, 100);
    }
    atomic_store(&crowd.stop, true);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(crowd.wrong, 0);
    assert_true(crowd.asked > 1000);
    jeton_close(crowd.handle);
}

static void a_child_of_a_busy_process_is_not_stuck(void **state)
{
    (void)state;
    struct crowd crowd = { .handle = open_with(JETON_NO_TABLE), .put = 1 };
    pthread_t thread[4];

    put_token(0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, verify_repeatedly, &crowd), 0);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(verify(crowd.handle, 0) == JETON_OK && verify(crowd.handle, 0) == JETON_OK ? 0 :
                                                                                               1);
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
    put_token(1);
    struct jeton *h = open_with(JETON_NO_TABLE);
    pid_t child = fork();

    if (child == 0) { /* only the library's connections are open here */
        bool ok = verify(h, 1) == JETON_OK;
        for (int fd = 3; fd < 100; fd++)
            close(fd);
        ok = ok && verify(h, 1) == JETON_OK;
        int file = open("/dev/null", O_RDWR);
        for (int fd = 3; fd < 100; fd++)
            dup2(file, fd);
        fstat(4, &before);
        ok = ok && verify(h, 1) == JETON_OK;
        jeton_close(h);
        for (int fd = 3; fd < 100; fd++)
            ok = ok && fstat(fd, &after) == 0 && after.st_ino == before.st_ino;
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(child_status(child), 0);
    assert_int_equal(verify(h, 1), JETON_OK);
    jeton_close(h);
}

static void without_free_descriptors_the_table_answers_on(void **state)
{
    (void)state;
    struct rlimit old, none;
    put_token(1);
    struct jeton *h = open_with(0), *other = open_with(JETON_NO_TABLE);

    assert_int_equal(verify(h, 1), JETON_OK);
    pid_t child = fork();
    if (child == 0) { /* its connections are not inherited, and it can make none */
        getrlimit(RLIMIT_NOFILE, &old);
        none = (struct rlimit){ 0, old.rlim_max };
        setrlimit(RLIMIT_NOFILE, &none);
        bool ok = verify(h, 1) == JETON_OK && jeton_source(&claims) == JETON_TABLE;
        ok = ok && verify(other, 1) == JETON_UNAVAILABLE;
        setrlimit(RLIMIT_NOFILE, &old);
        _exit(ok && verify(other, 1) == JETON_OK ? 0 : 1);
    }
    assert_int_equal(child_status(child), 0);
    jeton_close(h);
    jeton_close(other);
}

static void a_verification_by_the_table_makes_no_system_call(void **state)
{
    (void)state;
    if (JETON_SANITIZED)
        skip();
    put_token(1);
    put_token(2);
    revoke_token(2);
    struct jeton *h = open_with(0);
    pid_t child = fork();

    if (child == 0) {
        bool ok = true;
        verify(h, 1);
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0) /* any other call kills */
            for (int i = 0; i < 20000; i++)
                ok = ok && verify(h, 1) == JETON_OK && verify(h, 2) == JETON_REVOKED &&
                     verify(h, 99) == JETON_UNKNOWN;
        syscall(SYS_exit, ok ? 0 : 1);
    }
    assert_int_equal(child_status(child), 0);
    jeton_close(h);
}

static void it_leaves_nothing_behind(void **state)
{
    (void)state;
    put_token(1);
    jeton_close(open_with(0));
    unsigned fds = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");

    for (int i = 0; i < 50; i++) {
        struct jeton *h = open_with(i % 2 ? JETON_NO_TABLE : 0);
        assert_int_equal(verify(h, 1), JETON_OK);
        jeton_close(h);
        await_no_clients();
    }
    assert_in_range(count_entries("/proc/self/fd"), fds - 3, fds);
    int64_t end = milliseconds() + PATIENCE;
    while (count_entries("/proc/self/task") > threads && milliseconds() < end)
        usleep(1000); /* the fake daemon's last thread ends by itself */
    assert_true(count_entries("/proc/self/task") <= threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FAKE_DAEMON(without_a_daemon_it_opens_and_refuses_until_one_comes),
        WITH_FAKE_DAEMON(a_silent_daemon_holds_nobody_beyond_the_timeout),
        WITH_FAKE_DAEMON(a_daemon_that_hangs_up_is_asked_once_more),
        WITH_FAKE_DAEMON(a_child_verifies_on_with_a_connection_of_its_own),
        WITH_FAKE_DAEMON(no_thread_lets_a_revoked_token_pass_while_the_table_grows),
        WITH_FAKE_DAEMON(a_child_of_a_busy_process_is_not_stuck),
        WITH_FAKE_DAEMON(a_host_that_closes_or_reuses_our_descriptors_is_served),
        WITH_FAKE_DAEMON(without_free_descriptors_the_table_answers_on),
        WITH_FAKE_DAEMON(a_verification_by_the_table_makes_no_system_call),
        WITH_FAKE_DAEMON(it_leaves_nothing_behind),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
