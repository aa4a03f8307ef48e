/* SPDX-License-Identifier: Apache-2.0 */
/* Read and write a ban as the store keeps it.  A ban denies a credential that has no record here: its
 * token's record has left the store, or it never had one.  One line of the common grammar:
 *
 *     key    "ban/" DIGEST        64 hex digits: of a value, or of another name of a credential
 *     value  v=1 banned=TIME by=uid:N [until=TIME] [digest_alg=sha256]
 *
 * No verb lifts a ban.  It is removed when nobody could pass the credential any more, BAN_MARGIN
 * after `until`: other verifiers' clocks differ, and some of them allow a leeway. */
#ifndef JETON_DAEMON_STORE_BAN_H
#define JETON_DAEMON_STORE_BAN_H

#include <sys/types.h>

#include "proto/line.h"
#include "proto/table.h"

#define BAN_KEY "ban/"

enum {
    BAN_KEY_SIZE = sizeof(BAN_KEY) - 1 + 2 * DIGEST_SIZE,
    BAN_LINE_MAX = 512,
    BAN_MARGIN = 24 * 60 * 60, /* seconds */
};

struct ban {
    uint8_t digest[DIGEST_SIZE];
    int64_t banned; /* when */
    int64_t until;  /* the credential's own end; TIME_NEVER: for ever */
    uid_t by;
    uint8_t digest_alg; /* enum digest_alg: of the token that left it */
};

/* True if a credential that ends at `until` need not be banned at `now`, or any longer. */
bool ban_is_over(int64_t until, int64_t now);

/* Write the ban's key in the store, BAN_KEY_SIZE bytes. */
void ban_key(const uint8_t digest[DIGEST_SIZE], char key[BAN_KEY_SIZE]);

/* True if a key of the store is a ban's, right or wrong; sets *valid, and the digest if it is
 * right. */
bool ban_key_parse(struct slice key, uint8_t digest[DIGEST_SIZE], bool *valid);

/* Write the stored line, without LF; BAN_LINE_MAX is always enough. */
void ban_write(struct text *t, const struct ban *ban);

/* Read a stored line.  Return NULL, or what is wrong with it. */
const char *ban_parse(struct ban *ban, const uint8_t digest[DIGEST_SIZE], struct slice stored);

#endif
