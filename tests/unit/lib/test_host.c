/* SPDX-License-Identifier: Apache-2.0 */
/* libjeton: nobody answers, and what a host may do to it. */
#include "tests/unit/support/fake_daemon.h"

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
    assert_int_equal(ask(h, 1), JETON_OK); /* the old connection is dead: that is not told */
    house.hang_ups = 1000;
    house.connections = 0;
    assert_int_equal(ask(h, 1), JETON_UNAVAILABLE);
    assert_in_range(house.connections, 1, 2);
    jeton_close(h);
}

/* -- the host ---------------------------------------------------------------------------------- */

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
        well = well && entries("/proc/self/fd") == fds - 2; /* those inherited are closed */
        _exit(well ? 0 : 1);
    }
    assert_int_equal(child_status(child), 0);
    assert_int_equal(house.connections, before + 1);
    assert_int_equal(ask(other, 1), JETON_OK);
    assert_int_equal(house.connections, before + 1);
    jeton_close(h);
    jeton_close(other);
}

struct crowd {
    struct jeton *handle;
    _Atomic uint64_t put;     /* tokens below this are there */
    _Atomic uint64_t revoked; /* tokens below this are revoked, and that was acknowledged */
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
            token_table_renew(house.token_table);
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

    if (child == 0) { /* where only the library's connections are open */
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
    if (child == 0) { /* its connections are not inherited, and it can make none */
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
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0) /* any other call kills */
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
    usleep(100000); /* the house closes its ends too */
    assert_in_range(entries("/proc/self/fd"), fds - 3, fds);
    assert_true(entries("/proc/self/task") <= threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_HOUSE(without_a_daemon_it_opens_and_refuses_until_one_comes),
        IN_HOUSE(a_silent_daemon_holds_nobody_beyond_the_timeout),
        IN_HOUSE(a_daemon_that_hangs_up_is_asked_once_more),
        IN_HOUSE(a_child_verifies_on_with_a_connection_of_its_own),
        IN_HOUSE(no_thread_lets_a_revoked_token_pass_while_the_table_grows),
        IN_HOUSE(a_child_of_a_busy_process_is_not_stuck),
        IN_HOUSE(a_host_that_closes_or_reuses_our_descriptors_is_served),
        IN_HOUSE(without_free_descriptors_the_table_answers_on),
        IN_HOUSE(a_verification_by_the_table_makes_no_system_call),
        IN_HOUSE(it_leaves_nothing_behind),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
