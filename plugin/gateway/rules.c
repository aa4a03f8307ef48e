/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugin/gateway/unix_socket.h"
#include "proto/socket_trust.h"

void rules_free(struct rules *r)
{
    for (unsigned i = 0; r != NULL && i < r->handles; i++)
        service_handle_close(r->handle[i]);
    free(r);
}

/* A daemon that comes later is no fault; but until then each request is answered 503, and nothing else
 * tells why. */
static void warn_without_daemon(const char *path)
{
    int fd = unix_socket_connect(path);

    if (fd >= 0)
        close(fd);
    else if (fd != -EAGAIN)
        log_write(LOG_WARNING,
                  "the daemon's socket %s: %s; until jetond listens there, no token passes", path,
                  strerror(-fd));
}

/* Find or open the handle of a site's service. */
static bool open_handle(struct rules *r, struct site *site, struct config_faults *faults)
{
    int error;

    for (unsigned i = 0; i < r->handles; i++)
        if (strcmp(service_handle_name(r->handle[i]), site->service) == 0) {
            site->handle = i;
            return true;
        }
    site->handle = r->handles;
    r->handle[r->handles] = service_handle_open(r->config.socket, site->service,
                                                r->config.verify_timeout, &error);
    if (r->handle[r->handles] == NULL) {
        config_blame(faults, "the daemon's socket %s: %s", r->config.socket,
                     socket_trust_error_text(error));
        return false;
    }
    r->handles++;
    return true;
}

struct rules *rules_load(const struct config_source *source, struct config_faults *faults)
{
    struct rules *r = calloc(1, sizeof(*r));

    faults->count = 0;
    if (r == NULL) {
        config_blame(faults, "no memory");
        return NULL;
    }
    bool ok = config_load(source, &r->config, faults);
    for (unsigned i = 0; ok && i < r->config.sites; i++)
        ok = open_handle(r, &r->config.site[i], faults);
    if (ok) {
        warn_without_daemon(r->config.socket);
        return r;
    }
    rules_free(r);
    return NULL;
}

bool rules_attach(struct rules *r, struct event_base *base)
{
    for (unsigned i = 0; i < r->handles; i++)
        if (!service_handle_attach(r->handle[i], base))
            return false;
    return true;
}

void rules_retire(struct rules **retired, struct rules *r)
{
    r->next = *retired;
    *retired = r;
}

void rules_reap(struct rules **retired)
{
    for (struct rules *r; (r = *retired) != NULL;) {
        if (r->waiting > 0) {
            retired = &r->next;
            continue;
        }
        *retired = r->next;
        rules_free(r);
    }
}

struct service_handle *rules_handle(const struct rules *r, const struct site *site)
{
    return r->handle[site->handle];
}
