/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scheme_load.h"

#include <string.h>

#include "daemon/base/log.h"
#include "daemon/table/digest_scheme.h"
#include "daemon/writer/ban_load.h"

static bool is_ready(const struct writer *w)
{
    return digest_scheme_has_sha256(w->token_table) && token_table_keeps_bans(w->token_table) &&
           write_queue_bans(w->queue) == BANS_IN;
}

bool scheme_load_is_wanted(const struct writer *w)
{
    return write_queue_wants_sha256(w->queue) && !is_ready(w);
}

/* The layout comes first: the main thread drops no bans that are in by then. */
void scheme_load(struct writer *w)
{
    struct problem problem;

    if (!scheme_load_is_wanted(w))
        return;
    int error = digest_scheme_use_sha256(w->token_table);
    if (error < 0)
        log_error("table: no memory for one with tokens by SHA-256: %s", strerror(-error));
    else if (!ban_load_all(w, &problem))
        log_error("store: the bans cannot be loaded: %s", problem.message);
}

bool scheme_load_refuses(const struct writer *w, struct change *c)
{
    bool again = c->names > 0 && c->reply_to == NULL; /* nobody would try an unsaved ban again */

    if (c->want.digest_alg == DIGEST_ALG_OWN || again || is_ready(w))
        return false;
    problem_set(&c->problem, STATUS_BUSY,
                "the table is not ready for tokens by SHA-256 (see jetond's log); try again");
    return true;
}
