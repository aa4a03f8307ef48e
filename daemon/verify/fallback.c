/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/fallback.h"

#include <pthread.h>

#include "daemon/base/log.h"

/* Names that were logged.  Those before `count` never change, so finding one takes no lock. */
static struct {
    pthread_mutex_t mutex; /* held for adding one */
    _Atomic unsigned count;
    struct {
        size_t len;
        char text[SERVICE_MAX];
    } name[FALLBACK_NAMES_MAX];
} logged = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static bool is_logged(struct slice service, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (slice_equal(service, (struct slice){ logged.name[i].text, logged.name[i].len }))
            return true;
    return false;
}

/* Add a name; false: it is there, or there is no space. */
static bool add(struct slice service, unsigned *count)
{
    pthread_mutex_lock(&logged.mutex);
    *count = atomic_load_explicit(&logged.count, memory_order_relaxed);
    bool added = *count < FALLBACK_NAMES_MAX && !is_logged(service, *count);
    if (added) {
        memcpy(logged.name[*count].text, service.at, service.len);
        logged.name[*count].len = service.len;
        atomic_store_explicit(&logged.count, ++*count, memory_order_release);
    }
    pthread_mutex_unlock(&logged.mutex);
    return added;
}

void fallback_log(struct slice service)
{
    unsigned count = atomic_load_explicit(&logged.count, memory_order_acquire);

    if (is_logged(service, count) || count == FALLBACK_NAMES_MAX || service.len > SERVICE_MAX ||
        !add(service, &count))
        return;
    log_info("service %.*s has no section in the configuration: [service other] judges%s",
             (int)service.len, service.at,
             count == FALLBACK_NAMES_MAX ? "; no further names are logged" : "");
}

void fallback_put(struct text *t, struct slice service)
{
    line_put(t, "service", service);
    text_adds(t, " stack=other");
}
