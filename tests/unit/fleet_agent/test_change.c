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

static char bytes[CHANGE_DIGESTS_MAX * 200];
static uint8_t digests[(CHANGE_DIGESTS_MAX + 1) * DIGEST_SIZE];

static struct slice slice_or_null(const char *text)
{
    return text != NULL ? slice_of(text) : (struct slice){ NULL, 0 };
}

/* Bytes of hex digits. */
static struct slice digest_of(const char *hex)
{
    const size_t len = hex != NULL ? strlen(hex) / 2 : 0;

    assert_true(hex == NULL || hex_parse(slice_of(hex), digests, len));
    return (struct slice){ hex != NULL ? (const char *)digests : NULL, len };
}

static bool lines_of(const struct change_row *row, const char **why)
{
    struct text t = text_in(bytes, sizeof(bytes) - 1);
    struct change change;

    if (!change_read(&change, row, why)) {
        assert_int_equal(change.count, 0);
        assert_non_null(*why);
        return false;
    }
    change_write(&change, &t);
    assert_false(t.cut);
    assert_int_equal(t.len, change_size(&change));
    bytes[t.len] = '\0';
    return true;
}

/* Return the line of a row without its end; NULL: there is none, and *why says why.  Without an event it is of a
 * snapshot. */
static const char *line_of(const char *event, const char *digest, const char *claims,
                           const char **why)
{
    const struct change_row row = { slice_of(event), digest_of(digest), slice_or_null(claims),
                                    event[0] == '\0' };

    if (!lines_of(&row, why))
        return NULL;
    const size_t len = strlen(bytes);
    assert_true(len == 0 || bytes[len - 1] == '\n');
    if (len > 0)
        bytes[len - 1] = '\0';
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
    assert_null(line_of("", "00", BASE, &why));
    assert_null(line_of("", NULL, BASE, &why));
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

/* Written anew, a value may be four times as long as it came. */
static void longest_values_make_a_line_that_fits(void **state)
{
    static char claims[LINE_MAX_BYTES];
    struct text t = text_in(claims, sizeof(claims) - 1);
    const char *why;

    (void)state;
    text_adds(&t, BASE " description=\"");
    for (int i = 0; i < DESCRIPTION_MAX / 2; i++)
        text_adds(&t, "\xc2\x85");
    text_adds(&t, "\" subject=\"");
    for (int i = 0; i < SUBJECT_MAX / 2; i++)
        text_adds(&t, "\xc2\x85");
    text_adds(&t, "\" scopes=");
    for (int i = 0; i < SCOPES_MAX; i++) {
        if (i > 0)
            text_addc(&t, ',');
        for (int n = 0; n < SCOPE_WORD_MAX; n++)
            text_addc(&t, (char)(i < 26 ? 'a' + i : 'A' + i - 26));
    }
    assert_non_null(line_of("create", DIGEST, claims, &why));
    assert_in_range(strlen(bytes), 7000, LINE_MAX_BYTES);
}

static struct slice many(size_t count)
{
    for (size_t i = 0; i < count * DIGEST_SIZE; i++)
        digests[i] = (uint8_t)(i / DIGEST_SIZE + i);
    return (struct slice){ (const char *)digests, count * DIGEST_SIZE };
}

static void each_of_many_digests_has_its_line(void **state)
{
    static const char *const words[] = { "revoke", "deny", "disable", "deny", "delete", "drop" };
    const char *why;
    char hex[2 * DIGEST_SIZE + 1], line[200];

    (void)state;
    for (size_t w = 0; w < 6; w += 2) {
        const struct change_row row = { slice_of(words[w]), many(CHANGE_DIGESTS_MAX),
                                        SLICE("group=web state=revoked"), false };
        assert_true(lines_of(&row, &why));
        const char *at = bytes;
        for (size_t i = 0; i < CHANGE_DIGESTS_MAX; i++) {
            struct text t = text_in(hex, sizeof(hex));
            text_add_hex(&t, digests + i * DIGEST_SIZE, DIGEST_SIZE);
            snprintf(line, sizeof(line), "%s digest=%.64s%s\n", words[w + 1], hex,
                     w == 0 ? " state=revoked group=web" :
                     w == 2 ? " state=disabled group=web" :
                              "");
            assert_memory_equal(at, line, strlen(line));
            at += strlen(line);
        }
        assert_string_equal(at, "");
    }
}

static void many_digests_that_are_no_denial_or_too_many_make_no_line(void **state)
{
    static const size_t lens[] = { 1, DIGEST_SIZE - 1, DIGEST_SIZE + 1, 3 * DIGEST_SIZE - 1 };
    const char *why;
    struct change_row row = { SLICE("create"), many(2), SLICE(BASE), false };

    (void)state;
    assert_false(lines_of(&row, &why));
    row.snapshot = true;
    assert_false(lines_of(&row, &why));
    row = (struct change_row){ SLICE("revoke"), many(CHANGE_DIGESTS_MAX + 1), SLICE("group=web"),
                               false };
    assert_false(lines_of(&row, &why));
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        row.digest.len = lens[i];
        assert_false(lines_of(&row, &why));
    }
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
        cmocka_unit_test(longest_values_make_a_line_that_fits),
        cmocka_unit_test(each_of_many_digests_has_its_line),
        cmocka_unit_test(many_digests_that_are_no_denial_or_too_many_make_no_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
