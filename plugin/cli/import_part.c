/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/import_part.h"

#include "plugin/cli/message.h"
#include "proto/line.h"

enum { SUM = 32 };

void import_part_add(struct import_part *p, struct slice line)
{
    if (!p->begun)
        crypto_generichash_init(&p->sum, NULL, 0, SUM);
    p->begun = true;
    crypto_generichash_update(&p->sum, (const uint8_t *)line.at, line.len);
    crypto_generichash_update(&p->sum, (const uint8_t *)"\n", 1);
}

/* Find a key's value in the last line, which the daemon wrote without quotes. */
static struct slice value_of(struct slice arguments, const char *key)
{
    size_t head = strlen(key);

    for (size_t at = 0, len; at < arguments.len; at += len + 1) {
        for (len = 0; at + len < arguments.len && arguments.at[at + len] != ' ';)
            len++;
        if (len > head && memcmp(arguments.at + at, key, head) == 0)
            return (struct slice){ arguments.at + at + head, len - head };
    }
    return (struct slice){ NULL, 0 };
}

static bool sum_is(struct import_part *p, struct slice checksum)
{
    uint8_t given[SUM], sum[SUM];

    if (!p->begun)
        crypto_generichash_init(&p->sum, NULL, 0, SUM);
    crypto_generichash_final(&p->sum, sum, sizeof(sum));
    return hex_parse(checksum, given, sizeof(given)) && memcmp(given, sum, sizeof(sum)) == 0;
}

static enum cli_exit check(struct import_part *p, uint64_t count, struct slice checksum,
                           uint64_t number)
{
    typedef unsigned long long number_t;

    if (count != p->lines) {
        cli_message("line %llu: the export had %llu tokens, but here are %llu", (number_t)number,
                    (number_t)count, (number_t)p->lines);
        return CLI_EXIT_USAGE;
    }
    if (checksum.len > 0 && !sum_is(p, checksum)) {
        cli_message("line %llu: the export's checksum is not that of its lines: some were changed "
                    "on the way.\nCompare what was imported with its source; --partial takes an "
                    "export that was changed on purpose",
                    (number_t)number);
        return CLI_EXIT_USAGE;
    }
    if (checksum.len == 0 && p->begun)
        cli_message_remark(
            "line %llu: the export has no checksum, as those of older versions of jetond: "
            "it was checked by its count alone",
            (number_t)number);
    return CLI_EXIT_YES;
}

enum cli_exit import_part_end(struct import_part *p, struct slice arguments, uint64_t number,
                              bool partial)
{
    enum cli_exit status = CLI_EXIT_YES;
    uint64_t count;

    if (number_parse(value_of(arguments, "count="), UINT64_MAX, &count)) {
        if (!partial)
            status = check(p, count, value_of(arguments, "checksum="), number);
        p->begun = false;
    }
    p->lines = 0;
    return status;
}
