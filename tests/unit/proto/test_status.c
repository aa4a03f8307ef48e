/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/request.h"
#include "proto/status.h"

static const char *const kinds[] = { [ANSWER_OK] = "OK", [ANSWER_NO] = "NO", [ANSWER_ERR] = "ERR" };

static char *protocol_text(void)
{
    enum { SIZE = 256 * 1024 };
    FILE *file = fopen("proto/PROTOCOL.md", "r");
    char *text = calloc(1, SIZE);

    assert_non_null(file);
    assert_non_null(text);
    assert_in_range(fread(text, 1, SIZE - 1, file), 1, SIZE - 2);
    fclose(file);
    return text;
}

static void the_protocol_text_has_every_status_as_it_is(void **state)
{
    (void)state;
    char *text = protocol_text(), row[512];

    for (enum status s = 0; s < STATUS_COUNT; s++) {
        const struct status_row *r = status_row(s);
        snprintf(row, sizeof(row), "\n| %s | `%s` | %s | %s | %d | %s |\n", kinds[r->kind], r->word,
                 r->meaning, r->retry ? "yes" : "no", r->http, r->pam);
        if (strstr(text, row) == NULL)
            fail_msg("PROTOCOL.md lacks the row%s", row);
    }
    free(text);
}

static void the_protocol_text_names_every_verb(void **state)
{
    (void)state;
    char *text = protocol_text(), name[32];

    for (enum verb v = 0; v < VERB_COUNT; v++) {
        snprintf(name, sizeof(name), "`%s", verb_row(v)->name);
        if (strstr(text, name) == NULL)
            fail_msg("PROTOCOL.md does not explain %s", name);
    }
    free(text);
}

static void every_word_on_the_wire_is_found_again(void **state)
{
    (void)state;
    for (enum status s = 0; s < STATUS_COUNT; s++)
        assert_int_equal(status_named(status_row(s)->kind, slice_of(status_row(s)->word)), s);
    assert_int_equal(status_named(ANSWER_NO, slice_of("store")), STATUS_COUNT);
}

static void every_status_has_a_row_and_is_found_by_its_word(void **state)
{
    (void)state;
    for (enum status s = 0; s < STATUS_COUNT; s++) {
        const struct status_row *row = status_row(s);
        assert_non_null(row->word);
        assert_non_null(row->pam);
        assert_in_range(row->http, 200, 599);
        assert_int_equal(status_named(row->kind, slice_of(row->word)), s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_protocol_text_has_every_status_as_it_is),
        cmocka_unit_test(the_protocol_text_names_every_verb),
        cmocka_unit_test(every_word_on_the_wire_is_found_again),
        cmocka_unit_test(every_status_has_a_row_and_is_found_by_its_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
