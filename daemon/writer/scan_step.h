/* SPDX-License-Identifier: Apache-2.0 */
/* One step of a scan, which scan_run() makes: the text that it writes and the sources that it reads. */
#ifndef JETON_DAEMON_WRITER_SCAN_STEP_H
#define JETON_DAEMON_WRITER_SCAN_STEP_H

#include "daemon/base/user_names.h"
#include "daemon/writer/last_used.h"
#include "daemon/writer/scan.h"
#include "daemon/writer/writer_state.h"

/* Most that is looked at in one step, so that a filter which nothing passes does not delay the rest. */
enum {
    STEP_RECORDS = 1000, /* records read */
    STEP_OWN = 100,      /* ... where it is a user's list: there may be many users */
    STEP_LOOKS = 8192,   /* tokens looked at in index and table */
    STEP_USES = 1024,    /* ... of a user's, whose last uses are read one by one */
};

struct step;

/* Write one token's data line. */
typedef void step_put_token(struct step *s, const struct record *r);

struct step {
    struct scan *scan;
    struct writer *writer;
    struct last_used *last_used;
    struct user_names *names;
    step_put_token *put; /* as the verb has it; NULL: it has no such lines */
    struct text text;
    int64_t now;
    int64_t used;     /* last use of the token that was read, as far as it is in memory */
    bool wants_names; /* some are being looked up: take the step again then */
};

/* True while one more line of any length fits, and the final line behind it. */
bool step_fits_line(const struct step *s);

/* Read a token as verifiers see it: a denial may be in force in memory alone.  Another user's token is
 * not there for a user. */
enum store_found step_read_token(struct step *s, const uint8_t id[ID_SIZE], struct record *r);

/* Look for a user's name; "": there is none, or it is not known in time. */
void step_name(struct step *s, uid_t uid, char name[USER_NAME_MAX + 1]);

/* Add " key=NAME", if the user has a name. */
void step_put_name(struct step *s, const char *key, uid_t uid);

/* Write the whole final line. */
void step_finish(struct step *s, enum status status, const char *message);

/* Begin and end the final line "OK count=…". */
void step_begin_count(struct step *s);
void step_put_epoch(struct step *s);
void step_end_count(struct step *s);

#endif
