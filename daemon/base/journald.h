/* SPDX-License-Identifier: Apache-2.0 */
/* Send structured entries to the system's journal (systemd's native journal protocol): one for each
 * change, and one for each event that concerns the daemon's protection.  Any thread.
 *
 * Nothing here waits: an entry that the journal does not take at once is dropped and counted.  Of
 * protection events of one kind at most one a second is sent; the others are counted as dropped.  But
 * whoever reports JOURNALD_REUSED limits that itself, for each token.
 * Without a journal, protection events go to the log; changes are not logged, as they are in
 * jetond's own journal. */
#ifndef JETON_DAEMON_BASE_JOURNALD_H
#define JETON_DAEMON_BASE_JOURNALD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum journald_kind {
    JOURNALD_CHANGE,
    JOURNALD_REFUSED,
    JOURNALD_THROTTLED,
    JOURNALD_STORE_FAILED,
    JOURNALD_STORE_MENDED,
    JOURNALD_DENIAL_UNSAVED,
    JOURNALD_LEASE_LAPSED,
    JOURNALD_WORKER_STUCK,
    JOURNALD_REUSED,
    JOURNALD_KINDS
};

/* The MESSAGE_ID of each kind: documented, so never change them. */
/* clang-format off */
#define JOURNALD_ID_CHANGE         "6b6d01457eb84502afa5a601075bcac1"
#define JOURNALD_ID_REFUSED        "44c62524d3994c83bfa5aaaefdd214d1"
#define JOURNALD_ID_THROTTLED      "7c35494c067e4e73903504e21e9c6b33"
#define JOURNALD_ID_STORE_FAILED   "93a2e38d398a4931862883520167581d"
#define JOURNALD_ID_STORE_MENDED   "96c8fb1755b3499e91d1d082c8fbdff8"
#define JOURNALD_ID_DENIAL_UNSAVED "cb5d218207364ab091c9fcade6feea19"
#define JOURNALD_ID_LEASE_LAPSED   "c845aebaeb394bd4a5cad3af5406f844"
#define JOURNALD_ID_WORKER_STUCK   "19a810bdad5f4c73af6790bb39c760ed"
#define JOURNALD_ID_REUSED         "5d681ca742d84aa38cb4d8b530074f02"
/* clang-format on */

#define JOURNALD_NOBODY ((uid_t)-1)

/* The fields of an entry beside its message; zero, NULL or JOURNALD_NOBODY is left out. */
struct journald_entry {
    enum journald_kind kind;
    const char *event; /* for JOURNALD_CHANGE, as in jetond's journal */
    const uint8_t *id; /* of the token; ID_SIZE bytes */
    uid_t uid;         /* of the client that caused it */
    pid_t pid;
    bool has_login; /* whom the client logged in as is known: */
    uid_t login;
    uint64_t serial; /* in jetond's journal */
};

/* Connect to the journal if standard error leads there, as it does under the service manager but
 * not in a terminal.  The main thread, before there are others. */
void journald_open(void);

/* Send an entry with a message of at most 500 bytes; longer ones are cut off. */
void journald_report(const struct journald_entry *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Return how many entries were sent, and how many dropped, since the start. */
uint64_t journald_sent(void);
uint64_t journald_dropped(void);

#endif
