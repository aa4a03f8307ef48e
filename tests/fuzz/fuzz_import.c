/* SPDX-License-Identifier: Apache-2.0 */
/* Turn lists of tokens in other formats into lines of an import.
 *
 *     input = format, then lines */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

#include "plugin/cli/import_format.h"
#include "proto/request.h"

enum { INPUT_MAX = 65536 };

static const uint64_t written = KEY_BIT(KEY_TOKEN) | KEY_BIT(KEY_DIGEST) | KEY_BIT(KEY_DIGEST_ALG) |
                                KEY_BIT(KEY_DESCRIPTION) | KEY_BIT(KEY_SUBJECT) |
                                KEY_BIT(KEY_SCOPES) | KEY_BIT(KEY_CREATED) |
                                KEY_BIT(KEY_ACTIVATES) | KEY_BIT(KEY_EXPIRES) | KEY_BIT(KEY_USED) |
                                KEY_BIT(KEY_STATE);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return sodium_init() < 0;
}

/* True if a column of this meaning is filled. */
static bool is_given(const struct import_converter *c, enum import_field field)
{
    bool given = false;

    for (size_t i = 0; i < c->columns; i++)
        given |= c->column[i] == field && c->row.field[i].len > 0;
    return given;
}

/* Nothing that bounds a token is lost on the way. */
static void check_bounds(const struct import_converter *c, const struct request *r)
{
    static const struct {
        enum import_field field;
        enum key key;
    } bounds[] = {
        { IMPORT_EXPIRES, KEY_EXPIRES },
        { IMPORT_ACTIVATES, KEY_ACTIVATES },
        { IMPORT_SUBJECT, KEY_SUBJECT },
        { IMPORT_STATE, KEY_STATE },
    };

    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
        MUST(!is_given(c, bounds[i].field) || request_has(r, bounds[i].key));
}

/* What is written is one line, and an import of a token with what an import takes. */
static void check_line(const struct import_converter *c)
{
    static const char verb[] = "import";
    size_t len = sizeof(verb) - 1 + c->out.len, plain;
    struct request r;
    struct problem problem;
    const char *why;
    char *line = malloc(len);

    MUST(line != NULL && c->out.len > 0 && c->out.at[0] == ' ');
    MUST(memchr(c->out.at, '\n', c->out.len) == NULL &&
         memchr(c->out.at, '\0', c->out.len) == NULL);
    memcpy(line, verb, sizeof(verb) - 1);
    memcpy(line + sizeof(verb) - 1, c->out.at, c->out.len);
    bool is_good = line_check((struct slice){ line, len }, &plain, &why) == STATUS_OK;
    const struct request_line look = request_look(line, len);
    MUST(look.verb == VERB_IMPORT && !look.ignorable);
    enum status status = request_parse(&look, ROLE_ADMIN, &r, &problem);
    MUST(status == STATUS_OK || status == STATUS_SYNTAX);
    MUST(is_good || status == STATUS_SYNTAX);
    if (status == STATUS_OK) {
        MUST((r.has & ~written) == 0);
        MUST(request_has(&r, KEY_TOKEN) != request_has(&r, KEY_DIGEST));
        MUST(request_has(&r, KEY_DIGEST) == request_has(&r, KEY_DIGEST_ALG));
        check_bounds(c, &r);
    }
    free(line);
}

static void check_converted(const struct import_converter *c, enum import_converted made)
{
    MUST(c->schemes <= IMPORT_SCHEMES_MAX && c->columns <= IMPORT_COLUMNS_MAX);
    MUST(c->row.bytes.len <= CSV_ROW_MAX);
    MUST(made != IMPORT_REFUSED || (c->why != NULL && c->why[0] != '\0'));
    MUST(made != IMPORT_UNJUDGED || c->schemes > 0);
    if (made == IMPORT_LINE)
        check_line(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static const char *const formats[] = { "csv", "gitlab", "github", "htpasswd" };
    struct fuzz_input in = { input, len };
    struct import_converter c = { .format = import_format_named(formats[consume_byte(&in) % 4]) };

    if (len > INPUT_MAX)
        return 0;
    while (in.left > 0 && !c.fatal) {
        const uint8_t *end = memchr(in.at, '\n', in.left);
        struct slice line = consume_bytes(&in, end != NULL ? (size_t)(end - in.at) : in.left);
        char *copy = fuzz_copy(line);
        check_converted(&c, import_format_convert(&c, (struct slice){ copy, line.len }));
        free(copy);
        consume_byte(&in);
    }
    MUST((import_format_end(&c) != NULL) == csv_row_is_open(&c.row));
    import_format_free(&c);
    return 0;
}
