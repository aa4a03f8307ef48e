/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of tokens in the formats of others, turned into lines of an import.
 *
 * What is taken over is what can be judged: values, and SHA-256 digests of values.  Digests that are
 * salted or slow by design are counted by their name, and left out. */
#ifndef JETON_PLUGIN_CLI_IMPORT_FORMAT_H
#define JETON_PLUGIN_CLI_IMPORT_FORMAT_H

#include "plugin/cli/import_converter.h"

/* Return the format of this name, or NULL; the names there are. */
const struct import_format *import_format_named(const char *name);
extern const char import_format_names[];

/* Turn a line, without its end, into an import's. */
enum import_converted import_format_convert(struct import_converter *c, struct slice line);

/* Return what is wrong with the end of the input; NULL: nothing. */
const char *import_format_end(const struct import_converter *c);

/* Tell how many tokens were left out because of their digests, and what can be done. */
void import_format_advise(const struct import_converter *c);

void import_format_free(struct import_converter *c);

#endif
