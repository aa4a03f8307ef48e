/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/server_list.h"

#include <libpq-fe.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

const char *const server_list_keyword[SERVER_LIST_KINDS] = { "host", "hostaddr", "port" };

static size_t count_items(const char *list)
{
    size_t count = list[0] != '\0';

    for (; *list != '\0'; list++)
        count += *list == ',';
    return count;
}

static void rotate(struct server_list *l)
{
    char rotated[SERVER_LIST_SIZE];

    for (int k = 0; k < SERVER_LIST_KINDS; k++) {
        const char *comma = strchr(l->text[k], ',');
        if (comma == NULL)
            continue;
        snprintf(rotated, sizeof(rotated), "%s,%.*s", comma + 1, (int)(comma - l->text[k]),
                 l->text[k]);
        strcpy(l->text[k], rotated);
    }
}

/* libpq alone knows what it takes from where.  It says so of a connection, too, that it does not even begin to make, as
 * a parameter has no such value. */
static PQconninfoOption *options_of(const char *conninfo)
{
    const char *const keyword[] = { "dbname", "target_session_attrs", NULL };
    const char *const value[] = { conninfo, "none", NULL };
    PGconn *conn = PQconnectStartParams(keyword, value, 1);
    PQconninfoOption *options = PQconninfo(conn);

    PQfinish(conn);
    return options;
}

void server_list_read(struct server_list *l, const char *conninfo)
{
    PQconninfoOption *options = options_of(conninfo);

    memset(l->text, 0, sizeof(l->text));
    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
        for (int k = 0; k < SERVER_LIST_KINDS; k++)
            if (strcmp(o->keyword, server_list_keyword[k]) == 0 && o->val != NULL &&
                strlen(o->val) < SERVER_LIST_SIZE)
                strcpy(l->text[k], o->val);
    PQconninfoFree(options);
    const size_t hosts = count_items(l->text[SERVER_HOST]),
                 addresses = count_items(l->text[SERVER_HOSTADDR]),
                 count = addresses > 0 ? addresses : hosts;
    for (size_t i = count > 0 ? l->first % count : 0; i > 0; i--)
        rotate(l);
}

void server_list_rotate(struct server_list *l)
{
    rotate(l);
    l->first++;
}

/* -- who answers ---------------------------------------------------------------------------------- */

/* An item of a host list: a directory or an abstract name is a Unix socket's. */
static bool is_of_network(struct slice host)
{
    return host.len > 0 && host.at[0] != '/' && host.at[0] != '@' && !slice_begins(host, "127.") &&
           !slice_is(host, "::1") && !slice_is(host, "localhost");
}

static bool has_network(const char *list)
{
    for (;; list++) {
        const struct slice host = { list, strcspn(list, ",") };
        if (is_of_network(host))
            return true;
        list += host.len;
        if (*list == '\0')
            return false;
    }
}

bool server_list_is_unproven(const char *conninfo)
{
    PQconninfoOption *options = options_of(conninfo);
    bool network = false, proven = false;

    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        if (o->val == NULL)
            continue;
        if (strcmp(o->keyword, server_list_keyword[SERVER_HOST]) == 0 ||
            strcmp(o->keyword, server_list_keyword[SERVER_HOSTADDR]) == 0)
            network |= has_network(o->val);
        proven |= strcmp(o->keyword, "sslmode") == 0 && strcmp(o->val, "verify-full") == 0;
    }
    PQconninfoFree(options);
    return network && !proven;
}

/* -- names ---------------------------------------------------------------------------------------- */

/* One server. */
struct server {
    struct slice item[SERVER_LIST_KINDS];
};

/* A walk over them. */
struct walk {
    const char *next[SERVER_LIST_KINDS]; /* NULL: at the end */
    size_t count;                        /* of all of them */
    bool one_port;                       /* for all */
};

/* False if the lists do not go together, which libpq refuses, or there are none. */
static bool begin(const struct server_list *l, struct walk *w)
{
    const size_t hosts = count_items(l->text[SERVER_HOST]),
                 addresses = count_items(l->text[SERVER_HOSTADDR]),
                 ports = count_items(l->text[SERVER_PORT]),
                 count = addresses > 0 ? addresses : hosts;

    for (int k = 0; k < SERVER_LIST_KINDS; k++)
        w->next[k] = l->text[k];
    w->one_port = ports == 1;
    w->count = count;
    return count > 0 && (hosts == 0 || hosts == count) && (ports <= 1 || ports == count);
}

static struct slice take_item(const char **next)
{
    const char *at = *next;

    if (at == NULL)
        return (struct slice){ "", 0 };
    const size_t len = strcspn(at, ",");
    *next = at[len] == ',' ? at + len + 1 : NULL;
    return (struct slice){ at, len };
}

/* Take the next server; false: there is none. */
static bool take(struct walk *w, struct server *s)
{
    if (w->next[SERVER_HOST] == NULL && w->next[SERVER_HOSTADDR] == NULL)
        return false;
    for (int k = 0; k < SERVER_LIST_KINDS; k++) {
        const char *port = w->next[k];
        s->item[k] = take_item(&w->next[k]);
        if (k == SERVER_PORT && w->one_port)
            w->next[k] = port;
    }
    return true;
}

static bool is_numeric(struct slice host)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
    char text[RESOLVER_NAME_SIZE];
    struct addrinfo *list = NULL;

    if (host.len >= sizeof(text))
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    const bool is = getaddrinfo(text, NULL, &hints, &list) == 0;
    if (is)
        freeaddrinfo(list);
    return is;
}

/* True for a server whose name is to be looked up: it has no address, and is no socket. */
static bool has_name(const struct server *s)
{
    const struct slice host = s->item[SERVER_HOST];

    return s->item[SERVER_HOSTADDR].len == 0 && host.len > 0 && host.at[0] != '/' &&
           host.at[0] != '@' && !is_numeric(host);
}

void server_list_resolve(const struct server_list *l, struct resolver *r)
{
    struct server s;
    struct walk w;

    if (!begin(l, &w))
        return;
    while (take(&w, &s))
        if (has_name(&s))
            resolver_ask(r, s.item[SERVER_HOST]);
}

/* -- addresses ------------------------------------------------------------------------------------ */

/* The lists as they are built. */
struct building {
    struct server_addresses *a;
    size_t turn; /* the place of the address of a name that comes first */
    struct text list[SERVER_LIST_KINDS];
};

/* Add a server, unless it does not fit: then it is not tried. */
static void add(struct building *b, const struct server *s, struct slice address)
{
    const struct slice item[] = { s->item[SERVER_HOST], address, s->item[SERVER_PORT] };
    bool fits = true;

    for (int k = 0; k < SERVER_LIST_KINDS; k++)
        fits = fits && b->list[k].len + item[k].len + 2 < SERVER_ADDRESSES_SIZE;
    for (int k = 0; fits && k < SERVER_LIST_KINDS; k++) {
        if (b->a->any)
            text_addc(&b->list[k], ',');
        text_add(&b->list[k], item[k].at, item[k].len);
    }
    b->a->any = b->a->any || fits;
}

static void miss(struct server_addresses *a, struct slice name, const char *why)
{
    snprintf(a->missing, sizeof(a->missing), "%.*s", (int)name.len, name.at);
    snprintf(a->why, sizeof(a->why), "%s", why);
}

static void add_named(struct building *b, const struct server *s, const struct resolver *r)
{
    const struct resolver_answer *answer = resolver_answer(r, s->item[SERVER_HOST]);

    b->a->given = true;
    b->a->waits = b->a->waits || answer == NULL;
    if (answer == NULL || answer->count == 0)
        miss(b->a, s->item[SERVER_HOST], answer != NULL ? answer->why : "no answer in time");
    for (unsigned i = 0; answer != NULL && i < answer->count; i++)
        add(b, s, slice_of(answer->address[(i + b->turn) % answer->count]));
}

void server_list_addresses(const struct server_list *l, const struct resolver *r,
                           struct server_addresses *a)
{
    struct building b = { .a = a };
    struct server s;
    struct walk w;

    memset(a, 0, sizeof(*a));
    for (int k = 0; k < SERVER_LIST_KINDS; k++)
        b.list[k] = text_in(a->text[k], sizeof(a->text[k]) - 1);
    if (!begin(l, &w)) {
        a->any = true; /* libpq's own, or what it refuses */
        return;
    }
    b.turn = l->first / w.count;
    while (take(&w, &s))
        if (has_name(&s))
            add_named(&b, &s, r);
        else
            add(&b, &s, s.item[SERVER_HOSTADDR]);
}
