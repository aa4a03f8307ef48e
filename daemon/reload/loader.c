/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reload/loader.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/thread.h"

struct loader {
    const struct config_source *source;
    struct metrics *metrics;
    loader_done *done;
    void *context;
    struct mailbox mailbox; /* for the result */
    struct event *on_mail;
    pthread_t thread;
    int64_t busy_since; /* 0: there is no thread */
    struct loaded *loaded;
};

static void on_mail(evutil_socket_t fd, short what, void *loader);

struct loader *loader_new(const struct config_source *source, struct metrics *metrics,
                          struct event_base *base, loader_done *done, void *context)
{
    struct loader *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->source = source;
    l->metrics = metrics;
    l->done = done;
    l->context = context;
    if (mailbox_init(&l->mailbox) < 0) {
        free(l);
        return NULL;
    }
    l->on_mail = event_new(base, l->mailbox.wake, EV_READ | EV_PERSIST, on_mail, l);
    if (l->on_mail != NULL && event_add(l->on_mail, NULL) == 0)
        return l;
    loader_free(l);
    return NULL;
}

void loaded_free(struct loaded *loaded)
{
    if (loaded != NULL && loaded->stacks != NULL) {
        while (!stacks_end(loaded->stacks, 1000))
            continue;
        stacks_free(loaded->stacks);
    }
    if (loaded != NULL)
        free(loaded->policies);
    free(loaded);
}

/* -- the thread ------------------------------------------------------------------------------ */

static bool load(const struct config_source *source, struct loaded *loaded)
{
    struct config_faults faults;

    if (config_load(source, &loaded->config, &faults))
        return resolve_config(&loaded->config, &loaded->resolved, &loaded->problem);
    loaded->problem = faults.fault[0];
    return false;
}

static bool copy_policies(struct loaded *loaded)
{
    loaded->policies = policies_copy(&loaded->config.policies, loaded->resolved.exempt_import);
    if (loaded->policies == NULL)
        problem_set(&loaded->problem, STATUS_INTERNAL, "no memory");
    return loaded->policies != NULL;
}

static void *run(void *loader)
{
    struct loader *l = loader;
    struct loaded *loaded = l->loaded;

    thread_begin();
    loaded->ok = load(l->source, loaded) && copy_policies(loaded);
    if (loaded->ok)
        loaded->stacks = stacks_new(&loaded->config, l->metrics, &loaded->problem);
    loaded->ok = loaded->stacks != NULL;
    mailbox_post(&l->mailbox, &loaded->mail);
    return NULL;
}

/* -- the main thread ------------------------------------------------------------------------- */

int loader_start(struct loader *l)
{
    l->loaded = calloc(1, sizeof(*l->loaded));
    if (l->loaded == NULL)
        return -ENOMEM;
    int error = pthread_create(&l->thread, NULL, run, l);
    if (error == 0)
        l->busy_since = clock_seconds();
    else
        free(l->loaded);
    return -error;
}

int64_t loader_busy_since(const struct loader *l)
{
    return l->busy_since;
}

/* Take the result; the thread, which has nothing left to do, is gone then.  NULL: it loads. */
static struct loaded *take(struct loader *l)
{
    struct mail_list list = mailbox_take(&l->mailbox);

    if (list.first == NULL)
        return NULL;
    pthread_join(l->thread, NULL);
    l->busy_since = 0;
    return (struct loaded *)list.first;
}

static void on_mail(evutil_socket_t fd, short what, void *loader)
{
    struct loader *l = loader;
    struct loaded *loaded = take(l);

    (void)fd;
    (void)what;
    if (loaded != NULL)
        l->done(l->context, loaded);
}

bool loader_free(struct loader *l)
{
    if (l == NULL)
        return true;
    if (l->on_mail != NULL)
        event_free(l->on_mail);
    struct loaded *left = l->busy_since != 0 ? take(l) : NULL;
    if (l->busy_since != 0) {
        pthread_detach(l->thread);
        return false;
    }
    loaded_free(left);
    mailbox_destroy(&l->mailbox);
    free(l);
    return true;
}
