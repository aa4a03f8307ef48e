/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a directory of its own, and tokens by number to put into it. */
#ifndef JETON_TEST_NUMBERED_H
#define JETON_TEST_NUMBERED_H

#include "daemon/store.h"
#include "proto/token.h"
#include "tests/unit/directory.h"

static struct record record_numbered(uint64_t number)
{
    struct record r = { .serial = number, .created = 5, .expires = TIME_NEVER };

    token_digest((struct slice){ (const char *)&number, sizeof(number) }, r.digest);
    return r;
}

static void save(struct store *s, struct journal *j, uint64_t first, uint64_t last)
{
    assert_true(store_begin(s));
    assert_int_equal(journal_begin(j), 0);
    for (uint64_t i = first; i <= last; i++) {
        struct record r = record_numbered(i), back;
        assert_int_equal(store_get(s, r.digest, &back), STORE_ABSENT);
        assert_true(store_put(s, &r));
        struct text entry = journal_entry(j, 5, "create");
        journal_entry_end(j, &entry);
    }
    journal_end(j, last);
    assert_true(store_put_journal(s, j));
    assert_true(store_commit(s));
}

#define WITH_DIRECTORY(test) \
    cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

#endif
