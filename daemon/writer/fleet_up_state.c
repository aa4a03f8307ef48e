/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_up_state.h"

#include <stdlib.h>

void fleet_up_free(struct fleet_up *u)
{
    if (u == NULL)
        return;
    TAILQ_CONCAT(&u->answered, &u->kept, link);
    for (struct fleet_up_request *r; (r = TAILQ_FIRST(&u->answered)) != NULL;) {
        TAILQ_REMOVE(&u->answered, r, link);
        fleet_up_request_free(r);
    }
    for (struct mail *m; (m = mail_pop(&u->deferred)) != NULL;)
        change_free((struct change *)m);
    for (struct mail *m; (m = mail_pop(&u->entries)) != NULL;)
        change_free((struct change *)m);
    fleet_up_queue_end(&u->queue);
    free(u);
}
