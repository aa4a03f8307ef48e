/* SPDX-License-Identifier: Apache-2.0 */
/* A value that was accepted, and for what, in pages of its own: locked, left out of core dumps and
 * wiped when they are freed.  Belongs to a PAM handle. */
#ifndef JETON_PLUGIN_PAM_ACCEPTED_H
#define JETON_PLUGIN_PAM_ACCEPTED_H

#include "plugin/pam/options.h"

struct accepted {
    struct pam_request request;
    size_t size;  /* of the mapping */
    char value[]; /* ends with a NUL */
};

/* Copy a request and a value; NULL: no memory, or the value is longer than VALUE_MAX. */
struct accepted *accepted_new(const struct pam_request *request, const char *value);

/* Wipe and free it. */
void accepted_free(struct accepted *accepted);

#endif
