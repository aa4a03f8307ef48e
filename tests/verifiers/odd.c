/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier that does what its configuration line says, much of which no verifier should do.
 *
 *     does=WORD       see `actions`
 *     subject=NAME    scopes=a,b   issuer=NAME   of the identity it passes with
 *     seconds=N       of what takes time */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/verifiers/verifier.h"

#ifndef ABI
#define ABI JETON_VERIFIER_ABI
#endif
#ifndef FLAGS
#define FLAGS 0
#endif

struct odd {
    int (*action)(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a);
    char subject[264];
    char scopes[2080];
    char issuer[264];
    unsigned seconds;
};

typedef int action(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a);

static int pass(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    (void)q;
    a->has_identity = 1;
    memcpy(a->identity.subject, odd->subject, sizeof(odd->subject));
    memcpy(a->identity.scopes, odd->scopes, sizeof(odd->scopes));
    memcpy(a->identity.issuer, odd->issuer, sizeof(odd->issuer));
    return JETON_VERIFIER_PASS;
}

/* Pass with an id: what comes before the first dot of the value. */
static int name(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    size_t len = strcspn(q->value, ".");

    if (len > 0 && len < sizeof(a->identity.id))
        memcpy(a->identity.id, q->value, len);
    return pass(odd, q, a);
}

static int no_objection(const struct odd *odd, const struct jeton_question *q,
                        struct jeton_answer *a)
{
    (void)odd;
    (void)q;
    (void)a;
    return JETON_VERIFIER_PASS;
}

static int refuse(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    (void)odd;
    (void)q;
    a->reason = JETON_REASON_DENIED;
    a->retry_after = 7;
    snprintf(a->message, sizeof(a->message), "not on a Tuesday");
    return JETON_VERIFIER_FAIL;
}

static int ignore(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    no_objection(odd, q, a);
    return JETON_VERIFIER_IGNORE;
}

static int err(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    no_objection(odd, q, a);
    snprintf(a->message, sizeof(a->message), "the oracle is silent");
    return JETON_VERIFIER_ERROR;
}

static int revoked(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    no_objection(odd, q, a);
    a->reason = JETON_REASON_REVOKED;
    return JETON_VERIFIER_FAIL;
}

static int hang(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    for (;;)
        pause();
    return pass(odd, q, a);
}

static int late(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    const struct timespec t = { .tv_sec = odd->seconds };

    nanosleep(&t, NULL);
    return pass(odd, q, a);
}

static int end_thread(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    pass(odd, q, a);
    pthread_exit(NULL);
}

static int outcome(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    pass(odd, q, a);
    return 17;
}

/* Fill the answer with a byte: texts without an end, numbers that are not defined. */
static int garbage(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    (void)odd;
    (void)q;
    memset(a, 'x', sizeof(*a));
    a->has_identity = 1;
    return JETON_VERIFIER_PASS;
}

static int leak(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    enum { SIZE = 1 << 20 };
    static char *volatile lost;

    lost = malloc(SIZE);
    if (lost != NULL)
        memset(lost, 1, SIZE);
    return pass(odd, q, a);
}

/* Connect to the Unix socket whose path is the subject, as code that took over the process would. */
static int connect_to_subject(const struct odd *odd, const struct jeton_question *q,
                              struct jeton_answer *a)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", odd->subject);
    int connected = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    int error = errno;
    close(fd);
    if (connected == 0)
        return pass(odd, q, a);
    a->reason = JETON_REASON_DENIED;
    snprintf(a->message, sizeof(a->message), "%s", strerror(error));
    return JETON_VERIFIER_FAIL;
}

/* Fail with the question in its message. */
static int look(const struct odd *odd, const struct jeton_question *q, struct jeton_answer *a)
{
    snprintf(a->message, sizeof(a->message),
             "service %.20s, uid %u, scopes %.20s, subject %.20s, identity %.20s", q->service,
             (unsigned)q->peer_uid, q->scopes != NULL ? q->scopes : "-",
             q->subject != NULL ? q->subject : "-",
             q->identity != NULL ? q->identity->subject : "-");
    (void)odd;
    a->reason = JETON_REASON_DENIED;
    return JETON_VERIFIER_FAIL;
}

static const struct {
    const char *word;
    action *action;
} actions[] = {
    { "pass", pass },
    { "nod", no_objection },
    { "refuse", refuse },
    { "ignore", ignore },
    { "err", err },
    { "revoke", revoked },
    { "hang", hang },
    { "late", late },
    { "end-thread", end_thread },
    { "outcome", outcome },
    { "garbage", garbage },
    { "leak", leak },
    { "look", look },
    { "connect", connect_to_subject },
    { "name", name },
};

static void odd_close(void *instance)
{
    free(instance);
}

static int read_argument(struct odd *odd, const struct jeton_argument *a)
{
    if (strcmp(a->key, "subject") == 0)
        snprintf(odd->subject, sizeof(odd->subject), "%s", a->value);
    else if (strcmp(a->key, "scopes") == 0)
        snprintf(odd->scopes, sizeof(odd->scopes), "%s", a->value);
    else if (strcmp(a->key, "issuer") == 0)
        snprintf(odd->issuer, sizeof(odd->issuer), "%s", a->value);
    else if (strcmp(a->key, "seconds") == 0)
        odd->seconds = (unsigned)atoi(a->value);
    else if (strcmp(a->key, "does") != 0)
        return -1;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(a->key, "does") == 0 && strcmp(a->value, actions[i].word) == 0)
            odd->action = actions[i].action;
    return 0;
}

static int odd_open(void **instance, const struct jeton_argument *arguments, size_t count,
                    char *problem, size_t size)
{
    struct odd *odd = calloc(1, sizeof(*odd));

    if (odd == NULL)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (read_argument(odd, &arguments[i]) < 0) {
            snprintf(problem, size, "there is no argument %s=", arguments[i].key);
            free(odd);
            return -1;
        }
    if (odd->action == NULL) {
        snprintf(problem, size, "does= should be a word it knows");
        free(odd);
        return -1;
    }
    *instance = odd;
    return 0;
}

static int odd_verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    const struct odd *odd = instance;

    return odd->action(odd, q, a);
}

const struct jeton_verifier jeton_verifier = { ABI, FLAGS, "odd", odd_open, odd_verify, odd_close };
