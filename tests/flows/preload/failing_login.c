/* SPDX-License-Identifier: Apache-2.0 */
/* An application that asks PAM while each call in its process fails in turn, those of libpam as
 * well: whoever must be refused is refused, and nothing is left behind.  Only in pam_start()
 * and pam_end() nothing fails: their own leaks, and those of the loader, are not ours.
 *
 *     failing_login SERVICES SECONDS [TURN [SEED]] <VALUES
 *
 * SERVICES is a directory with a service `login`, and a service `narrow`, which refuses in the
 * account phase users that it has authenticated.  VALUES are lines: a token of ann, one of hers
 * that was revoked, one of bob, and one that does not exist. */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failing.h"
#include "failing_turns.h"

enum { VALUES = 4 };

static const char *const calls[] = {
    "malloc", "mmap", "socket",  "connect", "setsockopt",    "getsockopt",
    "lstat",  "send", "recvmsg", "poll",    "clock_gettime", NULL,
};

static const char *services;
static char value[VALUES][600];
static bool strict; /* nothing fails: only the correct verdict is right */

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *typed)
{
    struct pam_response *r = calloc((size_t)count, sizeof(*r));

    (void)messages;
    if (r == NULL)
        return PAM_BUF_ERR;
    r->resp = strdup(typed);
    if (r->resp == NULL) {
        free(r);
        return PAM_BUF_ERR;
    }
    *responses = r;
    return PAM_SUCCESS;
}

static void log_in(const char *service, int i, bool may_stay)
{
    const struct pam_conv conversation = { converse, value[i] };
    pam_handle_t *handle = NULL;
    failing_pause(true);
    int code = pam_start_confdir(service, "ann", &conversation, services, &handle);
    failing_pause(false);
    turns_demand(code == PAM_SUCCESS || !strict, "a handle is had");
    if (code != PAM_SUCCESS)
        return;
    code = pam_authenticate(handle, 0);
    turns_demand(code != PAM_SUCCESS || i == 0, "who must be refused is refused");
    turns_demand(!strict || code == (i == 0 ? PAM_SUCCESS : PAM_AUTH_ERR), "the right code");
    bool in = code == PAM_SUCCESS;
    if (in || strict) {
        code = pam_acct_mgmt(handle, 0);
        turns_demand(code != PAM_SUCCESS || may_stay || !in, "who may not stay does not");
        turns_demand(!strict || !in || code == (may_stay ? PAM_SUCCESS : PAM_PERM_DENIED),
                     "the right code for the account");
    }
    failing_pause(true);
    pam_end(handle, code);
    failing_pause(false);
}

static void log_in_all(void)
{
    for (int i = 0; i < VALUES; i++)
        log_in("login", i, true);
    log_in("narrow", 0, false);
}

static void nothing(void)
{
}

static void log_in_soundly(void)
{
    strict = true;
    log_in_all();
    strict = false;
}

int main(int argc, char **argv)
{
    const struct play play = { nothing, log_in_all, log_in_soundly };

    if (argc < 3 || argc > 5)
        return 2;
    services = argv[1];
    for (int i = 0; i < VALUES; i++) {
        if (fgets(value[i], sizeof(value[i]), stdin) == NULL)
            return 2;
        value[i][strcspn(value[i], "\n")] = '\0';
    }
    log_in_soundly();
    if (argc > 3)
        turns_take_one(argv[3], argc > 4 ? (unsigned)atol(argv[4]) : 0, &play);
    else
        turns_take(calls, atof(argv[2]), &play);
    return 0;
}
