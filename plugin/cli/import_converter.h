/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that turn lists of tokens into lines of an import have in common. */
#ifndef JETON_PLUGIN_CLI_IMPORT_CONVERTER_H
#define JETON_PLUGIN_CLI_IMPORT_CONVERTER_H

#include "plugin/cli/csv_row.h"

struct import_format;

enum {
    IMPORT_COLUMNS_MAX = 64,
    IMPORT_SCHEMES_MAX = 16, /* kinds of digests that are distinguished */
};

/* What became of a line. */
enum import_converted {
    IMPORT_LINE,     /* `out` has the arguments of an import */
    IMPORT_NOTHING,  /* it is none, or goes on in the next line */
    IMPORT_REFUSED,  /* `why` */
    IMPORT_UNJUDGED, /* `why` is the name of its digest, which is counted */
};

/* What a column of a table, or a part of a line, means. */
enum import_field {
    IMPORT_VALUE,
    IMPORT_SHA256,
    IMPORT_SALTED, /* a digest that cannot be judged */
    IMPORT_DESCRIPTION,
    IMPORT_SUBJECT,
    IMPORT_SCOPES,
    IMPORT_CREATED,
    IMPORT_ACTIVATES,
    IMPORT_EXPIRES,
    IMPORT_USED,
    IMPORT_REVOKED, /* true or false */
    IMPORT_STATE,
    IMPORT_FIELDS,
    IMPORT_IGNORED = IMPORT_FIELDS,
};

/* All zeros, but for the format: at the beginning. */
struct import_converter {
    const struct import_format *format;
    const char *why;
    struct cli_buffer out;
    struct csv_row row; /* of a table; the rest is its header */
    size_t columns;     /* 0: not seen yet */
    bool fatal;         /* the header is wrong: no line can be converted */
    enum import_field column[IMPORT_COLUMNS_MAX];
    char text[160]; /* of `why` */
    size_t schemes;
    struct {
        const char *name;
        uint64_t count;
    } scheme[IMPORT_SCHEMES_MAX];
};

#endif
