/* SPDX-License-Identifier: Apache-2.0 */
/* Give libcurl memory that is wiped before it is freed. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_CURL_MEMORY_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_CURL_MEMORY_H

#include <stdbool.h>

/* Initialise libcurl, once in the life of the process.  False: it does not start. */
bool curl_memory_init(void);

#endif
