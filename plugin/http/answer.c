/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/http/answer.h"

#include "proto/stamp.h"

static void add_field(struct http_answer *a, const char *name, struct slice value)
{
    a->field[a->fields++] = (struct http_answer_field){ slice_of(name), value };
}

/* Return what was written since the text had this length. */
static struct slice written(const struct http_answer *a, size_t since)
{
    return (struct slice){ a->bytes + since, a->text.len - since };
}

/* -- who the token speaks for ------------------------------------------------------------------ */

static bool is_plain(char c)
{
    return c > ' ' && c <= '~' && c != '%';
}

/* Return a value as a header field can have it: all but visible ASCII, and the percent sign, is
 * percent-encoded.  A line end would begin another field; spaces at the ends would be cut off. */
static struct slice encode(struct http_answer *a, const char *value)
{
    static const char hex[] = "0123456789ABCDEF";
    struct slice whole = slice_of(value);
    size_t at = 0, begin = a->text.len;

    while (at < whole.len && is_plain(value[at]))
        at++;
    if (at == whole.len)
        return whole;
    for (at = 0; at < whole.len; at++) {
        const uint8_t byte = (uint8_t)value[at];
        const char escaped[] = { '%', hex[byte >> 4], hex[byte & 15] };
        if (is_plain(value[at]))
            text_addc(&a->text, value[at]);
        else
            text_add(&a->text, escaped, sizeof(escaped));
    }
    return written(a, begin);
}

static struct slice expiry(struct http_answer *a, int64_t expires)
{
    size_t begin = a->text.len;

    if (expires == JETON_NEVER)
        return slice_of("never");
    stamp_write(&a->text, expires);
    return written(a, begin);
}

static void add_identity(struct http_answer *a, const struct jeton_claims *claims)
{
    const bool known = claims != NULL;
    const struct slice none = { "", 0 };

    add_field(a, "X-Jeton-Id", known ? encode(a, claims->id) : none);
    add_field(a, "X-Jeton-Subject", known ? encode(a, claims->subject) : none);
    add_field(a, "X-Jeton-Scopes", known ? encode(a, claims->scopes) : none);
    add_field(a, "X-Jeton-Expires", known ? expiry(a, claims->expires) : none);
    add_field(a, "X-Jeton-Verifier", known ? encode(a, claims->verifier) : none);
}

/* -- what is missing --------------------------------------------------------------------------- */

static void add_attribute(struct text *t, const char *name, struct slice value)
{
    text_adds(t, name);
    text_adds(t, "=\"");
    text_add(t, value.at, value.len);
    text_addc(t, '"');
}

/* The scopes that were asked for are separated by spaces there (RFC 6750, section 3). */
static void add_scope(struct text *t, struct slice scope)
{
    size_t begin = t->len;

    text_adds(t, ", ");
    add_attribute(t, "scope", scope);
    for (size_t i = begin + 2; i < t->len; i++)
        if (t->at[i] == ',')
            t->at[i] = ' ';
}

static void add_bearer(struct http_answer *a, const struct http_decision *d, const char *error)
{
    size_t begin = a->text.len;

    text_adds(&a->text, "Bearer ");
    add_attribute(&a->text, "realm", d->realm);
    if (error != NULL) {
        text_adds(&a->text, ", ");
        add_attribute(&a->text, "error", slice_of(error));
    }
    if (d->credentials == HTTP_CREDENTIALS_TOKEN && d->status == JETON_SCOPE && d->scope.len > 0)
        add_scope(&a->text, d->scope);
    add_field(a, "WWW-Authenticate", written(a, begin));
}

/* Basic is named where it is accepted: git and others send no password that they are not asked
 * for. */
static void add_basic(struct http_answer *a, const struct http_decision *d)
{
    size_t begin = a->text.len;

    text_adds(&a->text, "Basic ");
    add_attribute(&a->text, "realm", d->realm);
    text_adds(&a->text, ", charset=\"UTF-8\"");
    add_field(a, "WWW-Authenticate", written(a, begin));
}

static void add_challenge(struct http_answer *a, const struct http_decision *d)
{
    const bool came = d->credentials != HTTP_CREDENTIALS_NONE;
    const char *error = a->status == 403 ? "insufficient_scope" : came ? "invalid_token" : NULL;
    const bool basic = d->accept->basic && a->status == 401;

    /* nginx older than 1.23 passes on the first of them only. */
    if (basic && d->accept->basic_first)
        add_basic(a, d);
    if (d->accept->bearer || !basic)
        add_bearer(a, d, error);
    if (basic && !d->accept->basic_first)
        add_basic(a, d);
}

static void add_retry_after(struct http_answer *a, int64_t seconds)
{
    size_t begin = a->text.len;

    text_add_u64(&a->text, seconds > 0 ? (uint64_t)seconds : 1);
    add_field(a, "Retry-After", written(a, begin));
}

/* -- the decision ------------------------------------------------------------------------------ */

static unsigned status_of(const struct http_decision *d)
{
    if (d->credentials != HTTP_CREDENTIALS_TOKEN)
        return 401;
    int status = jeton_status_http(d->status);
    return d->status == JETON_OK || status != 200 ? (unsigned)status : 503;
}

static void fill(struct http_answer *a, const struct http_decision *d, unsigned status)
{
    const bool token = d->credentials == HTTP_CREDENTIALS_TOKEN && d->claims != NULL;

    a->status = status;
    a->fields = 0;
    a->text = text_in(a->bytes, sizeof(a->bytes));
    add_field(a, "Cache-Control", slice_of("no-store"));
    add_identity(a, status == 200 && token ? d->claims : NULL);
    if (status == 401 || status == 403)
        add_challenge(a, d);
    if (status == 503)
        add_retry_after(a, HTTP_RETRY_AFTER);
    else if (status != 200 && token && (d->status == JETON_PENDING || d->claims->retry_after > 0))
        add_retry_after(a, d->claims->retry_after);
}

void http_answer_decide(struct http_answer *answer, const struct http_decision *decision)
{
    fill(answer, decision, status_of(decision));
    if (answer->text.cut) /* claims that no header field has space for */
        fill(answer, decision, 503);
}

bool http_answer_is_for_client(struct slice name)
{
    return slice_is(name, "Retry-After") || slice_is(name, "Cache-Control") ||
           slice_is(name, "WWW-Authenticate");
}

const char *http_realm_fault(struct slice realm)
{
    if (realm.len == 0 || realm.len > HTTP_REALM_MAX)
        return "a realm has 1 to 128 bytes";
    for (size_t i = 0; i < realm.len; i++)
        if (realm.at[i] < ' ' || realm.at[i] > '~' || realm.at[i] == '"' || realm.at[i] == '\\')
            return "a realm is printable ASCII without quotes and backslashes";
    return NULL;
}
