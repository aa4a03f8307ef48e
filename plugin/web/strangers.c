/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/strangers.h"

#include <stdio.h>

#include "plugin/web/log.h"

void strangers_note(struct strangers *s, uid_t uid, bool has_link)
{
    if (s->came && s->has_link && !has_link)
        return;
    s->came = true;
    s->has_link = has_link;
    s->uid = uid;
}

void strangers_report(struct strangers *s, int64_t now)
{
    char who[64] = "somebody who cannot be found out";

    if (!s->came || (s->reported && now - s->reported_at < STRANGERS_REPORT_MS))
        return;
    if (s->uid != (uid_t)-1)
        snprintf(who, sizeof(who), "uid %u", (unsigned)s->uid);
    if (s->has_link)
        log_write("%s has the link, and was refused: end this with Ctrl-C, and start anew", who);
    else
        log_write("%s asked for what only your own page may have, and was refused", who);
    s->came = s->has_link = false;
    s->reported = true;
    s->reported_at = now;
}
