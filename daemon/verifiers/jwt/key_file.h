/* SPDX-License-Identifier: Apache-2.0 */
/* Files that keys are kept in. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_KEY_FILE_H
#define JETON_DAEMON_VERIFIERS_JWT_KEY_FILE_H

#include "proto/text.h"

enum { JWT_KEY_FILE_MAX = 1 << 20 };

/* Reads a regular file that belongs to root or to the process's user, that nobody else may write
 * to, and, if it is secret, that people outside its group may not read.  NULL, and *bytes is the
 * caller's to give to jwt_key_file_free(); or what is wrong with it. */
const char *jwt_key_file_read(const char *path, bool secret, struct slice *bytes);

/* Wipes and frees; { NULL, 0 } is fine. */
void jwt_key_file_free(struct slice bytes);

#endif
