/* SPDX-License-Identifier: Apache-2.0 */
/* Set up the template of a store for its lives on a faulty disk: with or without free space, or a log. */
#ifndef JETON_TEST_STORE_SETUP_H
#define JETON_TEST_STORE_SETUP_H

#include "tests/unit/support/store_lifecycle.h"
#include "tests/unit/support/temporary.h"

/* Make a store with a short hash table, which is quick to copy, and run the first batch. */
static int make_template(bool tight)
{
    TDB_DATA key = { (unsigned char *)"jeton", 5 }, value = { (unsigned char *)"v=1 x", 5 };
    enum status answer[STEPS_MAX];

    if (!make_temporary(directory, sizeof(directory)) || mailbox_init(&replies) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/t.tdb", directory);
    snprintf(other_path, sizeof(other_path), "%s/other.tdb", directory);
    snprintf(template_path, sizeof(template_path), "%s/template.tdb", directory);
    snprintf(log_path, sizeof(log_path), "%s.wal", path);
    snprintf(other_log, sizeof(other_log), "%s.wal", other_path);
    snprintf(template_log, sizeof(template_log), "%s.wal", template_path);
    disk_simulate(NULL);
    struct tdb_context *tdb = tdb_open(template_path, 131, TDB_NOMMAP | TDB_INCOMPATIBLE_HASH,
                                       O_RDWR | O_CREAT, 0600);
    bool made = tdb != NULL && tdb_store(tdb, key, value, TDB_INSERT) == 0 && leave_free_space(tdb);
    if (!made || tdb_close(tdb) != 0 || !start(template_path))
        return -1;
    run(batches[0], answer);
    stop();
    return !tight || use_up_space(template_path) ? 0 : -1;
}

/* Make a log for the template, with segments of four blocks each. */
static int make_log(uint32_t segments)
{
    const struct wal_shape shape = { segments, 4 * WAL_BLOCK };
    struct wal *w = wal_open(template_path, WAL_WRITE, &problem);
    bool made = w != NULL && wal_begin(w, "a000000000000000", 1, &shape, &problem);

    wal_close(w);
    return made ? 0 : -1;
}

static inline int make_with_space(void **state)
{
    (void)state;
    with_log = false;
    return make_template(false);
}

static int make_with_log(void **state)
{
    (void)state;
    with_log = with_thread = false;
    int made = make_template(false);
    with_log = true;
    return made == 0 ? make_log(3) : made;
}

static inline int make_with_thread(void **state)
{
    int made = make_with_log(state);

    with_thread = true;
    return made == 0 ? make_log(16) : made; /* enough for a life */
}

static inline int make_without_space(void **state)
{
    (void)state;
    with_log = false;
    return make_template(true);
}

/* End a child in which an assertion failed, before it goes on with the next test. */
static int remove_directory(void **state)
{
    (void)state;
    char command[128];

    if (getpid() != runner)
        _exit(1);
    mailbox_destroy(&replies);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

#define WITH_SPACE(test) cmocka_unit_test_setup_teardown(test, make_with_space, remove_directory)
#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, make_with_log, remove_directory)
#define WITH_THREAD(test) cmocka_unit_test_setup_teardown(test, make_with_thread, remove_directory)
#define WITHOUT_SPACE(test) \
    cmocka_unit_test_setup_teardown(test, make_without_space, remove_directory)

/* Prepare a test program, whose argument may be the name of one test. */
static bool prepare(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    runner = getpid();
    signal(SIGXFSZ, SIG_IGN);
    log_set_level((enum log_level)0); /* many failures are expected */
    return sodium_init() >= 0;
}

#endif
