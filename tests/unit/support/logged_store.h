/* SPDX-License-Identifier: Apache-2.0 */
/* Open a store with its journal, and with a log of log_size bytes. */
#ifndef JETON_TEST_LOGGED_STORE_H
#define JETON_TEST_LOGGED_STORE_H

#include "daemon/store/store.h"
#include "daemon/store/store_saving.h"
#include "tests/unit/support/directory.h"

static struct problem problem;
static struct journal *journal;
static uint64_t log_size = 4 << 20;

static struct store *open_store(void)
{
    struct store *s = store_open(path, STORE_WRITE, &problem);

    if (s == NULL)
        fail_msg("%s", problem.message);
    journal = journal_new(1000);
    assert_true(store_load_journal(s, journal, &problem));
    return s;
}

static struct store *open_logged(void)
{
    struct store *s = open_store();

    assert_true(store_use_log(s, log_size, &problem));
    assert_true(store_saving(s).next > 0);
    return s;
}

static void close_store(struct store *s)
{
    store_close(s);
    journal_free(journal);
}

#endif
