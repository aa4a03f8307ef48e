/* SPDX-License-Identifier: Apache-2.0 */
/* Write a verifier for jetond: a shared object that judges credentials.
 *
 * A service's stack, [service NAME] in jetond.conf(5), is a list of verifiers with PAM's control
 * words.  A verifier is asked about one presented value at a time and answers
 *
 *     pass      it is good; with the identity that it stands for, or without: no objection
 *     fail      it is not, and why
 *     ignore    it is not for this verifier to judge
 *     error     the verifier could not find out
 *
 * An error is never a pass.  The first verifier of a stack that passes with an identity supplies
 * it; those after it are shown it and can only narrow it: fewer scopes, an earlier end.  Their own
 * id, with their issuer, is not replied, but names the credential, too.  jetond
 * itself compares the identity with what the client asked for (subject, scopes).
 *
 * The shared object exports one symbol, a constant `struct jeton_verifier` named jeton_verifier:
 *
 *     static int verify(void *instance, const struct jeton_question *q, struct jeton_answer *a);
 *     const struct jeton_verifier jeton_verifier = {
 *         JETON_VERIFIER_ABI, 0, "mine", open_instance, verify, close_instance,
 *     };
 *
 * Build it with cc -shared -fPIC -fvisibility=hidden, give it to root (or to jetond's user),
 * writable by nobody else, and name it in a stack by its absolute path, or by its name in
 * [daemon] verifiers=DIRECTORY.
 *
 * Threads.    open() and close() are called one at a time; a reload (SIGHUP) calls open() in a
 *             thread of its own.  verify() runs in several at once on one instance, also while
 *             another instance is opened or closed.
 * Time.       Without a flag a verify() runs on a thread that serves many clients and must not wait
 *             for anything: no file, no socket, no lock held for long; a hundred microseconds of
 *             arithmetic are much.  With JETON_VERIFIER_MAY_BLOCK or JETON_VERIFIER_COSTLY it runs
 *             on a pool of its own, where the uids that ask take turns, and should return before
 *             the question's deadline; what comes later is thrown away: the client was already
 *             answered that nobody could judge.
 * Conduct.    A verifier does not exit, fork, raise signals, change signal handlers, the working
 *             directory, the umask, the locale or the environment, print, or keep a pointer that it
 *             was given beyond the call.  Descriptors are opened with O_CLOEXEC.  It keeps no
 *             copy of a value longer than it needs, and wipes it.  jetond cannot be protected from
 *             code in its own process; these are the rules by which it stays up.
 *
 * There is nothing to link with: everything that is needed is in this header. */
#ifndef JETON_VERIFIER_H
#define JETON_VERIFIER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the layouts below.  jetond loads only verifiers compiled for its own version. */
#define JETON_VERIFIER_ABI 1

/* Flags of a verifier. */
#define JETON_VERIFIER_MAY_BLOCK 0x1u /* verify() may wait: for the network, a disk, a lock */
#define JETON_VERIFIER_COSTLY 0x2u    /* verify() computes for long, as for a signature */
#define JETON_VERIFIER_NO_GROUPS 0x4u /* verify() needs no peer_groups, which are then not read */
#define JETON_VERIFIER_NETWORK \
    0x8u /* open() gets network=yes or network=no in addition: whether
                                         jetond may reach other hosts */

/* The expiry of an identity that does not end. */
#define JETON_VERIFIER_NEVER INT64_MAX

/* What verify() returns. */
enum jeton_outcome {
    JETON_VERIFIER_PASS = 0,
    JETON_VERIFIER_FAIL = 1, /* with answer->reason */
    JETON_VERIFIER_IGNORE = 2,
    JETON_VERIFIER_ERROR = 3, /* with answer->message, for the log */
};

/* Why a value fails.  The numbers are those of enum jeton_status in <jeton/jeton.h>.  Revoked and
 * disabled are final: no other verifier is asked. */
enum jeton_reason {
    JETON_REASON_MALFORMED = 1, /* not a credential of this kind */
    JETON_REASON_UNKNOWN = 2,   /* of this kind, but nobody knows it */
    JETON_REASON_PENDING = 4,   /* not good yet; answer->retry_after seconds to go */
    JETON_REASON_EXPIRED = 5,
    JETON_REASON_DISABLED = 6, /* refused for now */
    JETON_REASON_REVOKED = 7,  /* refused for good */
    JETON_REASON_SCOPE = 8,
    JETON_REASON_SUBJECT = 9,
    JETON_REASON_DENIED = 10, /* by policy; answer->retry_after seconds to go, or 0 */
};

/* Whom a credential stands for.  Strings are UTF-8 without control characters, NUL-terminated. */
struct jeton_identity {
    int64_t expires;   /* when it ends: seconds since 1970 UTC, or JETON_VERIFIER_NEVER */
    char id[64];       /* what its issuer calls the credential, no secret: different ones of an
                               issuer have different ids; "": jetond makes one out of the
                               value's digest */
    char subject[264]; /* at most 256 bytes; "": nobody in particular */
    char issuer[264];  /* who issued it, at most 256 bytes; "": not known */
    char scopes[2080]; /* at most 32 words of 1 to 64 bytes out of A-Z a-z 0-9 . _ : / * and -,
                               joined by commas, in any order; "": none */
    int64_t leeway;    /* seconds after `expires` in which it still passes, because clocks
                               differ: 0 to 300 */
};

/* The question.  Everything belongs to jetond and is gone after the call. */
struct jeton_question {
    const char *value;   /* what the client presented: any bytes */
    size_t value_length; /* 0 to 8192 */
    const char *service; /* the name the client gave, "other" if none: at most 64 bytes */
    const char *scopes;  /* what the client wants it for, joined by commas; NULL: not given */
    const char *subject; /* the subject it must have; NULL: not given */
    const struct jeton_identity *identity; /* supplied by an earlier verifier; NULL: none yet */
    int64_t now;                           /* seconds since 1970 UTC: judge by this */
    int64_t deadline;                      /* CLOCK_MONOTONIC, nanoseconds; 0: does not block */
    uid_t peer_uid; /* of the process that asks, as the kernel saw it when it connected */
    gid_t peer_gid;
    size_t peer_group_count; /* its supplementary groups; 0 also if they cannot be read, and with
                                JETON_VERIFIER_NO_GROUPS */
    const gid_t *peer_groups;
    const char *client; /* for whom it says that it asks, such as the address of its own client:
                           1 to 256 bytes; NULL: it does not say */
};

/* The answer.  jetond fills it with zeros and JETON_VERIFIER_NEVER before the call. */
struct jeton_answer {
    int32_t reason;       /* enum jeton_reason, with JETON_VERIFIER_FAIL */
    int32_t has_identity; /* 1: the identity below is supplied, or narrowed; with a pass only */
    int64_t retry_after;  /* seconds, 0 to a year */
    char message[200];    /* fail: for the client (message=), "": the reason's own text;
                               error: for jetond's log.  Never any part of the value. */
    struct jeton_identity identity;
};

/* One key=value behind the verifier's name in its stack; a key may come several times. */
struct jeton_argument {
    const char *key;
    const char *value;
};

struct jeton_verifier {
    uint32_t abi;     /* JETON_VERIFIER_ABI */
    uint32_t flags;   /* JETON_VERIFIER_..., or 0 */
    const char *name; /* for verifier= in replies and for stats: 1 to 31 bytes out of a-z 0-9 - */

    /* Make an instance from the arguments of one line.  0; or -1, and `problem` (`size` bytes) says
     * in one sentence what is wrong and what would be right.  With 0, a text in `problem`, which is
     * "" before the call, is a warning for jetond's log.  An unknown argument is an error.  The
     * arguments deadline=, threads= and queue= of a verifier on a pool are jetond's and not
     * passed on. */
    int (*open)(void **instance, const struct jeton_argument *arguments, size_t count,
                char *problem, size_t size);

    /* Judge a value; return an enum jeton_outcome. */
    int (*verify)(void *instance, const struct jeton_question *question,
                  struct jeton_answer *answer);

    /* Free an instance; no verify() is running on it. */
    void (*close)(void *instance);
};

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif
extern const struct jeton_verifier jeton_verifier;
#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
