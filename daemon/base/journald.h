/* SPDX-License-Identifier: Apache-2.0 */
/* One structured entry in the system's journal for each change, and for each event that concerns
 * the daemon's protection (systemd's "native journal protocol").  Any thread.
 *
 * Nothing here waits: an entry that the journal does not take at once is dropped and counted; so is
 * all but one a second of a protection event that repeats.  Without a journal, protection events go
 * to the log, and changes to nobody: they are in jetond's own journal. */
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
    JOURNALD_KINDS
};

/* MESSAGE_ID of each; documented, so never to be changed. */
/* clang-format off */
#define JOURNALD_ID_CHANGE         "6b6d01457eb84502afa5a601075bcac1"
#define JOURNALD_ID_REFUSED        "44c62524d3994c83bfa5aaaefdd214d1"
#define JOURNALD_ID_THROTTLED      "7c35494c067e4e73903504e21e9c6b33"
#define JOURNALD_ID_STORE_FAILED   "93a2e38d398a4931862883520167581d"
#define JOURNALD_ID_STORE_MENDED   "96c8fb1755b3499e91d1d082c8fbdff8"
#define JOURNALD_ID_DENIAL_UNSAVED "cb5d218207364ab091c9fcade6feea19"
#define JOURNALD_ID_LEASE_LAPSED   "c845aebaeb394bd4a5cad3af5406f844"
#define JOURNALD_ID_WORKER_STUCK   "19a810bdad5f4c73af6790bb39c760ed"
/* clang-format on */

/* What an entry says beside its message; zero, NULL or JOURNALD_NOBODY is left out. */
#define JOURNALD_NOBODY ((uid_t)-1)

struct journald_entry {
    enum journald_kind kind;
    const char *event; /* of a change, as in jetond's journal */
    const uint8_t *id; /* the token's; ID_SIZE bytes */
    uid_t uid;         /* whose doing it is */
    pid_t pid;
    uint64_t serial; /* in jetond's journal */
};

/* Connects to the journal if standard error leads there: what the service manager starts is logged
 * by it, a daemon in a terminal is not.  The main thread, before there are others. */
void journald_open(void);

/* A message without control bytes, of which at most 500 bytes are sent. */
void report(const struct journald_entry *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Since the start: entries sent, and entries that were dropped. */
uint64_t journald_sent(void);
uint64_t journald_dropped(void);

#endif
