/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the lines of an import, and the last line about it. */
#ifndef JETON_PLUGIN_CLI_IMPORT_COUNTS_H
#define JETON_PLUGIN_CLI_IMPORT_COUNTS_H

#include "plugin/cli/request.h"

struct import_counts {
    uint64_t added;
    uint64_t updated; /* tokens that were there, and learnt something */
    uint64_t denied;  /* tokens that were there, and are refused from now on, or sooner */
    uint64_t present; /* tokens that were there, and stay as they are */
    uint64_t bans;    /* lines that ban something */
    uint64_t banned;  /* tokens that are banned there, and not imported */
    uint64_t refused; /* lines */
    uint64_t line;    /* number of the last one that was read */
    uint64_t unknown_from, unknown_to; /* lines without an answer; 0: none */
    bool stopped;                      /* no line after the last one was read */
    bool unread;                       /* ... and there is one, as far as is known */
};

/* Count an answer; false: the line was refused. */
bool import_counts_add(struct import_counts *n, const struct reply *reply, bool is_ban);

/* Return how many tokens were imported: new ones, and those that were changed. */
uint64_t import_counts_imported(const struct import_counts *n);

/* Show the progress: of input that is a file, in per cent. */
void import_counts_progress(const struct import_counts *n);

void import_counts_sum_up(const struct import_counts *n, struct cli_request *c,
                          enum cli_exit worst);

#endif
