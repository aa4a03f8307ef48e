/* SPDX-License-Identifier: Apache-2.0 */
/* Make numbered tokens, and save them in a store. */
#ifndef JETON_TEST_NUMBERED_TOKENS_H
#define JETON_TEST_NUMBERED_TOKENS_H

#include "daemon/store/store.h"
#include "proto/token.h"
#include "tests/unit/support/directory.h"

static struct record record_numbered(uint64_t number)
{
    struct record r = { .serial = number, .created = 5, .expires = TIME_NEVER };

    token_digest((struct slice){ (const char *)&number, sizeof(number) }, r.digest);
    return r;
}

static bool note_create(struct journal *j)
{
    struct text entry = journal_entry(j, 5, "create");

    return journal_entry_end(j, &entry);
}

static void save(struct store *s, struct journal *j, uint64_t first, uint64_t last)
{
    assert_true(store_begin(s));
    assert_int_equal(journal_begin(j), 0);
    for (uint64_t i = first; i <= last; i++) {
        struct record r = record_numbered(i), back;
        assert_int_equal(store_get(s, r.digest, &back), STORE_ABSENT);
        assert_true(store_put(s, &r));
        if (note_create(j))
            continue;
        journal_end(j, i - 1);
        assert_true(store_put_journal(s, j) && journal_next_block(j) == 0 && note_create(j));
    }
    journal_end(j, last);
    assert_true(store_put_journal(s, j));
    assert_true(store_commit(s));
}

/* What count_tokens() has counted. */
struct counted {
    struct record_visitor visitor;
    struct record record;
    uint64_t count;
    uint64_t sum; /* of their serials */
};

static bool count_one(struct record_visitor *visitor)
{
    struct counted *c = (struct counted *)visitor;

    c->count++;
    c->sum += c->record.serial;
    return true;
}

/* Read and count all tokens; false if that failed. */
static inline bool count_tokens(struct store *s, struct counted *c, struct problem *why)
{
    *c = (struct counted){ .visitor = { .record = &c->record, .visit = count_one } };
    return store_load_tokens(s, &c->visitor, why);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

#endif
