/* SPDX-License-Identifier: Apache-2.0 */
/* Read files that hold keys. */
#ifndef JETON_DAEMON_VERIFIERS_JWT_KEY_FILE_H
#define JETON_DAEMON_VERIFIERS_JWT_KEY_FILE_H

#include "proto/text.h"

enum { JWT_KEY_FILE_MAX = 1 << 20 };

/* Read a regular file that belongs to root or to the process's user and that nobody else may write
 * to; with `secret`, one that is not readable for everybody.  Return NULL, and the caller passes
 * *bytes to jwt_key_file_free(); or what is wrong with the file. */
const char *jwt_key_file_read(const char *path, bool secret, struct slice *bytes);

/* Wipe and free the bytes of a file; { NULL, 0 } is allowed. */
void jwt_key_file_free(struct slice bytes);

#endif
