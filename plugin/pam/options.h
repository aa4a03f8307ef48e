/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a pam_jeton line in a PAM service file.  No state.  Strings are copied into the
 * struct, except the prompt, which the caller keeps. */
#ifndef JETON_PLUGIN_PAM_OPTIONS_H
#define JETON_PLUGIN_PAM_OPTIONS_H

#include <sys/un.h>

#include "proto/limits.h"
#include "proto/text.h"

/* What to verify, and where. */
struct pam_request {
    char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char service[SERVICE_MAX + 1];    /* "": the daemon's default */
    char scopes[SCOPES_TEXT_MAX + 1]; /* "": none */
    int timeout;                      /* seconds */
};

struct pam_options {
    struct pam_request request;
    const char *prompt;
    bool debug;
    bool use_first_pass;
    bool try_first_pass;
};

/* Set the defaults. */
void pam_options_init(struct pam_options *o);

/* Read the options over those that are set already.  Return NULL, or what is wrong with
 * argv[*at]. */
const char *pam_options_read(struct pam_options *o, int argc, const char **argv, int *at);

/* Set the service, if no option did.  Ignore a name that no [service] section of the daemon's
 * configuration can have. */
void pam_options_default_service(struct pam_options *o, const char *name);

#endif
