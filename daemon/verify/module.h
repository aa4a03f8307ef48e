/* SPDX-License-Identifier: Apache-2.0 */
/* Load verifiers from shared objects.  One thread at a time. */
#ifndef JETON_DAEMON_VERIFY_MODULE_H
#define JETON_DAEMON_VERIFY_MODULE_H

#include "daemon/verifiers/verifier.h"
#include "proto/request.h"

/* Load the verifier `name`: an absolute path, or a file of `directory` (".so" may be left out).
 * Only root and this process's user may be able to change the file and the directories above it.
 * NULL: *problem says why not.  Pass *handle to module_unload(). */
const struct jeton_verifier *module_load(const char *directory, const char *name, void **handle,
                                         struct problem *problem);

/* Unload it; `handle` may be NULL. */
void module_unload(void *handle);

#endif
