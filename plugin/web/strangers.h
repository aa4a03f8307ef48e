/* SPDX-License-Identifier: Apache-2.0 */
/* Other users whose requests were refused; logged once a minute at most. */
#ifndef JETON_PLUGIN_WEB_STRANGERS_H
#define JETON_PLUGIN_WEB_STRANGERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { STRANGERS_REPORT_MS = 60000 };

struct strangers {
    bool came;     /* since the last report */
    bool has_link; /* ... and has the secret */
    uid_t uid;     /* (uid_t)-1: who it is cannot be found out */
    bool reported;
    int64_t reported_at;
};

/* Note one.  Who has the link is not forgotten for who has not. */
void strangers_note(struct strangers *s, uid_t uid, bool has_link);

void strangers_report(struct strangers *s, int64_t now);

#endif
