/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/reload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "plugin/service/notify.h"

static struct context *context;
static const struct config_source *source;
static struct rules *retired;
static struct event *event;
static pthread_t thread;
static int loaded_fd = -1;
static bool running, again;

/* The thread's, until it has written to loaded_fd. */
static struct rules *loaded;
static struct config_faults faults;

static void *load(void *unused)
{
    const uint64_t one = 1;

    (void)unused;
    loaded = rules_load(source, &faults);
    if (write(loaded_fd, &one, sizeof(one)) != sizeof(one))
        abort(); /* an eventfd always takes it */
    return NULL;
}

static bool start_thread(void)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&thread, NULL, load, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static void fail(void)
{
    for (unsigned i = 0; i < faults.count && i < CONFIG_FAULTS_MAX; i++)
        log_write(LOG_ERROR, "reload: %s", faults.text[i]);
    log_write(LOG_ERROR, "reload: the configuration stays as it was");
    context->metrics.failed_reloads++;
}

static bool same_listeners(const struct config *a, const struct config *b)
{
    return strcmp(a->path, b->path) == 0 && strcmp(a->group, b->group) == 0 && a->mode == b->mode &&
           strcmp(a->admin, b->admin) == 0 && strcmp(a->admin_group, b->admin_group) == 0 &&
           a->admin_mode == b->admin_mode && a->tcp_len == b->tcp_len &&
           memcmp(&a->tcp, &b->tcp, sizeof(a->tcp)) == 0 && a->sandbox == b->sandbox;
}

static void take_over(struct rules *new)
{
    if (!same_listeners(&new->config, &context->rules->config))
        log_write(LOG_WARNING,
                  "reload: sockets, their permissions and sandbox change at a restart");
    rules_retire(&retired, context->rules);
    context->rules = new;
    log_set_level(new->config.log_level);
    context->metrics.reloads++;
    log_write(LOG_INFO, "reload: %u site%s", new->config.sites, new->config.sites == 1 ? "" : "s");
}

static void on_loaded(evutil_socket_t fd, short what, void *unused)
{
    uint64_t count;

    (void)what;
    (void)unused;
    if (read(fd, &count, sizeof(count)) != sizeof(count))
        return;
    pthread_join(thread, NULL);
    running = false;
    if (loaded != NULL && !rules_attach(loaded, context->base)) {
        config_blame(&faults, "no memory");
        rules_free(loaded);
        loaded = NULL;
    }
    if (loaded != NULL)
        take_over(loaded);
    else
        fail();
    loaded = NULL;
    notify_send("READY=1");
    if (again)
        reload_begin();
}

bool reload_init(struct context *ctx, const struct config_source *src)
{
    context = ctx;
    source = src;
    loaded_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loaded_fd < 0)
        return false;
    event = event_new(context->base, loaded_fd, EV_READ | EV_PERSIST, on_loaded, NULL);
    return event != NULL && event_add(event, NULL) == 0;
}

void reload_begin(void)
{
    again = running;
    if (running)
        return;
    notify_reloading();
    running = start_thread();
    if (!running) {
        log_write(LOG_ERROR, "reload: no thread can be started");
        context->metrics.failed_reloads++;
        notify_send("READY=1");
    }
}

void reload_tick(void)
{
    rules_reap(&retired);
}

bool reload_end(void)
{
    if (running)
        return false;
    if (event != NULL)
        event_free(event);
    if (loaded_fd >= 0)
        close(loaded_fd);
    rules_reap(&retired);
    rules_free(context != NULL ? context->rules : NULL);
    return true;
}
