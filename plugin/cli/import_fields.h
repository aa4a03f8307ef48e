/* SPDX-License-Identifier: Apache-2.0 */
/* Turn what others write of a token into the arguments of an import. */
#ifndef JETON_PLUGIN_CLI_IMPORT_FIELDS_H
#define JETON_PLUGIN_CLI_IMPORT_FIELDS_H

#include "plugin/cli/import_converter.h"
#include "proto/limits.h"

/* Write the arguments into c->out.  `value` has the fields that are known; others are empty. */
enum import_converted import_fields_write(struct import_converter *c,
                                          const struct slice value[IMPORT_FIELDS]);

/* Refuse a line because of its digest, and count that. */
enum import_converted import_fields_unjudged(struct import_converter *c, const char *scheme);

/* Read the SHA-256 of a value: 64 hex digits, or base64 of either alphabet. */
bool import_fields_digest(struct slice text, uint8_t digest[DIGEST_SIZE]);

#endif
