/* SPDX-License-Identifier: Apache-2.0 */
/* What libpq says of a file that it cannot read has bytes at its end that mean nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugin/fleet/database.h"

static const char *reason(const char *why)
{
    static char text[200];

    database_reason(why, text, sizeof(text));
    return text;
}

static void what_cannot_be_read_is_said_whatever_bytes_stand_for_the_reason(void **state)
{
    static const char file[] = "could not load private key file \"/h1.key\"";
    static const char *const rest[] = { "\n", "\x05\n", "x\n", "xUU\n", "", "\x9cxUU\x05\n" };
    char why[200];

    (void)state;
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
        snprintf(why, sizeof(why), "to \"db\": %s: %s", file, rest[i]);
        assert_string_equal(reason(why), "to \"db\": could not load private key file \"/h1.key\": "
                                         "this user cannot read it\n");
    }
}

static void a_reason_stays_as_it_is(void **state)
{
    static const char *const whys[] = {
        "could not load private key file \"/h1.key\": key values mismatch\n",
        "could not load private key file \"/h1.key\": bad decrypt\nconnection to \"b\" failed\n",
        "could not translate host name \"db\" to address: Name or service not known\n",
        "FATAL:  role \"h1\" does not exist\n",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
        assert_string_equal(reason(whys[i]), whys[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_read_is_said_whatever_bytes_stand_for_the_reason),
        cmocka_unit_test(a_reason_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
