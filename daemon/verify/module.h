/* SPDX-License-Identifier: Apache-2.0 */
/* Shared objects with a verifier in them.  The main thread only. */
#ifndef JETON_DAEMON_VERIFY_MODULE_H
#define JETON_DAEMON_VERIFY_MODULE_H

#include "daemon/verifiers/verifier.h"
#include "proto/request.h"

/* Loads what a stack calls `name`: an absolute path, or a file of `directory` (".so" may be left
 * out).  It must be a file that only root or this process's user can change, as must the
 * directories it is in.  NULL: *problem says why not; else *handle is for module_unload(). */
const struct jeton_verifier *module_load(const char *directory, const char *name, void **handle,
                                         struct problem *problem);

/* NULL is allowed. */
void module_unload(void *handle);

#endif
