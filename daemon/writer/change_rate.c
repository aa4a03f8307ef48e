/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/change_rate.h"

#include <stdbool.h>
#include <stdlib.h>

enum { SWEEP_MIN = 1024 };

struct rate {
    struct uid_entry entry; /* first */
    int64_t until;          /* when it is as good as new */
};

/* Forget those that are as good as new, or all. */
static void forget(struct change_rates *rates, bool all, int64_t now)
{
    struct uid_entry *e = uid_table_next(&rates->uids, NULL);

    while (e != NULL) {
        struct rate *r = (struct rate *)e;
        e = uid_table_next(&rates->uids, e);
        if (!all && r->until > now)
            continue;
        uid_table_remove(&rates->uids, &r->entry);
        rates->count--;
        free(r);
    }
}

/* Find or add a uid's rate.  NULL: no memory. */
static struct rate *find(struct change_rates *rates, uid_t uid, int64_t now)
{
    struct rate *r = (struct rate *)uid_table_find(&rates->uids, uid);

    if (r != NULL)
        return r;
    if (rates->count >= rates->sweep_at) {
        forget(rates, false, now);
        rates->sweep_at = 2 * rates->count > SWEEP_MIN ? 2 * rates->count : SWEEP_MIN;
    }
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    uid_table_add(&rates->uids, &r->entry, uid);
    rates->count++;
    return r;
}

int64_t change_rate_take(struct change_rates *rates, uid_t uid, int64_t now)
{
    const int64_t most = (int64_t)(CHANGE_RATE_BURST - 1) * CHANGE_RATE_SECONDS;
    struct rate *r = find(rates, uid, now);

    if (r == NULL)
        return CHANGE_RATE_SECONDS;
    if (r->until < now)
        r->until = now;
    if (r->until - now > most)
        return r->until - now - most;
    r->until += CHANGE_RATE_SECONDS;
    return 0;
}

void change_rate_free(struct change_rates *rates)
{
    forget(rates, true, 0);
}
