/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/import_counts.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef unsigned long long number;

bool import_counts_add(struct import_counts *n, const struct reply *reply, bool is_ban)
{
    struct slice merged = line_get(&reply->line, "merged");

    if (reply->status == STATUS_BANNED)
        n->banned++; /* as it should be */
    else if (reply->status == STATUS_EXISTS)
        n->present++; /* so that an import can be run again */
    else if (reply->kind != ANSWER_OK)
        return false;
    else if (is_ban || slice_is(line_get(&reply->line, "state"), "banned"))
        n->bans++;
    else if (slice_is(merged, "deny"))
        n->denied++;
    else if (merged.len > 0)
        n->updated++;
    else
        n->added++;
    return true;
}

uint64_t import_counts_imported(const struct import_counts *n)
{
    return n->added + n->updated + n->denied;
}

void import_counts_progress(const struct import_counts *n)
{
    char part[32] = "";
    struct stat st;
    off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);

    if (at >= 0 && fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        snprintf(part, sizeof(part), " (%d %%)", (int)(100 * at / st.st_size));
    cli_message_progress("%llu lines%s: %llu imported, %llu refused", (number)n->line, part,
                         (number)import_counts_imported(n), (number)n->refused);
}

/* Add one of the numbers to the line, as the command prints JSON. */
static void put(struct line *line, const char *key, char text[24], uint64_t value)
{
    line->argument[line->count++] = (struct argument){
        slice_of(key), { text, (size_t)snprintf(text, 24, "%llu", (number)value) }
    };
}

static void print_object(const struct import_counts *n, struct cli_request *c, enum cli_exit worst)
{
    static const char *const reasons[] = {
        [CLI_EXIT_YES] = "",
        [CLI_EXIT_NO] = "refused",
        [CLI_EXIT_USAGE] = "refused",
        [CLI_EXIT_UNAVAILABLE] = "unavailable",
        [CLI_EXIT_FORBIDDEN] = "refused",
    };
    const struct {
        const char *key;
        uint64_t value;
    } all[] = {
        { "imported", import_counts_imported(n) },
        { "refused", n->refused },
        { "bans", n->bans },
        { "banned", n->banned },
        { "new", n->added },
        { "updated", n->updated },
        { "denied", n->denied },
        { "present", n->present },
    };
    char text[sizeof(all) / sizeof(all[0])][24];
    struct line line = { .count = 0 };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        put(&line, all[i].key, text[i], all[i].value);
    cli_output_object(&c->output, NULL, &line, slice_of(reasons[worst]));
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

void import_counts_sum_up(const struct import_counts *n, struct cli_request *c, enum cli_exit worst)
{
    char parts[160] = "", denied[128] = "", rest[160] = "";
    uint64_t imported = import_counts_imported(n);

    cli_message_progress_end();
    if (c->output.form == CLI_OUTPUT_JSON)
        print_object(n, c, worst);
    cli_output_flush(&c->output);
    if (n->updated + n->denied + n->present > 0)
        snprintf(parts, sizeof(parts), ": %llu new, %llu updated, %llu denied, %llu already here",
                 (number)n->added, (number)n->updated, (number)n->denied, (number)n->present);
    if (n->bans > 0 || n->banned > 0)
        snprintf(denied, sizeof(denied), "; %llu ban%s, %llu token%s not imported because banned",
                 (number)n->bans, plural(n->bans), (number)n->banned, plural(n->banned));
    if (n->unknown_from > 0)
        snprintf(rest, sizeof(rest),
                 "\nIt is not known whether lines %llu to %llu were imported.  The import can be "
                 "run again.",
                 (number)n->unknown_from, (number)n->unknown_to);
    else if (n->unread)
        snprintf(rest, sizeof(rest), "\nStopped: the lines after line %llu were not read.%s",
                 (number)n->line,
                 worst == CLI_EXIT_UNAVAILABLE ? "" :
                                                 "  With --keep-going, refused lines are skipped.");
    (worst == CLI_EXIT_YES ? cli_message_remark :
                             cli_message)("imported %llu token%s, refused %llu line%s%s%s%s",
                                          (number)imported, plural(imported), (number)n->refused,
                                          plural(n->refused), parts, denied, rest);
}
