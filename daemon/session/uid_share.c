/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/uid_share.h"

#include <stdlib.h>

/* Return the link to this uid's share, or the one at the end of its bucket. */
static struct uid_share **find(struct uid_shares *all, uid_t uid)
{
    struct uid_share **link = &all->bucket[uid % UID_SHARE_BUCKETS];

    while (*link != NULL && (*link)->uid != uid)
        link = &(*link)->next;
    return link;
}

void uid_share_init(struct uid_share *share, uid_t uid)
{
    *share = (struct uid_share){ .uid = uid };
    TAILQ_INIT(&share->due);
    for (int i = 0; i < CLASSES; i++)
        TAILQ_INIT(&share->wait[i].sessions);
}

struct uid_share *uid_share_join(struct uid_shares *all, uid_t uid)
{
    struct uid_share **link = find(all, uid);

    if (*link == NULL) {
        *link = malloc(sizeof(**link));
        if (*link == NULL)
            return NULL;
        uid_share_init(*link, uid);
    }
    (*link)->sessions++;
    return *link;
}

void uid_share_leave(struct uid_shares *all, struct uid_share *share)
{
    if (share == NULL || --share->sessions > 0)
        return;
    *find(all, share->uid) = share->next;
    free(share);
}
