/* SPDX-License-Identifier: Apache-2.0 */
/* Make test vectors (see vectors.h), or say what those of others mean.
 *
 *     vectors < FILE              the same vectors, each with `is:` as it should be
 *     vectors random SEED COUNT   vectors of lines as the daemon writes them, and of broken ones;
 *                                 and of values of every length that a page is likely to meet
 *
 * Built by the test that needs it, with proto/. */
#include <stdlib.h>

#include <sodium.h>

#include "tests/vectors/vectors.h"

enum { VALUES_TO = 300 };

static uint64_t seed;

/* Return a number below `end` (splitmix64). */
static unsigned below(unsigned end)
{
    uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ z >> 31) % end);
}

/* Add a character: one that means something in the grammar, or any; or a byte that is none. */
static void add_character(struct text *t)
{
    static const char *const some[] = {
        " ",
        "\"",
        "\\",
        "=",
        "*",
        "\n",
        "\t",
        "\r",
        "\x7f",
        "\x01",
        "\xc2\x80",
        "\xc2\x9f",
        "\xc2\xa0",
        "\xef\xbb\xbf",
        "\xe2\x80\xae",
        "\xef\xbf\xbf",
        "\xc3\xa4",
        "\xf0\x9f\x98\x80",
        "x41",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "<b>",
        "&lt;",
    };

    if (below(40) == 0)
        text_addc(t, (char)below(256));
    else if (below(3) == 0)
        text_adds(t, some[below(sizeof(some) / sizeof(some[0]))]);
    else
        text_addc(t, (char)('!' + below(94)));
}

static void add_field(struct text *t)
{
    char bytes[512];
    struct text key = text_in(bytes, LINE_KEY_MAX), value = text_in(bytes + LINE_KEY_MAX, 256);

    for (unsigned i = below(LINE_KEY_MAX) + 1; i > 0; i--)
        text_addc(&key, i > 1 && key.len > 0 && below(8) == 0 ? '_' : (char)('a' + below(26)));
    for (unsigned i = below(30); i > 0; i--)
        add_character(&value);
    text_addc(t, ' ');
    if (below(8) != 0) {
        text_add(t, key.at, key.len);
        text_addc(t, '=');
    }
    line_put_word(t, text_slice(&value));
}

static void print_vector(const char *kind, struct slice input)
{
    static char vector[VECTOR_MEANING_MAX], meaning[VECTOR_MEANING_MAX];
    struct text t = text_in(vector, sizeof(vector) - 1);

    text_addf(&t, input.len > 0 ? "%s: " : "%s:", kind);
    vector_put(&t, input, true);
    vector[t.len] = '\0';
    puts(vector);
    if (t.cut || !vector_meaning(vector, meaning))
        exit(1);
    printf("is: %s\n", meaning);
}

/* Break a line at one place. */
static void damage(struct text *t)
{
    size_t at = below((unsigned)t->len);

    switch (below(3)) {
    case 0:
        t->at[at] = (char)below(256);
        break;
    case 1:
        t->len = at;
        break;
    default:
        t->at[at] = "\" \\=*x\t"[below(7)];
    }
    for (size_t i = 0; i < t->len; i++) /* a line end would make two lines of it */
        if (t->at[i] == '\n')
            t->at[i] = ' ';
}

static void print_random(unsigned count)
{
    static const char *const begin[] = { "*", "OK", "NO pending", "ERR too-long", "* import" };
    char bytes[LINE_MAX_BYTES * 4];

    for (unsigned i = 0; i < count; i++) {
        struct text t = text_in(bytes, sizeof(bytes));
        text_adds(&t, begin[below(sizeof(begin) / sizeof(begin[0]))]);
        for (unsigned fields = below(below(10) == 0 ? 36 : 8); fields > 0; fields--)
            add_field(&t);
        if (below(2) == 0)
            damage(&t);
        print_vector("read", text_slice(&t));
        t.len = 0;
        for (unsigned characters = below(12); characters > 0; characters--)
            add_character(&t);
        if (utf8_valid(text_slice(&t)))
            print_vector("write", text_slice(&t));
    }
    for (size_t len = 0; len <= VALUES_TO + 1; len++) {
        size_t size = len <= VALUES_TO ? len : VALUE_MAX;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)('!' + below(94));
        print_vector("digest", (struct slice){ bytes, size });
    }
}

int main(int argc, char **argv)
{
    static char line[VECTOR_MEANING_MAX], meaning[VECTOR_MEANING_MAX];

    if (sodium_init() < 0)
        return 1;
    if (argc == 4 && strcmp(argv[1], "random") == 0) {
        seed = strtoull(argv[2], NULL, 10);
        print_random((unsigned)strtoul(argv[3], NULL, 10));
        return 0;
    }
    while (vector_next(stdin, line)) {
        if (strncmp(line, "is:", 3) == 0)
            continue;
        puts(line);
        if (line[0] == '#' || line[0] == '\0')
            continue;
        if (!vector_meaning(line, meaning))
            return 1;
        printf("is: %s\n", meaning);
    }
    return 0;
}
