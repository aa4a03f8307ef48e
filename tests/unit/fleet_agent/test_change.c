/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "plugin/fleet/change.h"
#include "proto/line.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BASE "group=web created=2027-01-15T08:00:00Z"

static char bytes[LINE_MAX_BYTES];

static struct slice slice_or_null(const char *text)
{
    return text != NULL ? slice_of(text) : (struct slice){ NULL, 0 };
}

/* Return the line of a row without its end; NULL: there is none, and *why says why.  Without an event it is of a
 * snapshot. */
static const char *line_of(const char *event, const char *digest, const char *claims,
                           const char **why)
{
    uint8_t raw[DIGEST_SIZE];
    struct change_row row = { slice_of(event), slice_or_null(digest), slice_or_null(claims),
                              event[0] == '\0' };
    if (row.snapshot && hex_parse(row.digest, raw, sizeof(raw)))
        row.digest = (struct slice){ (const char *)raw, sizeof(raw) };
    struct text t = text_in(bytes, sizeof(bytes) - 1);

    if (!change_write(&t, &row, why)) {
        assert_int_equal(t.len, 0);
        assert_non_null(*why);
        return NULL;
    }
    if (t.len > 0)
        assert_int_equal(bytes[--t.len], '\n');
    bytes[t.len] = '\0';
    return bytes;
}

static void assert_line(const char *event, const char *digest, const char *claims,
                        const char *expected)
{
    const char *why, *line = line_of(event, digest, claims, &why);

    assert_non_null(line);
    assert_string_equal(line, expected);
}

static void each_event_has_its_verb(void **state)
{
    (void)state;
    assert_line("create", DIGEST, BASE, "put digest=" DIGEST " " BASE);
    assert_line("import", DIGEST, BASE, "put digest=" DIGEST " " BASE);
    assert_line("update", DIGEST, BASE, "put digest=" DIGEST " " BASE);
    assert_line("rotate", DIGEST, BASE, "put digest=" DIGEST " " BASE);
    assert_line("enable", DIGEST, BASE, "put digest=" DIGEST " " BASE " enables=yes");
    assert_line("revoke", DIGEST, "group=web state=revoked revoked=2027-01-15T08:00:00Z",
                "deny digest=" DIGEST " state=revoked group=web revoked=2027-01-15T08:00:00Z");
    assert_line("disable", DIGEST, "group=web", "deny digest=" DIGEST " state=disabled group=web");
    assert_line("delete", DIGEST, NULL, "drop digest=" DIGEST);
}

static void what_is_not_for_this_host_makes_no_line(void **state)
{
    (void)state;
    assert_line("create", NULL, NULL, "");
    assert_line("whatever", NULL, NULL, "");
}

static void rows_of_a_snapshot_are_puts_or_denials_that_overtook(void **state)
{
    const char *why;

    (void)state;
    assert_line("", DIGEST, "state=active enables=yes " BASE,
                "put digest=" DIGEST
                " group=web state=active created=2027-01-15T08:00:00Z enables=yes");
    assert_line("", DIGEST, "group=web state=revoked",
                "deny digest=" DIGEST " state=revoked group=web");
    assert_null(line_of("", DIGEST, "group=web state=active", &why));
    assert_null(line_of("", DIGEST, "group=web", &why));
    assert_null(line_of("", "too short", BASE, &why));
}

static void values_are_decoded_and_quoted_anew(void **state)
{
    (void)state;
    assert_line("create", DIGEST, BASE "  subject=\"a\\x20b\"   description=\"x\\ny\"",
                "put digest=" DIGEST " " BASE " subject=\"a b\" description=\"x\\ny\"");
}

static void claims_of_a_newer_schema_are_left_out(void **state)
{
    (void)state;
    assert_line("create", DIGEST, BASE " colour=red", "put digest=" DIGEST " " BASE);
}

static void wrong_rows_make_no_line(void **state)
{
    static const char *const claims[] = {
        NULL,
        "",
        "group=web",
        BASE " group=db",
        BASE "\nping",
        BASE " word",
        BASE " state=burnt",
        BASE " expires=soon",
        BASE " replaces=12",
        BASE " by=uid:-1",
        BASE " by=root",
        BASE " subject=\"\xff\"",
        "group=-web created=2027-01-15T08:00:00Z",
        BASE " origin=\"a b\"",
        BASE " scopes=\"a b\"",
        BASE " enables=no",
        BASE " subject=\"x",
        "created=2027-01-15T08:00:00Z",
    };
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
        assert_null(line_of("create", DIGEST, claims[i], &why));
    assert_null(line_of("create", "00", BASE, &why));
    assert_null(line_of("create", DIGEST "00", BASE, &why));
    assert_null(line_of("delete", "", NULL, &why));
    assert_null(line_of("purge", DIGEST, BASE, &why));
    assert_null(line_of("revoke", DIGEST, "state=revoked", &why));
}

/* Whatever claims there are: what is written is one line, of one verb, that parses. */
static void any_claims_make_a_line_that_parses_or_none(void **state)
{
    static const char alphabet[] = "group=webcratedsubjit \"\\\n\t\x01\xc3\xa9:Z-0127";
    char claims[200];
    struct line line;
    const char *why;

    (void)state;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)snprintf(claims, sizeof(claims), "%s",
                                      rand() % 2 ? BASE " subject=" : "");
        for (int more = rand() % 60; more > 0; more--)
            claims[len++] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
        claims[len] = '\0';
        const char *text = line_of(rand() % 2 ? "create" : "revoke", DIGEST, claims, &why);
        if (text == NULL)
            continue;
        assert_null(strchr(text, '\n'));
        assert_int_equal(line_parse(bytes, strlen(bytes), &line, &why), STATUS_OK);
        assert_true(slice_is(line.argument[0].value, "put") ||
                    slice_is(line.argument[0].value, "deny"));
        for (size_t i = 1; i < line.count; i++)
            assert_true(line.argument[i].key.len > 0);
    }
}

static void line_that_does_not_fit_is_none(void **state)
{
    const struct change_row row = { SLICE("create"), SLICE(DIGEST), SLICE(BASE), false };
    struct text t = text_in(bytes, 100);
    const char *why;

    (void)state;
    assert_false(change_write(&t, &row, &why));
    assert_int_equal(t.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_has_its_verb),
        cmocka_unit_test(what_is_not_for_this_host_makes_no_line),
        cmocka_unit_test(rows_of_a_snapshot_are_puts_or_denials_that_overtook),
        cmocka_unit_test(values_are_decoded_and_quoted_anew),
        cmocka_unit_test(claims_of_a_newer_schema_are_left_out),
        cmocka_unit_test(wrong_rows_make_no_line),
        cmocka_unit_test(any_claims_make_a_line_that_parses_or_none),
        cmocka_unit_test(line_that_does_not_fit_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
