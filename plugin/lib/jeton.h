/* SPDX-License-Identifier: Apache-2.0 */
/* libjeton: judge API access tokens inside this process.
 *
 * The jeton daemon lends its token table, read-only, to the processes that may see it.  With the
 * table a verification is a hash and a look into memory: no system call, no lock, no allocation.
 * Where the table cannot answer (none is lent, it is being replaced, the daemon has stopped
 * renewing it), the daemon is asked over its socket; where nobody answers in time, the verdict is
 * JETON_UNAVAILABLE.  Only JETON_OK is a pass.
 *
 *     struct jeton *handle;
 *     struct jeton_claims claims = JETON_CLAIMS_INIT;
 *     int error = jeton_open(&handle, NULL, NULL, 0);
 *     ...
 *     enum jeton_status status =
 *         jeton_verify(handle, value, strlen(value), "deploy", NULL, &claims);
 *     if (status == JETON_OK)
 *         serve(claims.subject);
 *     else
 *         refuse(jeton_status_http(status), jeton_status_text(status));
 *
 * Threads.   Any number of threads may call jeton_verify() and jeton_verify_batch() on one handle
 *            at once; none waits for another while the table answers.  jeton_open() is
 *            thread-safe.  jeton_close() must be the last call on its handle.  The non-blocking
 *            calls have a rule of their own.  Nothing here may be called from a signal handler.
 * Processes. After fork() the child may go on with the handle: it keeps the table and makes a
 *            connection of its own when it needs one.
 * Conduct.   The library never prints, exits, raises a signal, changes errno or is a point of
 *            cancellation, and needs no initialisation.  Its descriptors are close-on-exec.  Copies
 *            of a value that it makes to send it are wiped when they are sent.
 * Stack.     Any call needs less than 16 KiB of the calling thread's stack; jeton_verify() needs
 *            less than 8 KiB.
 *
 * libjeton(3) documents everything, with an example.  Link with -ljeton. */
#ifndef JETON_H
#define JETON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* The socket on which the daemon answers verifications, unless it is configured otherwise. */
#define JETON_SOCKET "/run/jeton/verify.sock"

/* The expiry of a token that does not expire. */
#define JETON_NEVER INT64_MAX

/* The answer to a question.  The numbers never change; later versions may add some, so compare
 * with JETON_OK rather than with every refusal you know. */
enum jeton_status {
    JETON_OK = 0, /* the token is good for what was asked */

    /* The answer is no. */
    JETON_MALFORMED = 1,  /* not a token: mistyped, cut off, shorter than 32 bytes, longer than 8184
                             or than a request to the daemon has space for */
    JETON_UNKNOWN = 2,    /* no such token here */
    JETON_IDENTIFIER = 3, /* a token's identifier, which authenticates nothing */
    JETON_PENDING = 4,    /* not active yet: see retry_after */
    JETON_EXPIRED = 5,
    JETON_DISABLED = 6, /* refused for now */
    JETON_REVOKED = 7,  /* refused for good */
    JETON_SCOPE = 8,    /* it lacks a scope that was asked for */
    JETON_SUBJECT = 9,  /* it speaks for somebody else */
    JETON_DENIED = 10,  /* refused by policy, or for a reason this version does not know */

    /* There is no answer. */
    JETON_UNAVAILABLE = 64, /* nobody could judge the token in time: ask again later */
    JETON_INVALID = 65,     /* the question is wrong: a bug in the caller or its configuration */
    JETON_WAITING = 66,     /* jeton_verify_start() only: the answer will come */
};

/* Who gave an answer. */
enum jeton_source {
    JETON_NOBODY = 0, /* there was none */
    JETON_TABLE = 1,  /* the table, in this process */
    JETON_DAEMON = 2, /* the daemon, over its socket */
};

/* What is known of the token.  The caller owns it; nothing in it needs to be freed.  Each answer
 * sets all members but `size`; strings are NUL-terminated.  Set `size` (JETON_CLAIMS_INIT does)
 * before the first use: it says which version of this structure the caller was compiled with. */
struct jeton_claims {
    size_t size;         /* sizeof(struct jeton_claims); the library only reads it */
    int32_t source;      /* enum jeton_source */
    int32_t reserved;    /* 0 */
    int64_t expires;     /* JETON_OK: seconds since 1970 UTC, or JETON_NEVER; else 0 */
    int64_t retry_after; /* JETON_PENDING, JETON_DENIED: seconds until a retry may help; or 0 */
    char id[64];         /* the token's identifier, safe to log; "" if the token is not known */
    char verifier[64];   /* JETON_OK: the module that vouched for it, "local" for the table */
    char subject[264];   /* JETON_OK: whom the token speaks for; may be "" */
    char scopes[2080];   /* JETON_OK: what it may be used for: words joined by commas, or "" */
};

/* clang-format off */
#define JETON_CLAIMS_INIT { sizeof(struct jeton_claims), 0, 0, 0, 0, { 0 }, { 0 }, { 0 }, { 0 } }
/* clang-format on */

/* An open handle.  Opaque. */
struct jeton;

/* Flags of jeton_open(). */
#define JETON_NO_TABLE 0x1u   /* never use the table: ask the daemon every time */
#define JETON_NO_REPORTS 0x2u /* do not tell the daemon which tokens the table let pass */
#define JETON_NO_WAIT 0x4u /* jeton_open() waits for nobody; jeton_dispatch() receives the table */

/* Open a handle.
 *
 *   socket_path  the daemon's verify socket, an absolute path; NULL: JETON_SOCKET.  It is trusted
 *                only if root, this process's user or the daemon's user alone could have put it
 *                there; libjeton(3) has the exact rule
 *   service      whose verifier stack judges, as in [service NAME] of the daemon's configuration;
 *                1 to 64 bytes out of A-Z a-z 0-9 . _ : / * and -.  NULL: the default one
 *   flags        JETON_NO_TABLE, JETON_NO_REPORTS, JETON_NO_WAIT, or 0
 *
 * Connect and fetch the table at once if the daemon runs (call this before chroot() and before the
 * descriptors run out), which takes a second at most.  If it does not run, that is no error: each
 * verification tries again.  JETON_NO_WAIT is for programs with an event loop: the table is only
 * requested, and jeton_fd() is to be polled from then on.
 *
 * Return 0 and a handle that jeton_close() frees; or a negative errno and NULL:
 * -EINVAL (an argument), -ENAMETOOLONG (the path), -EACCES (this process may not connect), -EPERM
 * (the socket is not to be trusted), -ELOOP (a symbolic link is on its path), -ENOMEM. */
int jeton_open(struct jeton **handle, const char *socket_path, const char *service,
               unsigned int flags);

/* Free a handle and everything that belongs to it.  NULL is allowed.  Forget the questions
 * still waiting: their functions are not called. */
void jeton_close(struct jeton *handle);

/* Set how long each later verification may take in all, connecting included, when the daemon must
 * be asked: 1 to 600000 milliseconds; 1000 at first.  Return 0 or -EINVAL. */
int jeton_set_timeout(struct jeton *handle, unsigned int milliseconds);

/* Judge a token.
 *
 *   value, length  what the client presented: any bytes
 *   scopes         words joined by commas, all of which the token must have, or NULL: none.
 *                  "" is JETON_INVALID, so that an empty setting does not ask for nothing
 *   subject        whom the token must speak for, at most 256 bytes, or NULL: anybody.  "": nobody
 *   claims         receives what is known, or NULL
 *
 * Judge the token's state before its subject, and that before its scopes.  Block only if the daemon
 * must be asked, and then no longer than the timeout.  A token whose revocation was
 * acknowledged by the daemon before this call began is refused; if the daemon was killed, that
 * holds from 5 seconds after its death on. */
enum jeton_status jeton_verify(struct jeton *handle, const void *value, size_t length,
                               const char *scopes, const char *subject,
                               struct jeton_claims *claims);

/* One of several tokens that are judged together: arguments of jeton_verify(), and the answer. */
struct jeton_check {
    const void *value;
    size_t length;
    const char *scopes;          /* or NULL */
    const char *subject;         /* or NULL */
    struct jeton_claims *claims; /* or NULL; each question has its own */
    int32_t status;              /* enum jeton_status: the answer */
    int32_t reserved;            /* 0 */
};

/* Judge several tokens, each as jeton_verify() would, and return how many passed.  By the table
 * that takes less than half the time of one call for each: they are hashed side by side, and what
 * is looked up is fetched from memory at the same time.  If the daemon must be asked, it is asked
 * for one after the other, and the timeout is that of the whole call: what is not answered by then
 * is JETON_UNAVAILABLE.  The status of each is set in any case. */
size_t jeton_verify_batch(struct jeton *handle, struct jeton_check *checks, size_t count);

/* Return who gave the answer that these claims belong to. */
enum jeton_source jeton_source(const struct jeton_claims *claims);

/* Return a status as the daemon's word for it ("revoked"), as a sentence for people, and as the
 * HTTP status to answer with (200, 401, 403, 500 or 503).  Static strings, never NULL; a status
 * this version does not know is treated as JETON_UNAVAILABLE. */
const char *jeton_status_word(enum jeton_status status);
const char *jeton_status_text(enum jeton_status status);
int jeton_status_http(enum jeton_status status);

/* -- without blocking, for programs with an event loop --------------------------------------------
 *
 *     status = jeton_verify_start(handle, value, length, scopes, subject, &r->claims, done, r);
 *     if (status != JETON_WAITING)
 *         done(r, status);
 *
 * and in the loop, whenever this handle may have something to do: poll jeton_fd() for
 * jeton_events() for at most jeton_timeout(), then call jeton_dispatch().
 *
 * These calls on one handle belong to one thread at a time; other threads may use jeton_verify()
 * on it meanwhile.  A program with several loops opens a handle for each.  None of these calls
 * waits.  In a child after fork() nothing is waiting: what the parent asked stays the parent's. */

/* A function that is called once with the answer, from jeton_dispatch().  It may start other
 * questions and cancel some, but not dispatch or close. */
typedef void jeton_done(void *context, enum jeton_status status);

/* Verify like jeton_verify(), but if the daemon must be asked, return JETON_WAITING and call `done`
 * later with the answer; `claims` (unless NULL) must live until then.  Any other return is
 * the answer itself, and `done` is not called.  value, scopes and subject are not needed once
 * this returns.  At most 250 questions wait at a time: the next is JETON_UNAVAILABLE. */
enum jeton_status jeton_verify_start(struct jeton *handle, const void *value, size_t length,
                                     const char *scopes, const char *subject,
                                     struct jeton_claims *claims, jeton_done *done, void *context);

/* Forget the questions started with this context: their `done` is not called, and their claims
 * are not touched again. */
void jeton_cancel(struct jeton *handle, void *context);

/* Return the descriptor to poll, or -1 if there is nothing to poll now.  It is the library's: do
 * not read it, write it or close it.  Ask again after each jeton_verify_start() and
 * jeton_dispatch(): when the daemon is replaced it changes, and its number with it. */
int jeton_fd(const struct jeton *handle);

/* Return the events to poll it for: POLLIN, or POLLIN | POLLOUT. */
short jeton_events(const struct jeton *handle);

/* Return the milliseconds until jeton_dispatch() must be called even if the descriptor is silent,
 * so that a question can time out; -1: no need, nothing is waiting. */
int jeton_timeout(const struct jeton *handle);

/* Send and receive what is possible, and call the functions whose answers came or are overdue. */
void jeton_dispatch(struct jeton *handle);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
