/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/uid_share.h"

#include <stdlib.h>

void uid_share_init(struct uid_share *share)
{
    *share = (struct uid_share){ .sessions = 0 };
    TAILQ_INIT(&share->due);
    for (int i = 0; i < CLASSES; i++)
        TAILQ_INIT(&share->wait[i].sessions);
}

struct uid_share *uid_share_join(struct uid_table *all, uid_t uid)
{
    struct uid_share *share = (struct uid_share *)uid_table_find(all, uid);

    if (share == NULL) {
        share = malloc(sizeof(*share));
        if (share == NULL)
            return NULL;
        uid_share_init(share);
        uid_table_add(all, &share->entry, uid);
    }
    share->sessions++;
    return share;
}

void uid_share_leave(struct uid_table *all, struct uid_share *share)
{
    if (share == NULL || --share->sessions > 0)
        return;
    uid_table_remove(all, &share->entry);
    free(share);
}
