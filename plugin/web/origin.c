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

void origin_loopback(struct origin *origin, const char *host, unsigned port)
{
    struct text t = text_in(origin->text, sizeof(origin->text));

    text_adds(&t, "http://");
    origin->host = t.len;
    text_adds(&t, host);
    if (port != 80)
        text_addf(&t, ":%u", port);
    origin->len = t.len;
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

const char *origin_fault(const struct origin *ours, const struct http_head *head,
                         enum origin_use use)
{
    bool twice = false;
    const struct slice host = find(head, "Host", &twice),
                       site = find(head, "Sec-Fetch-Site", &twice);
    const struct slice from = find(head, "Origin", &twice);

    if (!slice_equal(host, (struct slice){ ours->text + ours->host, ours->len - ours->host }))
        return "the page is not under this name or port: open the link as it was printed";
    if (from.at == NULL && use == ORIGIN_EXCHANGE)
        return "Origin is missing";
    if (from.at != NULL && !slice_equal(from, origin_slice(ours)))
        return "another site sends this";
    const char *fault = site_fault(head, site, use, &twice);
    return twice ? "a field about the origin of this is given twice" : fault;
}
