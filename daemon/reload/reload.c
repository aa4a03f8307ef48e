/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reload/reload.h"

#include <errno.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/net/worker_thread.h"
#include "daemon/process/host_limits.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/table/digest_scheme.h"
#include "daemon/verify/stack_set.h"

enum {
    SETTLE_MICROSECONDS = 2000, /* how often to look whether all workers use a new configuration */
    PATIENCE = 10,              /* seconds until a reload that hangs is reported */
};

static void on_loaded(void *reload, struct loaded *loaded);
static void on_settle(evutil_socket_t fd, short what, void *reload);

bool reload_init(struct reload *r, struct event_base *base)
{
    r->loader = loader_new(r->source, &r->server->metrics, base, on_loaded, r);
    r->on_settle = event_new(base, -1, 0, on_settle, r);
    return r->loader != NULL && r->on_settle != NULL;
}

bool reload_end(struct reload *r)
{
    if (r->on_settle != NULL)
        event_free(r->on_settle);
    loaded_free(r->loaded);
    return loader_free(r->loader);
}

/* Report the end of a reload, and begin the one that was asked for meanwhile. */
static void finish(struct reload *r)
{
    watchdog_ready(r->watchdog);
    if (!r->again)
        return;
    r->again = false;
    reload_begin(r);
}

static void keep_config(struct reload *r, const struct problem *problem)
{
    log_error("config: the configuration stays as it was: %s", problem->message);
    if (sandbox_protections().landlock_abi > 0 && strstr(problem->message, strerror(EACCES)))
        log_info("sandbox: only paths named in the configuration, and name services configured, at "
                 "start can be reached until a restart ([daemon] sandbox)");
    loaded_free(r->loaded);
    r->loaded = NULL;
    finish(r);
}

void reload_begin(struct reload *r)
{
    struct problem problem;

    sd_notify_reloading(r->notify);
    if (loader_busy_since(r->loader) != 0 || r->loaded != NULL || !r->server->stack_set->settled) {
        r->again = true;
        return;
    }
    r->slow = false;
    int error = loader_start(r->loader);
    if (error == 0)
        return;
    problem_set(&problem, STATUS_INTERNAL, "it cannot be loaded: %s", strerror(-error));
    keep_config(r, &problem);
}

/* Begin to use what was loaded; on_settle() goes on until all workers do. */
static void use_loaded(struct reload *r)
{
    struct server *server = r->server;
    const struct config *c = &r->loaded->config;

    stack_set_replace(server->stack_set, r->loaded->stacks);
    r->loaded->stacks = NULL;
    write_queue_set_policies(server->write_queue, r->loaded->policies);
    r->loaded->policies = NULL;
    config_log_restart_keys(r->config, c);
    config_log_overridden(r->source, c);
    log_set_level(c->log_level);
    if (settings_apply(&server->settings, c, r->loaded->resolved.table_gid)) {
        server->stack_set->terms_changed = true;
        client_limit_judge_anew(server->client_limit);
    }
    client_limit_set(server->client_limit, host_limits_connections(c, server->workers),
                     c->max_connections_per_uid);
    for (size_t i = 0; i < server->workers; i++)
        mailbox_wake(&server->worker[i].mailbox);
    loaded_free(r->loaded);
    r->loaded = NULL;
}

/* Use what was loaded, once the table has the bans that its verifiers need.  False: not now; r->loaded
 * is NULL if that failed. */
static bool try_to_use(struct reload *r)
{
    enum ban_state bans = write_queue_bans(r->server->write_queue);
    struct problem problem;

    if (stacks_identify(r->loaded->stacks) && bans != BANS_IN) {
        problem_set(&problem, STATUS_STORE,
                    "its verifiers need the store's bans, which cannot be loaded");
        if (bans == BANS_FAILED)
            keep_config(r, &problem);
        return false;
    }
    use_loaded(r);
    return true;
}

static void on_loaded(void *reload, struct loaded *loaded)
{
    struct reload *r = reload;
    struct write_queue *queue = r->server->write_queue;

    r->loaded = loaded;
    r->loaded_at = clock_seconds();
    if (!loaded->ok) {
        keep_config(r, &loaded->problem);
        return;
    }
    if (stacks_identify(loaded->stacks) && write_queue_bans(queue) != BANS_IN)
        write_queue_want_bans(queue);
    on_settle(-1, 0, r);
}

/* Make clients ask for the table again if its terms or its group changed.  False: no memory. */
static bool recall_table(struct server *server)
{
    if (!server->stack_set->terms_changed)
        return true;
    int error = token_table_recall(server->token_table);
    if (error < 0) {
        log_error(
            "table: no memory for a new one (%s): clients that have the old one go on using it "
            "by the old configuration; trying again",
            strerror(-error));
        return false;
    }
    server->stack_set->terms_changed = false;
    return true;
}

static void on_settle(evutil_socket_t fd, short what, void *reload)
{
    const struct timeval soon = { .tv_usec = SETTLE_MICROSECONDS }, later = { .tv_sec = 1 };
    struct reload *r = reload;

    (void)fd;
    (void)what;
    if (r->loaded != NULL && !try_to_use(r)) {
        if (r->loaded != NULL)
            event_add(r->on_settle, &soon);
        return;
    }
    bool settled = stack_set_step(r->server->stack_set);
    if (!settled || !recall_table(r->server)) {
        event_add(r->on_settle, settled ? &later : &soon);
        return;
    }
    log_info("config: configuration reloaded");
    finish(r);
}

/* Drop the bans from the table when no stack, not even one that was replaced, needs them, nor a token
 * by SHA-256. */
static void drop_bans(struct server *server)
{
    const struct stack_set *set = server->stack_set;

    if (write_queue_bans(server->write_queue) != BANS_IN || !set->settled ||
        set->replaced != NULL || stacks_identify(set->current) ||
        digest_scheme_has_sha256(server->token_table))
        return;
    write_queue_drop_bans(server->write_queue);
    token_table_keep_bans(server->token_table, false);
    if (digest_scheme_has_sha256(server->token_table)) /* since a moment ago */
        write_queue_want_bans(server->write_queue);
}

/* Free nothing while verifiers are loaded: they are opened and closed one at a time. */
void reload_tick(struct reload *r)
{
    int64_t since = r->loaded != NULL ? r->loaded_at : loader_busy_since(r->loader);

    if (since == 0 && r->server->stack_set->settled)
        stack_set_step(r->server->stack_set);
    if (since == 0)
        drop_bans(r->server);
    if (since == 0 || r->slow || clock_seconds() - since < PATIENCE)
        return;
    r->slow = true;
    log_warning("config: a reload waits for more than %d s, for a name service or a file system "
                "that does not answer; the configuration stays as it was until it does",
                PATIENCE);
}
