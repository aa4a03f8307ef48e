/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a pam_jeton line in a PAM service file.  No state.  Strings are copied into the
 * struct, but for the prompt, which stays the caller's. */
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

/* Sets the defaults. */
void pam_options_init(struct pam_options *o);

/* Reads the options over what is set already.  NULL, or what is wrong with argv[*at]. */
const char *pam_options_read(struct pam_options *o, int argc, const char **argv, int *at);

/* Sets the service, if no option did.  A name that no [service] section of the daemon's
 * configuration can have is ignored. */
void pam_options_default_service(struct pam_options *o, const char *name);

#endif
