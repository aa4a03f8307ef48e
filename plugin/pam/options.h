/* SPDX-License-Identifier: Apache-2.0 */
/* What a line in a PAM service file says to pam_jeton.  No state; the strings of a struct
 * are its own, but for the prompt, which is the caller's. */
#ifndef JETON_PLUGIN_PAM_OPTIONS_H
#define JETON_PLUGIN_PAM_OPTIONS_H

#include <sys/un.h>

#include "proto/limits.h"
#include "proto/text.h"

/* Whom to ask, and what for. */
struct pam_terms {
    char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char service[SERVICE_MAX + 1];    /* "": the daemon's default */
    char scopes[SCOPES_TEXT_MAX + 1]; /* "": none */
    int timeout;                      /* seconds */
};

struct pam_options {
    struct pam_terms terms;
    const char *prompt;
    bool debug;
    bool use_first_pass;
    bool try_first_pass;
};

/* What counts where nothing is said. */
void pam_options_init(struct pam_options *o);

/* Reads the options over what is there.  NULL, or what is wrong with argv[*at]. */
const char *pam_options_read(struct pam_options *o, int argc, const char **argv, int *at);

/* The service to ask for, if none was given.  A name that can have no [service] section in the
 * daemon's configuration is that of no section, and changes nothing. */
void pam_options_default_service(struct pam_options *o, const char *name);

#endif
