/* SPDX-License-Identifier: Apache-2.0 */
/* Read and write a token as the store keeps it: one line of the common grammar.
 *
 *     key    "token/" ID
 *     value  v=1 serial=N digest=HEX created=TIME by=uid:N [activates=] [expires=] [revoked=]
 *            [revoked_by=uid:N] [disabled=] [disabled_by=uid:N] [owner=uid:N] [replaces=ID]
 *            [replaced_by=ID] [own_end=] [rotated=] [rotated_end=] [signed=HEX] [subject=] [scopes=]
 *            [description=] [digest_alg=sha256]
 *
 * A token of the fleet has group= and origin= as well, and is never in the store: daemon/fleet/ keeps it.
 */
#ifndef JETON_DAEMON_STORE_RECORD_H
#define JETON_DAEMON_STORE_RECORD_H

#include <sys/types.h>

#include "proto/line.h"
#include "proto/table.h"
#include "proto/token.h"

struct ban;

#define RECORD_KEY "token/"

enum {
    RECORD_VERSION = 1,
    RECORD_KEY_SIZE = sizeof(RECORD_KEY) - 1 + ID_TEXT,
    RECORD_LINE_MAX = LINE_MAX_BYTES,
    RECORD_BYTES_MIN = 64, /* of the store, for any record */
    RECORD_TEXTS_MAX = SUBJECT_MAX + SCOPES_TEXT_MAX + DESCRIPTION_MAX + 2 * GROUP_MAX,
};

struct record {
    uint8_t digest[DIGEST_SIZE]; /* begins with the id */
    uint64_t serial;             /* of the journal entry that added it */
    int64_t created;
    int64_t activates;   /* TIME_ALWAYS: at once */
    int64_t expires;     /* TIME_NEVER */
    int64_t revoked;     /* when; 0: it is not */
    int64_t disabled;    /* when; 0: it is not */
    int64_t own_end;     /* the expiry it had before it was shortened here; 0: it was not */
    int64_t rotated;     /* when, with a grace: `expires` is final then; 0: it was not */
    int64_t rotated_end; /* the expiry it had then; 0: it was not, or is not known */
    uid_t by;            /* who created or imported it */
    bool has_owner;      /* it was made by the user whose name is its subject: */
    uid_t owner;
    uint8_t digest_alg; /* enum digest_alg */
    bool has_replaces;
    uint8_t replaces[ID_SIZE]; /* the token this one was rotated from */
    bool has_replaced_by;
    uint8_t replaced_by[ID_SIZE]; /* the token this one was last rotated to */
    bool has_revoked_by;          /* who did is known; so with the next */
    bool has_disabled_by;
    uid_t revoked_by;
    uid_t disabled_by;
    bool has_signed;
    uint8_t signed_part[DIGEST_SIZE]; /* token_signed_digest() of the value */
    uint16_t subject_len;
    uint16_t scopes_len;
    uint16_t description_len;
    uint8_t group_len;  /* 0: it is a token of this host alone */
    uint8_t origin_len; /* of the fleet's host that made it */
    /* Subject, scopes (normalised), description, group and origin, without gaps: mostly they are short. */
    char texts[RECORD_TEXTS_MAX];
};

/* Empty a record; the bytes of its texts stay as they are. */
static inline void record_clear(struct record *r)
{
    memset(r, 0, offsetof(struct record, texts));
}

static inline size_t record_texts_len(const struct record *r)
{
    return (size_t)r->subject_len + r->scopes_len + r->description_len + r->group_len +
           r->origin_len;
}

/* Copy a record, of its texts only the bytes that are used. */
static inline void record_copy(struct record *to, const struct record *from)
{
    memcpy(to, from, offsetof(struct record, texts) + record_texts_len(from));
}

static inline struct slice record_subject(const struct record *r)
{
    return (struct slice){ r->texts, r->subject_len };
}

static inline struct slice record_scopes(const struct record *r)
{
    return (struct slice){ r->texts + r->subject_len, r->scopes_len };
}

static inline struct slice record_description(const struct record *r)
{
    return (struct slice){ r->texts + r->subject_len + r->scopes_len, r->description_len };
}

static inline struct slice record_group(const struct record *r)
{
    return (struct slice){ r->texts + r->subject_len + r->scopes_len + r->description_len,
                           r->group_len };
}

static inline struct slice record_origin(const struct record *r)
{
    return (struct slice){ r->texts + record_texts_len(r) - r->origin_len, r->origin_len };
}

/* True for a token of the fleet. */
static inline bool record_is_fleet(const struct record *r)
{
    return r->group_len > 0;
}

/* Set a text of the record, from outside of it.  Return NULL, or what is wrong with the text;
 * the record is then unchanged. */
const char *record_set_subject(struct record *r, struct slice subject);
const char *record_set_scopes(struct record *r, struct slice words);
const char *record_set_description(struct record *r, struct slice description);
const char *record_set_group(struct record *r, struct slice group);
const char *record_set_origin(struct record *r, struct slice origin);

/* True if a token belongs to a user: its subject is his name, and it was made by him, or by nobody whose
 * name that was. */
bool record_belongs_to(const struct record *r, struct slice name, uid_t uid);

/* Return the flags of the token's slot in the table. */
uint32_t record_flags(const struct record *r);

/* Return the time from which retention counts: the earlier of revocation and expiry; or
 * TIME_NEVER. */
int64_t record_ended(const struct record *r);

/* True if it says that the token is refused, or will be before its own end. */
bool record_is_denied(const struct record *r);

/* Return the end that the credential had of its own, which a ban of it need not outlive. */
int64_t record_own_end(const struct record *r);

/* Write the token's key in the store, RECORD_KEY_SIZE bytes. */
void record_key(const uint8_t id[ID_SIZE], char key[RECORD_KEY_SIZE]);

/* True if a key of the store is a token's; sets its id. */
bool record_key_parse(struct slice key, uint8_t id[ID_SIZE]);

/* Write the stored line, without LF; RECORD_LINE_MAX is always enough.  Return the claims in it, as
 * record_put_claims() writes them. */
struct slice record_write(struct text *t, const struct record *r);

/* True if the stored lines of both are the same. */
bool record_equal(const struct record *a, const struct record *b);

/* Add the claims, as replies, exports and journal entries show them:
 * [activates=] [expires=] [subject=] [scopes=] [description=] [group=] [origin=]. */
void record_put_claims(struct text *t, const struct record *r);

/* Add [revoked=] [revoked_by=] [disabled=] [disabled_by=] [replaces=] [replaced_by=], which stored
 * lines, exports and lists have in common. */
void record_put_denials(struct text *t, const struct record *r);

/* Add those, and [digest_alg=] [own_end=] [rotated=] [rotated_end=] [signed=], which lists do not have. */
void record_put_history(struct text *t, const struct record *r);

/* Note who denied the token. */
void record_set_revoked_by(struct record *r, uid_t by);
void record_set_disabled_by(struct record *r, uid_t by);
/* Add [owner=uid:N], which stored lines, exports and lists have. */
void record_put_owner(struct text *t, const struct record *r);

/* Add " state=…" at this time, as every line about a token has it. */
void record_put_state(struct text *t, const struct record *r, int64_t now);

/* Add [digest_alg=], and read it. */
void record_put_digest_alg(struct text *t, uint8_t digest_alg);
bool record_read_digest_alg(void *digest_alg, struct slice value);

/* Read a stored line; `id` is the key's.  Return NULL, or what is wrong with it. */
const char *record_parse(struct record *r, const uint8_t id[ID_SIZE], struct slice line);

/* Receives every token of a store, one after the other, and the bans if it wants them. */
struct record_visitor {
    struct record *record; /* where the next token is put */

    /* Called when it is there; may set `record` for the next one.  False: no memory for more. */
    bool (*visit)(struct record_visitor *visitor);

    /* Called with each ban; false: no memory for more.  NULL: bans are passed over. */
    bool (*visit_ban)(struct record_visitor *visitor, const struct ban *ban);
    uint64_t bans; /* seen so far */
    bool sha256;   /* a ban by SHA-256 was seen */
};

#endif
