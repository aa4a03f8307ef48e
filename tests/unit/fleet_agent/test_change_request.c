/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "plugin/fleet/change_request.h"
#include "plugin/fleet/place.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define CREATE \
    "request=7 event=create digest=" DIGEST " group=web created=2027-01-15T08:00:00Z by=uid:5"
#define REVOKE "request=7 event=revoke digest=" DIGEST " group=web by=uid:5"

static struct change_request *parse(const char *text, uint64_t *number)
{
    static char bytes[16384];
    static struct line line;
    const char *why;

    snprintf(bytes, sizeof(bytes), "%s", text);
    assert_int_equal(line_parse(bytes, strlen(bytes), &line, &why), STATUS_OK);
    return change_request_parse(&line, number);
}

static void create_has_what_postgresql_takes(void **state)
{
    uint64_t number;
    struct change_request *r =
        parse(CREATE
              " expires=never activates=1970-01-01T00:00:09Z subject=\"a b\" confirm=all wait=2m",
              &number);

    (void)state;
    assert_non_null(r);
    assert_int_equal(r->number, 7);
    assert_string_equal(r->event, "create");
    assert_false(r->denies);
    assert_string_equal(r->digest, DIGEST);
    assert_string_equal(r->created, "1800000000");
    assert_string_equal(r->activates, "9");
    assert_string_equal(r->subject, "a b");
    assert_string_equal(r->state, "active");
    assert_string_equal(r->uid, "5");
    assert_null(r->expires);
    assert_null(r->scopes);
    assert_true(r->confirm);
    assert_int_equal(r->wait, 120000);
    free(r);
}

static void change_has_what_it_names_and_no_more(void **state)
{
    uint64_t number;
    struct change_request *r = parse("request=7 event=update digest=" DIGEST
                                     " group=web expires=never scopes=\"\" by=uid:5",
                                     &number);

    (void)state;
    assert_non_null(r);
    assert_false(r->denies);
    assert_string_equal(r->expires, "-1");
    assert_string_equal(r->scopes, "");
    assert_true(r->created == NULL && r->activates == NULL && r->subject == NULL &&
                r->description == NULL);
    free(r);
    r = parse("request=7 event=end digest=" DIGEST
              " group=web expires=1970-01-01T00:00:09Z by=uid:5",
              &number);
    assert_non_null(r);
    assert_string_equal(r->expires, "9");
    free(r);
    r = parse("request=7 event=enable digest=" DIGEST " group=web by=uid:5", &number);
    assert_non_null(r);
    assert_null(r->expires);
    free(r);
}

static void denial_needs_no_time_of_creation(void **state)
{
    uint64_t number;
    struct change_request *r = parse(REVOKE, &number);

    (void)state;
    assert_non_null(r);
    assert_true(r->denies);
    assert_false(r->confirm);
    free(r);
}

static void wrong_requests_are_none_and_have_their_number(void **state)
{
    static const char *const wrong[] = {
        "request=7",
        "request=7 event=create digest=" DIGEST " group=web by=uid:5",
        REVOKE " confirm=some",
        REVOKE " confirm=all wait=2h",
        "request=7 event=burn digest=" DIGEST " group=web by=uid:5",
        "request=7 event=revoke digest=00 group=web by=uid:5",
        "request=7 event=revoke digest=" DIGEST " by=uid:5",
        "request=7 event=revoke digest=" DIGEST " group=-x by=uid:5",
        "request=7 event=revoke digest=" DIGEST " group=web by=root",
        CREATE " expires=soon",
        CREATE " replaces=zz",
        CREATE " state=burnt",
        "request=7 event=revoke digest=" DIGEST " group=web",
    };
    uint64_t number;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_null(parse(wrong[i], &number));
        assert_int_equal(number, 7);
    }
    assert_null(parse("event=revoke digest=" DIGEST " group=web by=uid:5", &number));
    assert_int_equal(number, 0);
    assert_null(parse("request=0 event=revoke digest=" DIGEST " group=web by=uid:5", &number));
    assert_int_equal(number, 0);
}

static void denials_are_alike_by_event_group_and_user(void **state)
{
    uint64_t number;
    struct change_request *a = parse(REVOKE, &number);
    static const struct {
        const char *line;
        bool alike;
    } others[] = {
        { "request=8 event=revoke digest=" DIGEST " group=web by=uid:5", true },
        { "request=8 event=disable digest=" DIGEST " group=web by=uid:5", false },
        { "request=8 event=revoke digest=" DIGEST " group=db by=uid:5", false },
        { "request=8 event=revoke digest=" DIGEST " group=web by=uid:6", false },
        { CREATE, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct change_request *b = parse(others[i].line, &number);
        assert_non_null(b);
        assert_int_equal(change_request_is_alike(a, b), others[i].alike);
        free(b);
    }
    free(a);
}

static void place_is_what_postgresql_writes(void **state)
{
    struct fleet_place place;
    char bytes[PLACE_UUID_TEXT];
    struct text t = text_in(bytes, sizeof(bytes));
    const struct slice uuid = SLICE("00112233-4455-6677-8899-aabbccddeeff");

    (void)state;
    assert_true(place_of_row(slice_of("42"), uuid, &place));
    assert_int_equal(place.serial, 42);
    place_put_uuid(&t, &place);
    assert_true(slice_equal(text_slice(&t), uuid));
    assert_false(place_of_row(slice_of("0"), uuid, &place));
    assert_false(place_of_row(slice_of("-1"), uuid, &place));
    assert_false(place_of_row(slice_of("9223372036854775808"), uuid, &place));
    assert_false(place_of_row((struct slice){ NULL, 0 }, uuid, &place));
    assert_false(place_of_row(slice_of("42"), (struct slice){ NULL, 0 }, &place));
    assert_false(place_of_row(slice_of("42"), slice_of("00112233-4455-6677-8899-aabbccddeef"),
                              &place));
    assert_false(place_of_row(slice_of("42"), slice_of("00112233-4455-6677-8899-aabbccddeeff0"),
                              &place));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_has_what_postgresql_takes),
        cmocka_unit_test(change_has_what_it_names_and_no_more),
        cmocka_unit_test(denial_needs_no_time_of_creation),
        cmocka_unit_test(wrong_requests_are_none_and_have_their_number),
        cmocka_unit_test(denials_are_alike_by_event_group_and_user),
        cmocka_unit_test(place_is_what_postgresql_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
