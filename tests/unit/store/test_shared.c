/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a store that another process has: `jetond --check` beside a daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/support/numbered_tokens.h"

enum { TOKENS = 1000, DEADLINE = 3000 }; /* hundredths of a second */

/* What the two processes tell each other. */
struct shared {
    _Atomic bool written;
    _Atomic bool reading;
    _Atomic bool closed;
};

static void pause_briefly(void)
{
    const struct timespec time = { .tv_nsec = 10 * 1000000 };

    nanosleep(&time, NULL);
}

static bool wait_for(const _Atomic bool *flag)
{
    for (int waited = 0; !atomic_load(flag) && waited < DEADLINE; waited++)
        pause_briefly();
    return atomic_load(flag);
}

/* True if a process waits for a lock of a file. */
static bool waits_for_a_lock(pid_t pid)
{
    char line[256], wanted[32];
    FILE *locks = fopen("/proc/locks", "re");
    bool found = false;

    snprintf(wanted, sizeof(wanted), " %d ", (int)pid);
    while (locks != NULL && !found && fgets(line, sizeof(line), locks) != NULL)
        found = strstr(line, "-> POSIX") != NULL && strstr(line, wanted) != NULL;
    if (locks != NULL)
        fclose(locks);
    return found;
}

/* Read everything while the other process tries to begin a transaction; return an exit status. */
static int read_shared(struct shared *with, pid_t writer)
{
    struct problem problem;
    struct counted shown;
    int waited = 0;

    wait_for(&with->written);
    struct store *s = store_open(path, STORE_READ, &problem);
    if (s == NULL || !store_is_shared(s))
        return 1;
    atomic_store(&with->reading, true);
    while (!waits_for_a_lock(writer) && waited++ < DEADLINE)
        pause_briefly();
    bool good = count_tokens(s, &shown, &problem) && shown.count == TOKENS;
    atomic_store(&with->closed, true);
    store_close(s);
    return !good ? 2 : waited >= DEADLINE ? 3 : 0;
}

static void no_transaction_begins_while_another_process_reads(void **state)
{
    (void)state;
    struct problem problem;
    struct shared *with = mmap(NULL, sizeof(*with), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;

    assert_true(with != MAP_FAILED);
    pid_t child =
        fork(); /* first: TDB refuses to open a file twice in what it takes for a process */
    if (child == 0)
        _exit(read_shared(with, getppid()));
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct journal *j = journal_new(TOKENS);
    assert_non_null(s);
    save(s, j, 1, TOKENS);
    atomic_store(&with->written, true);
    assert_true(wait_for(&with->reading));
    assert_true(store_begin(s));
    assert_true(atomic_load(&with->closed));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    store_abandon(s);
    store_close(s);
    journal_free(j);
    munmap(with, sizeof(*with));
}

static void a_store_that_nobody_has_is_not_shared(void **state)
{
    (void)state;
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);

    assert_non_null(s);
    store_close(s);
    s = store_open(path, STORE_READ, &problem);
    assert_non_null(s);
    assert_false(store_is_shared(s));
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_transaction_begins_while_another_process_reads,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(a_store_that_nobody_has_is_not_shared, make_directory,
                                        remove_directory),
    };

    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
