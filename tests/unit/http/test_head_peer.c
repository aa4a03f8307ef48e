/* SPDX-License-Identifier: Apache-2.0 */
/* Compare the parser with http-parser (libhttp-parser-dev), on the fuzzer's corpus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <dirent.h>
#include <cmocka.h>

#include "tests/unit/support/http_peer.h"

static const char corpus[] = "tests/fuzz/corpus/http";

/* Read the head in a file; its first byte is another parameter of the harness. */
static size_t read_head(const char *name, char *bytes, size_t size)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", corpus, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_not_equal(fgetc(file), EOF);
    size_t len = fread(bytes, 1, size, file);
    fclose(file);
    return len;
}

static void what_both_parsers_accept_means_the_same(void **state)
{
    (void)state;
    static char bytes[64 * 1024];
    static struct http_head head;
    unsigned ours = 0, both = 0;
    DIR *directory = opendir(corpus);

    if (!HTTP_PEER_THERE) {
        print_message("libhttp-parser-dev is not installed\n");
        skip();
    }
    assert_non_null(directory);
    for (struct dirent *e; (e = readdir(directory)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        size_t len = read_head(e->d_name, bytes, sizeof(bytes)), searched = 0;
        const char *why;
        bool accepts;
        if (http_head_parse(bytes, len, &searched, &head, &why) != HTTP_HEAD_OK)
            continue;
        const char *differs = http_peer_differs(&head, bytes, &accepts);
        if (differs != NULL)
            fail_msg("%s: %s", e->d_name, differs);
        ours++;
        both += accepts;
    }
    closedir(directory);
    print_message("%u heads accepted, %u of them by both\n", ours, both);
    assert_true(both >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_both_parsers_accept_means_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
