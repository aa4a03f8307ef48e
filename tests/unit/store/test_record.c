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

static void what_was_shortened_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const int64_t ends[] = { 0, 5000, TIME_NEVER };
    struct record r = { .created = 5, .expires = 1000 }, back;
    char bytes[RECORD_LINE_MAX];

    memset(r.digest, 0xab, sizeof(r.digest));
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct text line = text_in(bytes, sizeof(bytes));
        r.own_end = ends[i];
        r.rotated = i == 1 ? 7 : 0;
        r.has_signed = i == 2;
        memset(r.signed_part, i == 2 ? 0xcd : 0, sizeof(r.signed_part));
        record_write(&line, &r);
        assert_null(record_parse(&back, r.digest, text_slice(&line)));
        assert_int_equal(back.own_end, ends[i]);
        assert_int_equal(record_own_end(&back), ends[i] > 1000 ? ends[i] : 1000);
        assert_int_equal(back.rotated, r.rotated);
        assert_int_equal(back.has_signed, r.has_signed);
        assert_memory_equal(back.signed_part, r.signed_part, DIGEST_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_is_set_leaves_the_others_as_they_are),
        cmocka_unit_test(the_longest_texts_fit_together),
        cmocka_unit_test(what_was_shortened_is_read_as_it_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
