/* SPDX-License-Identifier: Apache-2.0 */
/* Parse the head of an HTTP request, take credentials out of it, and decide the answer.
 *
 *     input = what is accepted and the token's status, then the bytes of a connection */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

#include "plugin/http/head.h"
#include "plugin/http/response.h"
#include "tests/unit/support/http_peer.h"

static const char *const accepted[] = { "bearer", "basic", "bearer,basic", "header:X-API-Key",
                                        "bearer,basic,header:X-API-Key,header:token" };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return sodium_init() < 0;
}

/* -- the head, in the simplest code ------------------------------------------------------------- */

static bool is_inside(struct slice s, struct slice whole)
{
    return s.at >= whole.at && s.at + s.len <= whole.at + whole.len;
}

/* Check that every line end is CR LF, and that the only empty line is the last one. */
static void check_lines(struct slice head)
{
    size_t begin = 0;

    for (size_t i = 0; i < head.len; i++) {
        if (head.at[i] == '\r')
            MUST(i + 1 < head.len && head.at[i + 1] == '\n');
        if (head.at[i] != '\n')
            continue;
        MUST(i > 0 && head.at[i - 1] == '\r');
        MUST((i - 1 == begin) == (i + 1 == head.len));
        MUST(head.at[begin] != ' ' && head.at[begin] != '\t');
        begin = i + 1;
    }
    MUST(begin == head.len);
}

/* Print what was read; white space around values is the only thing that may get lost. */
static void check_reprint(const struct http_head *head)
{
    static char printed[HTTP_HEAD_MAX + 8 * HTTP_FIELDS_MAX];
    static struct http_head again;
    struct text t = text_in(printed, sizeof(printed));
    const char *why = NULL;
    size_t searched = 0;

    text_add(&t, head->method.at, head->method.len);
    text_addc(&t, ' ');
    text_add(&t, head->target.at, head->target.len);
    text_adds(&t, head->minor == 1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
    for (unsigned i = 0; i < head->fields; i++) {
        text_add(&t, head->field[i].name.at, head->field[i].name.len);
        text_addc(&t, ':');
        text_add(&t, head->field[i].value.at, head->field[i].value.len);
        text_adds(&t, "\r\n");
    }
    text_adds(&t, "\r\n");
    MUST(!t.cut && t.len <= head->len);
    MUST(http_head_parse(printed, t.len, &searched, &again, &why) == HTTP_HEAD_OK);
    MUST(again.len == t.len && again.fields == head->fields && again.body == head->body);
    MUST(again.keep_alive == head->keep_alive && again.control == head->control);
    for (unsigned i = 0; i < head->fields; i++)
        MUST(slice_equal(again.field[i].name, head->field[i].name) &&
             slice_equal(again.field[i].value, head->field[i].value));
}

static void check_head(const struct http_head *head, const char *bytes, size_t len)
{
    const struct slice whole = { bytes, head->len };
    bool accepts;

    MUST(head->len <= len && head->len <= HTTP_HEAD_MAX);
    check_lines(whole);
    MUST(is_inside(head->method, whole) && http_is_token(head->method));
    MUST(is_inside(head->target, whole) && head->target.at[0] == '/');
    MUST(memchr(head->target.at, ' ', head->target.len) == NULL);
    MUST(!head->body || !head->keep_alive);
    for (unsigned i = 0; i < head->fields; i++)
        MUST(is_inside(head->field[i].name, whole) && is_inside(head->field[i].value, whole) &&
             http_is_token(head->field[i].name));
    check_reprint(head);
    MUST(http_peer_differs(head, bytes, &accepts) == NULL);
}

/* -- credentials -------------------------------------------------------------------------------- */

/* Count the fields that could carry accepted credentials. */
static unsigned count_carriers(const struct http_head *head, const struct http_accept *accept)
{
    unsigned count = 0;

    for (unsigned i = 0; i < head->fields; i++) {
        bool carries = (accept->bearer || accept->basic) &&
                       http_name_equal(head->field[i].name, slice_of("authorization"));
        for (unsigned n = 0; n < accept->names; n++)
            carries |= http_name_equal(head->field[i].name,
                                       (struct slice){ accept->name[n].text, accept->name[n].len });
        count += carries;
    }
    return count;
}

static void check_credentials(const struct http_head *head, const struct http_accept *accept,
                              struct http_credentials *c)
{
    unsigned carriers = 0;

    http_credentials_begin(c);
    for (unsigned i = 0; i < head->fields; i++)
        carriers += http_credentials_field(c, accept, head->field[i].name, head->field[i].value);
    MUST(carriers == count_carriers(head, accept));
    MUST(carriers > 0 || c->status == HTTP_CREDENTIALS_NONE);
    if (c->status != HTTP_CREDENTIALS_TOKEN)
        return;
    MUST(c->token.len > 0 && c->token.len < HTTP_HEAD_MAX);
    for (size_t i = 0; i < c->token.len; i++)
        MUST(c->token.at[i] > ' ' && c->token.at[i] <= '~' && c->token.at[i] != ',');
    MUST(carriers == 1 || accept->names > 0); /* of several, one was of a scheme not accepted */
}

/* -- the answer --------------------------------------------------------------------------------- */

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

/* Decide with claims out of the input itself, which may be any bytes. */
static void check_answer(const struct http_accept *accept, const struct http_credentials *c,
                         enum jeton_status status, struct slice bytes)
{
    static char response[16384];
    static struct http_answer answer;
    static struct jeton_claims claims;
    struct text t = text_in(response, sizeof(response) - 1);

    claims = (struct jeton_claims)JETON_CLAIMS_INIT;
    claims.expires = (int64_t)(bytes.len * 1000000007);
    memcpy(claims.subject, bytes.at, bytes.len < 256 ? bytes.len : 256);
    memcpy(claims.scopes, bytes.at, bytes.len < 2079 ? bytes.len : 2079);
    http_answer_decide(&answer, &(struct http_decision){ c->status, status, &claims, accept,
                                                         SLICE("r"), SLICE("a,b") });
    http_response_answer(&t, &answer, HTTP_KEEP);
    MUST(!t.cut);
    response[t.len] = '\0';
    MUST(strlen(response) == t.len);
    check_lines((struct slice){ response, t.len });
    for (size_t i = 0; i < t.len; i++)
        MUST(response[i] == '\r' || response[i] == '\n' ||
             (response[i] >= ' ' && response[i] <= '~'));
    MUST(answer.status != 200 || (c->status == HTTP_CREDENTIALS_TOKEN && status == JETON_OK));
    MUST(count_of(response, "\r\nX-Jeton-") == 5 &&
         count_of(response, "\r\nContent-Length: 0") == 1);
    MUST((answer.status == 401 || answer.status == 403) ==
         (count_of(response, "\r\nWWW-Authenticate: ") > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static const enum jeton_status statuses[] = { JETON_OK, JETON_PENDING, JETON_SCOPE,
                                                  JETON_UNAVAILABLE };
    static struct http_head head;
    static struct http_credentials credentials;
    struct fuzz_input in = { input, len };
    const uint8_t what = consume_byte(&in);
    struct slice bytes = consume_bytes(&in, in.left);
    struct http_accept accept;
    const char *why = NULL;
    size_t searched = 0, pieces = 0;

    MUST(http_accept_parse(slice_of(accepted[what % 5]), &accept) == NULL);
    char *copy = fuzz_copy(bytes);
    enum http_head_status status = http_head_parse(copy, bytes.len, &searched, &head, &why);
    MUST((status == HTTP_HEAD_BAD) == (why != NULL));
    enum http_head_status in_pieces = HTTP_HEAD_MORE;
    for (size_t part = 0; part <= bytes.len && in_pieces == HTTP_HEAD_MORE; part += 1 + part / 8)
        in_pieces = http_head_parse(copy, part, &pieces, &head, &why);
    if (in_pieces == HTTP_HEAD_MORE)
        in_pieces = http_head_parse(copy, bytes.len, &pieces, &head, &why);
    MUST((in_pieces == HTTP_HEAD_OK) == (status == HTTP_HEAD_OK));
    MUST(status != HTTP_HEAD_MORE || in_pieces == HTTP_HEAD_MORE);
    if (status == HTTP_HEAD_OK) {
        check_head(&head, copy, bytes.len);
        check_credentials(&head, &accept, &credentials);
        check_answer(&accept, &credentials, statuses[what / 5 % 4], bytes);
        http_credentials_end(&credentials);
    }
    free(copy);
    return 0;
}
