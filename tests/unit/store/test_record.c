/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/store/record.h"

enum { WORDS = 3, TEXTS = 3 };

/* Scopes in their normalised order. */
static const char *const words[WORDS] = { "", "a", "deploy,read,write" };

static const char *(*const set[TEXTS])(struct record *r, struct slice text) = {
    record_set_subject,
    record_set_scopes,
    record_set_description,
};

static struct slice (*const get[TEXTS])(const struct record *r) = {
    record_subject,
    record_scopes,
    record_description,
};

/* Set all texts in all lengths, and then change one after another to another length. */
static void a_text_that_is_set_leaves_the_others_as_they_are(void **state)
{
    (void)state;
    for (int from = 0; from < 27; from++) {
        for (int to = 0; to < 27; to++) {
            const int before[TEXTS] = { from % 3, from / 3 % 3, from / 9 };
            const int after[TEXTS] = { to % 3, to / 3 % 3, to / 9 };
            struct record r;
            record_clear(&r);
            for (int text = TEXTS - 1; text >= 0; text--)
                assert_null(set[text](&r, slice_of(words[before[text]])));
            for (int text = 0; text < TEXTS; text++) {
                assert_null(set[text](&r, slice_of(words[after[text]])));
                for (int each = 0; each < TEXTS; each++)
                    assert_true(slice_is(get[each](&r),
                                         words[(each <= text ? after : before)[each]]));
            }
        }
    }
}

/* Set the longest of each in the order that moves most, and refuse longer ones. */
static void the_longest_texts_fit_together(void **state)
{
    (void)state;
    char subject[SUBJECT_MAX + 1], description[DESCRIPTION_MAX + 1], scopes[SCOPES_TEXT_MAX];
    struct text set_of = text_in(scopes, sizeof(scopes));
    struct record r;

    memset(subject, 's', sizeof(subject));
    memset(description, 'd', sizeof(description));
    for (int i = 0; i < SCOPES_MAX; i++) {
        char word[SCOPE_WORD_MAX];
        memset(word, 'a' + i % 26, sizeof(word));
        word[0] = (char)('a' + i / 26);
        if (i > 0)
            text_addc(&set_of, ',');
        text_add(&set_of, word, sizeof(word));
    }
    assert_int_equal(set_of.len, SCOPES_TEXT_MAX);
    record_clear(&r);
    assert_null(record_set_description(&r, (struct slice){ description, DESCRIPTION_MAX }));
    assert_null(record_set_scopes(&r, text_slice(&set_of)));
    assert_null(record_set_subject(&r, (struct slice){ subject, SUBJECT_MAX }));
    assert_non_null(record_set_subject(&r, (struct slice){ subject, sizeof(subject) }));
    assert_non_null(record_set_description(&r, (struct slice){ description, sizeof(description) }));
    assert_true(slice_equal(record_subject(&r), (struct slice){ subject, SUBJECT_MAX }));
    assert_true(slice_equal(record_scopes(&r), text_slice(&set_of)));
    assert_true(slice_equal(record_description(&r),
                            (struct slice){ description, DESCRIPTION_MAX }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_is_set_leaves_the_others_as_they_are),
        cmocka_unit_test(the_longest_texts_fit_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
