/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "plugin/lib/jeton.h"
#include "proto/scopes.h"
#include "proto/stamp.h"

void config_init(struct config *c)
{
    memset(c, 0, sizeof(*c));
    strcpy(c->path, "/run/jeton-gateway/http.sock");
    strcpy(c->group, "www-data");
    strcpy(c->socket, JETON_SOCKET);
    c->mode = 0660;
    c->admin_mode = 0600;
    c->log_level = LOG_INFO;
    c->max_connections = 4096;
    c->max_connections_per_uid = 1024;
    c->head_timeout = 10;
    c->idle_timeout = 300;
    c->verify_timeout = 1;
    c->sandbox = true;
}

/* -- values ------------------------------------------------------------------------------------ */

/* A reader parses a value into a member, of `size` bytes.  It returns NULL, or what is wrong. */
typedef const char *reader(void *member, size_t size, struct slice value);

static const char *copy(void *member, size_t size, struct slice value, const char *too_long)
{
    if (value.len >= size)
        return too_long;
    memcpy(member, value.at, value.len);
    ((char *)member)[value.len] = '\0';
    return NULL;
}

static const char *read_path(void *member, size_t size, struct slice value)
{
    if (value.len > 0 && value.at[0] != '/')
        return "this should be an absolute path, or nothing";
    return copy(member, size, value, "a socket's path has at most 107 bytes");
}

static const char *read_socket(void *member, size_t size, struct slice value)
{
    return value.len == 0 ? "this should be an absolute path" : read_path(member, size, value);
}

static const char *read_group(void *member, size_t size, struct slice value)
{
    return copy(member, size, value, "a group's name has at most 64 bytes");
}

static const char *read_mode(void *member, size_t size, struct slice value)
{
    unsigned mode = 0;

    (void)size;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '7' || value.len > 4)
            return "this should be three or four octal digits, such as 0660";
        mode = mode * 8 + (unsigned)(value.at[i] - '0');
    }
    if (value.len < 3 || mode > 0777)
        return "this should be three or four octal digits, such as 0660";
    *(unsigned *)member = mode;
    return NULL;
}

static const char *read_count(void *member, size_t size, struct slice value)
{
    uint64_t number;

    (void)size;
    if (!number_parse(value, 65536, &number) || number == 0)
        return "this should be a number, 1 to 65536";
    *(unsigned *)member = (unsigned)number;
    return NULL;
}

static const char *read_duration(void *member, size_t size, struct slice value)
{
    int64_t seconds;

    (void)size;
    if (!duration_parse(value, &seconds) || seconds > 86400)
        return "this should be a duration such as 10s or 5m, at most 1d";
    *(unsigned *)member = (unsigned)seconds;
    return NULL;
}

static const char *read_timeout(void *member, size_t size, struct slice value)
{
    unsigned seconds;
    const char *fault = read_duration(&seconds, size, value);

    if (fault == NULL && (seconds < 1 || seconds > 600))
        fault = "this should be 1s to 10m";
    if (fault == NULL)
        *(unsigned *)member = seconds;
    return fault;
}

static const char *read_level(void *member, size_t size, struct slice value)
{
    (void)size;
    return log_level_named(value, member) ? NULL : "this should be error, warning, info or debug";
}

static const char *read_sandbox(void *member, size_t size, struct slice value)
{
    (void)size;
    *(bool *)member = slice_is(value, "auto");
    return *(bool *)member || slice_is(value, "no") ? NULL : "this should be auto or no";
}

static const char *read_service(void *member, size_t size, struct slice value)
{
    if (value.len == 0 || memchr(value.at, ',', value.len) != NULL || scopes_fault(value) != NULL)
        return "this should be a name of 1 to 64 characters out of A-Z a-z 0-9 . _ : / * -";
    return copy(member, size, value, "a service's name has at most 64 bytes");
}

static const char *read_scope(void *member, size_t size, struct slice value)
{
    const char *fault = value.len == 0 ? "name a scope, or leave the key out" : scopes_fault(value);

    return fault != NULL ? fault : copy(member, size, value, "the list of scopes is too long");
}

static const char *read_subject(void *member, size_t size, struct slice value)
{
    if (value.len == 0 || !utf8_valid(value))
        return "this should be a subject in UTF-8; leave the key out for anybody";
    return copy(member, size, value, "a subject has at most 256 bytes");
}

static const char *read_realm(void *member, size_t size, struct slice value)
{
    const char *fault = http_realm_fault(value);

    return fault != NULL ? fault : copy(member, size, value, "the realm is too long");
}

static const char *read_accept(void *member, size_t size, struct slice value)
{
    (void)size;
    return http_accept_parse(value, member);
}

/* An address on the loopback interface: whoever can connect may try tokens. */
static const char *read_tcp(void *member, size_t size, struct slice value)
{
    static const char wrong[] = "this should be 127.0.0.1:PORT or [::1]:PORT, or nothing";
    struct config *c = (struct config *)((char *)member - offsetof(struct config, tcp));
    struct sockaddr_in *v4 = member;
    struct sockaddr_in6 *v6 = member;
    char host[16];
    uint64_t port;

    memset(member, 0, size);
    c->tcp_len = 0;
    if (value.len == 0)
        return NULL;
    const char *colon = memrchr(value.at, ':', value.len);
    if (colon == NULL || (size_t)(colon - value.at) >= sizeof(host) ||
        !number_parse((struct slice){ colon + 1, (size_t)(value.at + value.len - colon - 1) },
                      UINT16_MAX, &port) ||
        port == 0)
        return wrong;
    snprintf(host, sizeof(host), "%.*s", (int)(colon - value.at), value.at);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1 && ntohl(v4->sin_addr.s_addr) >> 24 == 127) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        c->tcp_len = sizeof(*v4);
        return NULL;
    }
    memset(member, 0, size);
    if (strcmp(host, "[::1]") != 0)
        return wrong;
    *v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                 .sin6_port = htons((uint16_t)port),
                                 .sin6_addr = in6addr_loopback };
    c->tcp_len = sizeof(*v6);
    return NULL;
}

/* -- keys -------------------------------------------------------------------------------------- */

struct key {
    const char *name;
    reader *read;
    size_t offset, size;
};

#define KEY(name, reader, type, member)                                                    \
    {                                                                                      \
        name, reader, offsetof(struct type, member), sizeof(((struct type *)NULL)->member) \
    }

static const struct key gateway_keys[] = {
    KEY("path", read_path, config, path),
    KEY("mode", read_mode, config, mode),
    KEY("group", read_group, config, group),
    KEY("admin", read_path, config, admin),
    KEY("admin_mode", read_mode, config, admin_mode),
    KEY("admin_group", read_group, config, admin_group),
    KEY("tcp", read_tcp, config, tcp),
    KEY("socket", read_socket, config, socket),
    KEY("log_level", read_level, config, log_level),
    KEY("max_connections", read_count, config, max_connections),
    KEY("max_connections_per_uid", read_count, config, max_connections_per_uid),
    KEY("head_timeout", read_timeout, config, head_timeout),
    KEY("idle_timeout", read_duration, config, idle_timeout),
    KEY("verify_timeout", read_timeout, config, verify_timeout),
    KEY("sandbox", read_sandbox, config, sandbox),
};

static const struct key site_keys[] = {
    KEY("service", read_service, site, service), KEY("scope", read_scope, site, scope),
    KEY("subject", read_subject, site, subject), KEY("realm", read_realm, site, realm),
    KEY("accept", read_accept, site, accept),
};

enum {
    GATEWAY_KEYS = sizeof(gateway_keys) / sizeof(gateway_keys[0]),
    SITE_KEYS = sizeof(site_keys) / sizeof(site_keys[0]),
};

const char *config_set(struct config *c, int section, struct slice key, struct slice value,
                       bool again)
{
    const struct key *keys = section == 0 ? gateway_keys : site_keys;
    unsigned count = section == 0 ? GATEWAY_KEYS : SITE_KEYS, i = 0;
    void *owner = section == 0 ? (void *)c : &c->site[section - 1];
    uint32_t *seen = section == 0 ? &c->seen : &c->site[section - 1].seen;

    while (i < count && !slice_is(key, keys[i].name))
        i++;
    if (i == count)
        return "there is no such key in this section";
    if ((*seen & 1u << i) != 0 && !again)
        return "this key is given twice";
    *seen |= 1u << i;
    return keys[i].read((char *)owner + keys[i].offset, keys[i].size, value);
}

/* -- sections ---------------------------------------------------------------------------------- */

static bool is_site_name(struct slice name)
{
    bool ok = name.len > 0 && name.len <= CONFIG_SITE_NAME_MAX && name.at[0] != '.';

    for (size_t i = 0; ok && i < name.len; i++) {
        const char ch = name.at[i];
        ok = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
             ch == '-' || ch == '_' || ch == '.';
    }
    return ok;
}

static int add_site(struct config *c, struct slice name)
{
    struct site *site = &c->site[c->sites];

    memset(site, 0, sizeof(*site));
    memcpy(site->name_text, name.at, name.len);
    site->name = (struct slice){ site->name_text, name.len };
    memcpy(site->realm, name.at, name.len);
    site->accept.bearer = true;
    return (int)++c->sites;
}

int config_section(struct config *c, struct slice name, const char **why)
{
    if (slice_is(name, "gateway"))
        return 0;
    if (!slice_begins(name, "site ")) {
        *why = "there is no such section: only [gateway] and [site NAME]";
        return -1;
    }
    name = (struct slice){ name.at + 5, name.len - 5 };
    if (!is_site_name(name)) {
        *why = "a site's name is 1 to 32 characters out of A-Z a-z 0-9 . _ and -, "
               "without a dot in front";
        return -1;
    }
    for (unsigned i = 0; i < c->sites; i++)
        if (slice_equal(c->site[i].name, name))
            return (int)i + 1;
    if (c->sites == CONFIG_SITES_MAX) {
        *why = "there are more than 256 sites";
        return -1;
    }
    return add_site(c, name);
}

void config_assign(struct config *c, const char *assignment, struct config_faults *faults)
{
    const char *equals = strchr(assignment, '='), *why = NULL;
    const char *dot = equals != NULL ? memrchr(assignment, '.', (size_t)(equals - assignment)) :
                                       NULL;

    if (dot == NULL) {
        config_blame(faults, "--set %.100s: this should be SECTION.KEY=VALUE", assignment);
        return;
    }
    int section = config_section(c, (struct slice){ assignment, (size_t)(dot - assignment) }, &why);
    if (section >= 0)
        why = config_set(c, section, (struct slice){ dot + 1, (size_t)(equals - dot - 1) },
                         slice_of(equals + 1), true);
    if (why != NULL)
        config_blame(faults, "--set %.100s: %s", assignment, why);
}

void config_check(const struct config *c, const char *file, struct config_faults *faults)
{
    if (c->sites == 0)
        config_blame(faults, "there is no site: add a section [site NAME] to %.150s", file);
    if (c->max_connections_per_uid > c->max_connections)
        config_blame(faults, "max_connections_per_uid is greater than max_connections");
    if (c->path[0] != '\0' && strcmp(c->path, c->admin) == 0)
        config_blame(faults, "path and admin are the same socket");
}

const struct site *config_find_site(const struct config *c, struct slice name)
{
    for (unsigned i = 0; i < c->sites; i++)
        if (slice_equal(c->site[i].name, name))
            return &c->site[i];
    return NULL;
}
