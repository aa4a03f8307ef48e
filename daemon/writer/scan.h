/* SPDX-License-Identifier: Apache-2.0 */
/* A request that reads many records: list, show, export, journal, watch; or changes many (bulk.h).
 *
 * It travels between its session, which owns it until the reader has taken a chunk, and the
 * writer's thread, which fills the next one (scan_run.h).  So it goes at the reader's pace, its
 * memory is one chunk, and changes and other scans get their turn between two chunks.
 *
 * A list is no snapshot: what is created while it runs appears at its end, what is deleted
 * before the list gets there does not appear; everything else appears exactly once. */
#ifndef JETON_DAEMON_WRITER_SCAN_H
#define JETON_DAEMON_WRITER_SCAN_H

#include <sodium.h>
#include <stdatomic.h>

#include "daemon/base/mailbox.h"
#include "daemon/store/store_bans.h"
#include "daemon/table/subject_index.h"
#include "daemon/writer/journal_filter.h"
#include "daemon/writer/list_filter.h"
#include "daemon/writer/list_order.h"
#include "daemon/writer/list_walk.h"
#include "proto/position.h"
#include "proto/request.h"

enum { SCAN_TRACE_NAMES = 3 };

/* A trace of a value: what it is, and how far the trace is. */
struct scan_trace {
    bool is_token; /* scan->id is that of a token, not of the value */
    uint8_t names; /* by which the value may be banned */
    uint8_t name[SCAN_TRACE_NAMES][DIGEST_SIZE];
    uint8_t stage;
    bool found;    /* there is a token, or a ban */
    bool has_next; /* of the chain of rotations: */
    uint8_t next[ID_SIZE];
    unsigned chain; /* tokens of it that were looked at */
};

enum { SCAN_CHUNK = 4 * LINE_MAX_BYTES, SCAN_CHECKSUM = 32 };

struct bulk;
struct fleet_request;

/* What a checkpoint that is asked for waits for: store_saving.h. */
struct scan_checkpoint {
    uint64_t next;     /* that the file has everything before this, */
    uint64_t failures; /* or that there are more than these */
};

/* A backup that is under way, and then its copy. */
struct scan_backup {
    bool begun;
    bool has_descriptor; /* to go with the reply */
    int descriptor;
};

struct scan {
    struct mail mail; /* first: mail is the scan */
    struct mailbox *reply_to;
    void *sender; /* for the thread of `reply_to` */
    enum verb verb;
    atomic_bool stop; /* set by the sender at any time: end with what was sent so far */

    /* the question */
    uint64_t given;      /* KEY_BITs */
    uint8_t id[ID_SIZE]; /* of show, or after= of list */
    uint64_t limit;
    uint64_t fields; /* list_fields.h; 0: all */
    enum list_sort sort;
    bool back;         /* order=desc */
    bool has_position; /* behind which list goes on: after= that is no identifier */
    struct list_key position;
    struct list_filter filter;
    struct bulk *bulk;           /* the change of many tokens that is asked for; NULL: none */
    struct fleet_request *fleet; /* what the fleet's agent asks for; NULL: nothing */

    bool users_have_own; /* there is a socket for users' own tokens: of policy */

    uid_t uid; /* who asks */
    bool own;  /* only tokens that belong to this user exist */
    uint16_t user_len;
    char user[SUBJECT_MAX];

    struct journal_filter entries; /* of journal; its subject points into `filter` */

    int64_t names_by; /* clock_seconds(): wait no longer for names of users; 0: it does not wait */
    bool without_names; /* it has waited long enough: leave out those that are not known */

    crypto_generichash_state checksum; /* of an export: scan_export.h */

    /* how far it is, from `begun` to `finished`; a step that waits for names is taken back */
    bool begun;
    bool waits; /* its answer is held back */
    struct list_walk walk;
    struct list_order *order; /* of a list that is not in the order of creation; NULL: not yet */
    bool arranged;            /* what is in there is being sent */
    struct position entry; /* of journal and watch: the last entry sent, of the epoch asked for */
    bool at_bans;          /* export: all tokens are sent */
    struct store_place place; /* then the next ban */
    struct scan_trace trace;  /* of a trace; zeros */
    struct scan_checkpoint checkpoint;
    struct scan_backup backup;
    uint64_t count;        /* lines sent */
    uint8_t last[ID_SIZE]; /* the last token sent */
    bool finished;         /* the chunk's last line is the final one */

    /* the chunk */
    size_t len;
    char bytes[SCAN_CHUNK];
};

enum {
    SCAN_PROGRESS = offsetof(struct scan, begun),
    SCAN_PROGRESS_SIZE = offsetof(struct scan, len) - SCAN_PROGRESS,
};

/* Read a request; NULL: *problem says what is wrong with it. */
struct scan *scan_new(const struct request *r, struct problem *problem);
void scan_free(struct scan *s);

/* Confine a list, or show, to the tokens of one user. */
void scan_confine(struct scan *s, struct slice user, uid_t uid);

/* Return the user to whom it is confined. */
struct slice scan_user(const struct scan *s);

/* True if a token may be shown. */
bool scan_may_show(const struct scan *s, const struct record *r);

#endif
