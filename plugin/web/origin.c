/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/origin.h"

static bool is_of_host(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' ||
           c == '[' || c == ']';
}

const char *origin_parse(struct slice text, struct origin *origin)
{
    const size_t host = slice_begins(text, "https://") ? 8 : slice_begins(text, "http://") ? 7 : 0;

    if (host == 0 || text.len == host)
        return "an origin is needed, such as http://127.0.0.1:8080 or https://tokens.example.org";
    if (text.len > ORIGIN_MAX)
        return "this origin is too long";
    for (size_t i = host; i < text.len; i++)
        if (!is_of_host(text.at[i]))
            return "an origin ends after its host and port, and is written in small letters";
    *origin = (struct origin){ .len = text.len, .host = host };
    memcpy(origin->text, text.at, text.len);
    return NULL;
}

void origins_loopback(struct origins *origins, const char *host, unsigned port)
{
    struct origin *o = &origins->origin[0];
    struct text t = text_in(o->text, sizeof(o->text));

    text_adds(&t, "http://");
    o->host = t.len;
    text_adds(&t, host);
    if (port != 80)
        text_addf(&t, ":%u", port);
    o->len = t.len;
    origins->count = 1;
}

/* -- requests -------------------------------------------------------------------------------- */

/* Find a field; `twice` is set if there is more than one of them. */
static struct slice find(const struct http_head *head, const char *name, bool *twice)
{
    struct slice value = { NULL, 0 };

    for (unsigned i = 0; i < head->fields; i++) {
        if (!http_name_equal(head->field[i].name, slice_of(name)))
            continue;
        *twice |= value.at != NULL;
        value = head->field[i].value;
    }
    return value;
}

/* Return our origin whose host the request names, or NULL. */
static const struct origin *origin_of_host(const struct origins *origins, struct slice host)
{
    for (unsigned i = 0; i < origins->count; i++) {
        const struct origin *o = &origins->origin[i];
        if (slice_equal(host, (struct slice){ o->text + o->host, o->len - o->host }))
            return o;
    }
    return NULL;
}

/* A browser names from where a request comes, if it is new enough; "none": somebody typed the address. */
static const char *site_fault(const struct http_head *head, struct slice site, enum origin_use use,
                              bool *twice)
{
    const struct slice mode = find(head, "Sec-Fetch-Mode", twice);

    if (site.at == NULL || slice_is(site, "same-origin"))
        return use == ORIGIN_EXCHANGE && slice_is(mode, "navigate") ? "a form sends this" : NULL;
    if (use == ORIGIN_FILE || use == ORIGIN_EXCHANGE)
        return use == ORIGIN_FILE && slice_is(site, "none") ? NULL : "another site asks for this";
    return slice_is(site, "none") || (slice_is(mode, "navigate") &&
                                      slice_is(find(head, "Sec-Fetch-Dest", twice), "document")) ?
               NULL :
               "another site asks for this";
}

const char *origin_fault(const struct origins *origins, const struct http_head *head,
                         enum origin_use use)
{
    bool twice = false;
    const struct slice host = find(head, "Host", &twice),
                       site = find(head, "Sec-Fetch-Site", &twice);
    const struct slice from = find(head, "Origin", &twice);
    const struct origin *ours = origin_of_host(origins, host);

    if (ours == NULL)
        return "the page is not under this name or port: open the link as it was printed";
    if (from.at == NULL && use == ORIGIN_EXCHANGE)
        return "Origin is missing";
    if (from.at != NULL && !slice_equal(from, origin_slice(ours)))
        return "another site sends this";
    const char *fault = site_fault(head, site, use, &twice);
    return twice ? "a field about the origin of this is given twice" : fault;
}
