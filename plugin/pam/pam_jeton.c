/* SPDX-License-Identifier: Apache-2.0 */
/* pam_jeton: the password is a token's value, and the token speaks for the PAM user.
 *
 *     auth      options ─▶ user ─▶ password ─▶ verify ─▶ PAM code    on success: keep both
 *     account   kept value and request, options ─▶ user ─▶ verify ─▶ PAM code
 *     setcred   nothing to set
 *
 * Connections.  Each verification connects to the daemon's socket and closes the connection within
 * the call.  A session can last for days, and a connection held that long would count against its
 * user's limit; so between two calls there is no descriptor and no thread of ours that the application
 * could close, inherit or lose in a chroot.
 *
 * What is kept.  Account management verifies again, and the daemon can only be asked by value.  So
 * a value that was accepted is kept until pam_end(), in memory of its own that is locked, left out
 * of core dumps and wiped when it is freed.  The request is kept with it, so that an account line
 * without options means "is it still valid?".  For users who did not authenticate by a token,
 * account management returns PAM_IGNORE.
 *
 * What the application learns: yes, no, or that the token could not be verified.  The conversation
 * is the same whatever is wrong, and every refusal is PAM_AUTH_ERR while authenticating.  There is
 * no delay after a refusal: a value cannot be guessed.  The log shows which token, by its
 * identifier, and why.
 *
 * There is no state outside the PAM handle: threads need nothing more than a handle each. */
#include <errno.h>
#include <security/pam_appl.h>
#include <security/pam_ext.h>
#include <stdlib.h>
#include <syslog.h>

#pragma GCC visibility push(default)
#include <security/pam_modules.h>
#pragma GCC visibility pop

#include "plugin/lib/status_text.h"
#include "plugin/pam/accepted.h"
#include "plugin/pam/ask.h"
#include "plugin/pam/options.h"

#define ACCEPTED_DATA "pam_jeton:accepted"

enum phase { PHASE_AUTH, PHASE_ACCOUNT };

static bool read_options(pam_handle_t *pamh, int argc, const char **argv, struct pam_options *o);
static int read_password(pam_handle_t *pamh, const struct pam_options *o, char **typed);
static int authenticate(pam_handle_t *pamh, const struct pam_options *o, const char *value);
static void verify(const struct pam_request *request, const char *user, const char *value,
                   struct answer *a);
static int code_of(const struct answer *a, enum phase phase);
static int keep(pam_handle_t *pamh, const struct pam_request *request, const char *value);
static const char *shown(const char *user);
static void log_answer(pam_handle_t *pamh, const struct pam_options *o, const char *user,
                       const struct answer *a, enum phase phase);

/* -- what PAM calls --------------------------------------------------------------------------- */

static const char *item(const pam_handle_t *pamh, int which)
{
    const void *text = NULL;

    return pam_get_item(pamh, which, &text) == PAM_SUCCESS ? text : NULL;
}

static int forget(pam_handle_t *pamh)
{
    return pam_set_data(pamh, ACCEPTED_DATA, NULL, NULL);
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct pam_options o;
    const char *user;
    char *typed = NULL;

    (void)flags;
    pam_options_init(&o);
    if (!read_options(pamh, argc, argv, &o))
        return PAM_SERVICE_ERR;
    int code = pam_get_user(pamh, &user, NULL);
    if (code != PAM_SUCCESS)
        return code == PAM_CONV_AGAIN ? PAM_INCOMPLETE : code;
    const char *first = item(pamh, PAM_AUTHTOK);
    if (first == NULL && o.use_first_pass) {
        pam_syslog(pamh, LOG_NOTICE, "use_first_pass, but no password was asked for before");
        return PAM_AUTH_ERR;
    }
    if (first != NULL && (o.use_first_pass || o.try_first_pass)) {
        code = authenticate(pamh, &o, first);
        if (code != PAM_AUTH_ERR || o.use_first_pass)
            return code;
    }
    code = read_password(pamh, &o, &typed);
    if (code == PAM_SUCCESS)
        code = authenticate(pamh, &o, typed);
    if (typed != NULL)
        explicit_bzero(typed, strlen(typed));
    free(typed);
    return code;
}

/* Always succeed: the decision is made already, and the process that calls may be another than the
 * one that authenticated. */
int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)argc;
    (void)argv;
    return flags & PAM_DELETE_CRED ? forget(pamh) : PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct pam_options o;
    const void *data = NULL;
    struct answer answer;

    (void)flags;
    pam_options_init(&o);
    const struct accepted *accepted = pam_get_data(pamh, ACCEPTED_DATA, &data) == PAM_SUCCESS ?
                                          data :
                                          NULL;
    if (accepted != NULL)
        o.request = accepted->request;
    if (!read_options(pamh, argc, argv, &o))
        return PAM_SERVICE_ERR;
    const char *user = item(pamh, PAM_USER);
    if (accepted == NULL) {
        pam_syslog(pamh, LOG_INFO,
                   "user %s did not log in with a token here: left to the other account lines; "
                   "without any, nobody is let in",
                   shown(user));
        return PAM_IGNORE;
    }
    verify(&o.request, user, accepted->value, &answer);
    log_answer(pamh, &o, user, &answer, PHASE_ACCOUNT);
    return code_of(&answer, PHASE_ACCOUNT);
}

/* Read the options over those that are set already; false: one was wrong, and was logged. */
static bool read_options(pam_handle_t *pamh, int argc, const char **argv, struct pam_options *o)
{
    const char *service = item(pamh, PAM_SERVICE);
    int at;
    const char *fault = pam_options_read(o, argc, argv, &at);

    if (fault != NULL)
        pam_syslog(pamh, LOG_ERR, "option \"%s\": %s; everybody is refused", argv[at], fault);
    if (service != NULL)
        pam_options_default_service(o, service);
    return fault == NULL;
}

/* -- passwords -------------------------------------------------------------------------------- */

/* Ask for a password, and leave it for the modules that follow.  The caller wipes and frees what
 * was typed, even on failure. */
static int read_password(pam_handle_t *pamh, const struct pam_options *o, char **typed)
{
    int code = pam_prompt(pamh, PAM_PROMPT_ECHO_OFF, typed, "%s", o->prompt);

    if (code == PAM_SUCCESS && *typed == NULL)
        code = PAM_CONV_ERR;
    if (code == PAM_SUCCESS)
        code = pam_set_item(pamh, PAM_AUTHTOK, *typed);
    return code == PAM_CONV_AGAIN ? PAM_INCOMPLETE : code;
}

/* Verify one password.  Read the user only now: a conversation may have changed it. */
static int authenticate(pam_handle_t *pamh, const struct pam_options *o, const char *value)
{
    const char *user = item(pamh, PAM_USER);
    struct answer answer;

    verify(&o->request, user, value, &answer);
    int code = code_of(&answer, PHASE_AUTH);
    if (code == PAM_SUCCESS)
        code = keep(pamh, &o->request, value);
    if (code == PAM_BUF_ERR)
        pam_syslog(pamh, LOG_CRIT, "no memory");
    else
        log_answer(pamh, o, user, &answer, PHASE_AUTH);
    if (code == PAM_SUCCESS && o->request.scopes[0] == '\0')
        pam_syslog(pamh, LOG_NOTICE,
                   "no scope= is given: any token of the user is accepted, unless the daemon's "
                   "[service %s] requires a scope",
                   o->request.service);
    return code;
}

static void forget_accepted(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    accepted_free(data);
}

static int keep(pam_handle_t *pamh, const struct pam_request *request, const char *value)
{
    struct accepted *accepted = accepted_new(request, value);

    if (accepted == NULL)
        return PAM_BUF_ERR;
    int code = pam_set_data(pamh, ACCEPTED_DATA, accepted, forget_accepted);
    if (code != PAM_SUCCESS)
        accepted_free(accepted);
    return code;
}

/* -- verifying -------------------------------------------------------------------------------- */

/* True if a token can speak for this user.  Nobody is the subject of a token whose subject is
 * empty. */
static bool is_subject(const char *user)
{
    return user != NULL && user[0] != '\0' && strlen(user) <= SUBJECT_MAX;
}

/* A daemon that passes a token for somebody else is not believed. */
static void verify(const struct pam_request *request, const char *user, const char *value,
                   struct answer *a)
{
    if (is_subject(user))
        ask(request, user, value, a);
    else
        *a = (struct answer){ .status = JETON_SUBJECT };
    if (a->status == JETON_OK && strcmp(a->claims.subject, user) != 0)
        a->status = JETON_SUBJECT;
}

/* -- codes and the log ------------------------------------------------------------------------ */

/* The codes that the table of statuses names. */
static const struct {
    const char *name;
    int code;
} codes[] = {
    { "PAM_SUCCESS", PAM_SUCCESS },         { "PAM_AUTH_ERR", PAM_AUTH_ERR },
    { "PAM_PERM_DENIED", PAM_PERM_DENIED }, { "PAM_ACCT_EXPIRED", PAM_ACCT_EXPIRED },
    { "PAM_SERVICE_ERR", PAM_SERVICE_ERR }, { "PAM_AUTHINFO_UNAVAIL", PAM_AUTHINFO_UNAVAIL },
};

static int code_named(const char *name)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].code;
    return PAM_SYSTEM_ERR;
}

/* Choose the PAM code.  While authenticating, a refusal gives no reason.  Do not report what an
 * administrator must correct as an outage. */
static int code_of(const struct answer *a, enum phase phase)
{
    const struct status_row *row = status_text_row(a->status);

    if (a->error != 0)
        return PAM_SERVICE_ERR;
    return phase == PHASE_AUTH && row->kind == ANSWER_NO ? PAM_AUTH_ERR : code_named(row->pam);
}

static int level_of(enum jeton_status status)
{
    static const int levels[] = {
        [ANSWER_OK] = LOG_INFO,
        [ANSWER_NO] = LOG_NOTICE,
        [ANSWER_ERR] = LOG_ERR,
    };

    return levels[status_text_row(status)->kind];
}

/* Return a user name as the log may show it: a value that was typed instead of a name must not be
 * logged. */
static const char *shown(const char *user)
{
    struct slice name = slice_of(user != NULL ? user : "");
    bool plain = name.len > 0 && name.len < VALUE_MIN && utf8_valid(name);

    for (size_t i = 0; i < name.len; i++)
        plain = plain && (unsigned char)name.at[i] >= ' ' && name.at[i] != 0x7f;
    return plain ? user : "(not shown)";
}

static void log_answer(pam_handle_t *pamh, const struct pam_options *o, const char *user,
                       const struct answer *a, enum phase phase)
{
    const struct pam_request *request = &o->request;
    bool ok = a->error == 0 && a->status == JETON_OK;

    if (o->debug)
        pam_syslog(pamh, LOG_DEBUG, "asked %s, service \"%s\", scopes \"%s\"", request->socket,
                   request->service, request->scopes);
    if (a->error != 0) {
        errno = -a->error;
        pam_syslog(pamh, LOG_ERR, "user %s: cannot ask at %s: %m", shown(user), request->socket);
    } else if (!ok || phase == PHASE_AUTH || o->debug) {
        pam_syslog(pamh, ok && phase == PHASE_ACCOUNT ? LOG_DEBUG : level_of(a->status),
                   "user %s, token %s: %s", shown(user),
                   a->claims.id[0] != '\0' ? a->claims.id : "not known",
                   ok ? "accepted" : jeton_status_text(a->status));
    }
}
