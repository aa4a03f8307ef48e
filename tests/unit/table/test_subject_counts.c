/* SPDX-License-Identifier: Apache-2.0 */
/* The counts of subjects, compared with a count of all tokens one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/table/subject_counts.h"

enum { TOKENS = 400, SUBJECTS = 37, OPERATIONS = 60000 };

struct token {
    bool present;
    unsigned subject;
    int64_t expires;
};

static struct token token[TOKENS], saved[TOKENS];
static struct subject_counts counts;
static struct token_table *table;

static struct slice name_of(unsigned subject)
{
    static char name[16];
    int len = snprintf(name, sizeof(name), subject == 0 ? "" : "subject-%u", subject);

    return (struct slice){ name, (size_t)len };
}

static void begin(void)
{
    srand(7);
    memset(token, 0, sizeof(token));
    memcpy(saved, token, sizeof(saved));
    table = token_table_new("jtn", 16);
    assert_non_null(table);
    assert_true(subject_counts_begin(&counts, table));
}

static void end(void)
{
    subject_counts_free(&counts);
    token_table_free(table);
}

static void assert_counts(int64_t now)
{
    uint64_t expected[SUBJECTS] = { 0 };

    for (size_t i = 0; i < TOKENS; i++)
        if (token[i].present && token[i].expires > now && token[i].subject > 0)
            expected[token[i].subject]++;
    for (unsigned s = 0; s < SUBJECTS; s++)
        assert_int_equal(subject_counts_of(&counts, name_of(s), now), expected[s]);
}

/* Add a token, take it back, or change its subject or its end. */
static void change_one(int64_t now)
{
    struct token *t = &token[rand() % TOKENS];

    assert_true(subject_counts_reserve(&counts));
    if (t->present)
        subject_counts_remove(&counts, name_of(t->subject), t->expires);
    if (!t->present || rand() % 2 == 0) {
        *t = (struct token){ .present = true,
                             .subject = (unsigned)rand() % SUBJECTS,
                             .expires = rand() % 4 == 0 ? TIME_NEVER : now + rand() % 300 - 20 };
        subject_counts_add(&counts, name_of(t->subject), t->expires);
    } else {
        t->present = false;
    }
}

/* Change one that the transaction has not changed, whatever becomes of that. */
static void note_one(int64_t now)
{
    size_t at = (size_t)rand() % TOKENS;
    struct token *t = &token[at];

    if (memcmp(t, &saved[at], sizeof(*t)) != 0)
        return;
    assert_true(subject_counts_reserve(&counts));
    if (!t->present) {
        t->subject = (unsigned)rand() % SUBJECTS;
        t->expires = rand() % 4 == 0 ? TIME_NEVER : now + rand() % 300 - 20;
    }
    t->present = !t->present;
    subject_counts_note(&counts, name_of(t->subject), t->expires, t->present);
    saved[at] = *t;
}

static void counts_are_those_of_all_tokens_whatever_becomes_of_a_transaction(void **state)
{
    (void)state;
    int64_t now = 1000;

    begin();
    for (int i = 0; i < OPERATIONS; i++) {
        change_one(now);
        if (rand() % 3 == 0)
            note_one(now);
        if (rand() % 20 == 0)
            assert_counts(now);
        if (rand() % 10 == 0 && rand() % 3 == 0) {
            subject_counts_undo(&counts);
            memcpy(token, saved, sizeof(token));
        } else if (rand() % 10 == 0) {
            subject_counts_keep(&counts);
            memcpy(saved, token, sizeof(saved));
        }
        now += rand() % 30 == 0 ? rand() % 40 : 0;
    }
    subject_counts_keep(&counts);
    assert_counts(now);
    assert_counts(now + 300);
    end();
}

/* Tokens that are made and revoked all the time, long before their ends, leave nothing behind. */
static void memory_is_bounded_by_the_tokens_there_are(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 300000; i++) {
        char name[16];
        struct slice subject = { name, (size_t)snprintf(name, sizeof(name), "s%d", i) };
        assert_true(subject_counts_reserve(&counts));
        subject_counts_add(&counts, subject, 1000000 + i % 1000);
        subject_counts_remove(&counts, subject, 1000000 + i % 1000);
        subject_counts_keep(&counts);
    }
    assert_in_range(counts.ends.capacity, 1, 8192);
    assert_in_range(counts.gone.capacity, 1, 8192);
    assert_int_equal(counts.used, 0);
    assert_in_range(counts.mask, 1, 8192);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_all_tokens_whatever_becomes_of_a_transaction),
        cmocka_unit_test(memory_is_bounded_by_the_tokens_there_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
