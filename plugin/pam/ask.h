/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the daemon, on a connection of its own that is closed within the call.
 *
 * One question needs no handle of libjeton, no table and no libsodium: mapping and loading these
 * takes longer than the answer.  What is checked is the same, by the same functions (plugin/lib):
 * who serves the socket before the value is sent, the descriptor before each use, and that a pass is
 * for the value that was sent.  No state; any thread.  No point of cancellation. */
#ifndef JETON_PLUGIN_PAM_ASK_H
#define JETON_PLUGIN_PAM_ASK_H

#include "plugin/lib/jeton.h"
#include "plugin/pam/options.h"

struct answer {
    int error; /* 0, or what an administrator must correct: -EPERM, -ELOOP, -EACCES */
    enum jeton_status status;
    struct jeton_claims claims;
};

/* Ask whether the value is that of a token which speaks for this user.  Wait no longer than the
 * request's timeout, connecting included; copies of the value are wiped. */
void ask(const struct pam_request *request, const char *user, const char *value, struct answer *a);

#endif
