/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that fill the chunks of scans have in common.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_SCAN_STEP_H
#define JETON_DAEMON_WRITER_SCAN_STEP_H

#include "daemon/base/user_names.h"
#include "daemon/writer/last_used.h"
#include "daemon/writer/scan.h"
#include "daemon/writer/writer_state.h"
#include "proto/reply.h"

/* One step of a scan: the text it writes and the sources it reads. */
struct step {
    struct scan *scan;
    struct writer *writer;
    struct last_used *last_used;
    struct user_names *names;
    struct text text;
    int64_t now;
    bool wants_names; /* some are being looked up: take the step again then */
    int64_t used;     /* last use of the token that was read, as far as it is in memory */
};

/* True while one more line of any length fits, and the final line behind it. */
static inline bool scan_step_fits_line(const struct step *s)
{
    return s->text.cap - s->text.len >= LINE_MAX_BYTES + 1024;
}

static inline void scan_step_finish(struct step *s, enum status status, const char *message)
{
    reply_plain(&s->text, status, message);
    s->scan->finished = true;
}

static inline void scan_step_finish_count(struct step *s)
{
    reply_begin(&s->text, STATUS_OK);
    line_put_u64(&s->text, "count", s->scan->count);
}

static inline void scan_step_put_epoch(struct step *s)
{
    line_puts(&s->text, "epoch", write_queue_epoch(s->writer->queue));
}

static inline void scan_step_finish_end(struct step *s)
{
    reply_end(&s->text, STATUS_OK, NULL);
    s->scan->finished = true;
}

/* Look for a user's name; "": there is none, or it is not known in time. */
static inline void scan_step_name(struct step *s, uid_t uid, char name[USER_NAME_MAX + 1])
{
    enum user_name_found found = USER_NAME_NONE;

    if (s->names != NULL)
        found = user_names_get(s->names, uid, name);
    if (found != USER_NAME_FOUND)
        name[0] = '\0';
    s->wants_names = s->wants_names || found == USER_NAME_PENDING;
}

/* Add " key=NAME", if the user has a name. */
static inline void scan_step_put_name(struct step *s, const char *key, uid_t uid)
{
    char name[USER_NAME_MAX + 1];

    scan_step_name(s, uid, name);
    if (name[0] != '\0')
        line_puts(&s->text, key, name);
}

#endif
