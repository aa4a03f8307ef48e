/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/pulse.h"

void pulse_ask(struct server *server)
{
    for (size_t i = 0; i < server->lanes; i++) {
        atomic_fetch_add(&server->lane[i].asked, 1);
        mailbox_wake(&server->lane[i].box);
    }
}

bool pulse_answered(const struct server *server)
{
    for (size_t i = 0; i < server->lanes; i++)
        if (atomic_load(&server->lane[i].answered) != atomic_load(&server->lane[i].asked))
            return false;
    return true;
}

void pulse_answer(struct lane *lane)
{
    atomic_store(&lane->answered, atomic_load(&lane->asked));
}
