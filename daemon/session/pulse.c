/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/pulse.h"

void worker_ask_alive(struct server *server)
{
    for (size_t i = 0; i < server->workers; i++) {
        atomic_fetch_add(&server->worker[i].asked, 1);
        mailbox_wake(&server->worker[i].box);
    }
}

bool worker_all_alive(const struct server *server)
{
    for (size_t i = 0; i < server->workers; i++)
        if (atomic_load(&server->worker[i].answered) != atomic_load(&server->worker[i].asked))
            return false;
    return true;
}

void worker_answer_alive(struct worker *worker)
{
    atomic_store(&worker->answered, atomic_load(&worker->asked));
}
