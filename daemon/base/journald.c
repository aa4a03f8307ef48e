/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/journald.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "proto/text.h"
#include "proto/token.h"

#define JOURNALD_SOCKET "/run/systemd/journal/socket"

enum { ENTRY_MAX = 1536, MESSAGE_MAX = 500 };

static const struct {
    const char *event;
    const char *id;
    enum log_level level;
} kinds[JOURNALD_KINDS] = {
    [JOURNALD_CHANGE] = { NULL, JOURNALD_ID_CHANGE, LOG_LEVEL_INFO },
    [JOURNALD_REFUSED] = { "refused", JOURNALD_ID_REFUSED, LOG_LEVEL_WARNING },
    [JOURNALD_THROTTLED] = { "throttled", JOURNALD_ID_THROTTLED, LOG_LEVEL_WARNING },
    [JOURNALD_STORE_FAILED] = { "store-failed", JOURNALD_ID_STORE_FAILED, LOG_LEVEL_ERROR },
    [JOURNALD_STORE_MENDED] = { "store-mended", JOURNALD_ID_STORE_MENDED, LOG_LEVEL_INFO },
    [JOURNALD_DENIAL_UNSAVED] = { "denial-unsaved", JOURNALD_ID_DENIAL_UNSAVED, LOG_LEVEL_ERROR },
    [JOURNALD_LEASE_LAPSED] = { "lease-lapsed", JOURNALD_ID_LEASE_LAPSED, LOG_LEVEL_WARNING },
    [JOURNALD_WORKER_STUCK] = { "worker-stuck", JOURNALD_ID_WORKER_STUCK, LOG_LEVEL_ERROR },
    [JOURNALD_REUSED] = { "reused", JOURNALD_ID_REUSED, LOG_LEVEL_WARNING },
};

static struct {
    int fd;                                 /* -1: no journal */
    struct sockaddr_un address;             /* for when journald was restarted */
    _Atomic int64_t second[JOURNALD_KINDS]; /* when an entry of each kind last passed */
    _Atomic uint64_t sent;
    _Atomic uint64_t dropped;
} journal = { .fd = -1 };

/* JETON_JOURNAL_SOCKET is for tests: only whoever starts the daemon can set it. */
void journald_open(void)
{
    const char *elsewhere = secure_getenv("JETON_JOURNAL_SOCKET");
    const char *path = elsewhere != NULL ? elsewhere : JOURNALD_SOCKET;

    if ((elsewhere == NULL && !log_is_journal()) ||
        strlen(path) >= sizeof(journal.address.sun_path))
        return;
    journal.address.sun_family = AF_UNIX;
    memcpy(journal.address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&journal.address, sizeof(journal.address)) == 0) {
        journal.fd = fd;
        return;
    }
    log_warning("journald: no entries are sent: %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* Name the address after a failure: a restarted journald has a new socket under the old name.  To
 * connect again may be denied (daemon/sandbox/seccomp.h). */
static void send_entry(const struct text *entry)
{
    ssize_t sent = send(journal.fd, entry->at, entry->len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent < 0 && (errno == ECONNREFUSED || errno == ENOTCONN || errno == EPIPE))
        sent = sendto(journal.fd, entry->at, entry->len, MSG_NOSIGNAL | MSG_DONTWAIT,
                      (struct sockaddr *)&journal.address, sizeof(journal.address));
    atomic_fetch_add(sent < 0 ? &journal.dropped : &journal.sent, 1);
}

/* Let every change pass, and one protection event of each kind a second. */
static bool passes_limit(enum journald_kind kind)
{
    if (kind == JOURNALD_CHANGE)
        return journal.fd >= 0;
    if (kind == JOURNALD_REUSED)
        return true;
    int64_t second = clock_seconds() + 1;
    if (atomic_exchange(&journal.second[kind], second) != second)
        return true;
    atomic_fetch_add(&journal.dropped, 1);
    return false;
}

/* Add a field in its one-line form: no value in here contains a line feed. */
static void put_number(struct text *t, const char *name, uint64_t number)
{
    text_adds(t, name);
    text_add_u64(t, number);
    text_addc(t, '\n');
}

static void put_fields(struct text *t, const struct journald_entry *r, const char *message)
{
    text_addf(t,
              "MESSAGE=%s\nMESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=jetond\nJETON_EVENT=%s\n",
              message, kinds[r->kind].id, (int)kinds[r->kind].level,
              r->event != NULL ? r->event : kinds[r->kind].event);
    if (r->id != NULL) {
        text_adds(t, "JETON_ID=");
        text_add_hex(t, r->id, ID_SIZE);
        text_addc(t, '\n');
    }
    if (r->uid != JOURNALD_NOBODY)
        put_number(t, "JETON_BY_UID=", r->uid);
    if (r->pid > 0)
        put_number(t, "JETON_BY_PID=", (uint64_t)r->pid);
    if (r->has_login)
        put_number(t, "JETON_BY_LOGIN=", r->login);
    if (r->serial > 0)
        put_number(t, "JETON_SERIAL=", r->serial);
}

static void log_message(enum log_level level, const char *message)
{
    if (level == LOG_LEVEL_ERROR)
        log_error("%s", message);
    else if (level == LOG_LEVEL_WARNING)
        log_warning("%s", message);
    else
        log_info("%s", message);
}

void journald_report(const struct journald_entry *r, const char *format, ...)
{
    char message[MESSAGE_MAX + 1], buffer[ENTRY_MAX];
    struct text entry = text_in(buffer, sizeof(buffer));
    va_list args;

    if (!passes_limit(r->kind))
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    for (char *at = message; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    if (journal.fd < 0) {
        log_message(kinds[r->kind].level, message);
        return;
    }
    put_fields(&entry, r, message);
    send_entry(&entry);
}

uint64_t journald_sent(void)
{
    return atomic_load(&journal.sent);
}

uint64_t journald_dropped(void)
{
    return atomic_load(&journal.dropped);
}
