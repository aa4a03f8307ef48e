/* SPDX-License-Identifier: Apache-2.0 */
/* Parse a request line, and the question, change or scan that it stands for.
 *
 *     input = role, then the line without its end */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

#include "daemon/writer/bulk.h"
#include "daemon/writer/bulk_request.h"
#include "daemon/fleet/fleet_entry_format.h"
#include "daemon/writer/change_apply.h"
#include "daemon/verify/batch.h"
#include "daemon/writer/fleet_change_read.h"
#include "daemon/writer/scan.h"
#include "proto/scopes.h"

enum { PRINTED_MAX = 5 * 65536 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return sodium_init() < 0;
}

/* -- the grammar, in the simplest code ---------------------------------------------------- */

/* Decode one character, and check that this is its only valid encoding. */
static size_t character(const uint8_t *s, size_t left)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = s[0] < 0x80 ? 1 :
                 s[0] < 0xc0 ? 0 :
                 s[0] < 0xe0 ? 2 :
                 s[0] < 0xf0 ? 3 :
                 s[0] < 0xf8 ? 4 :
                               0;
    uint32_t code = len == 1 ? s[0] : s[0] & (0x7fu >> len);

    if (len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : len;
}

static bool is_line(struct slice bytes)
{
    const uint8_t *s = (const uint8_t *)bytes.at;

    for (size_t at = 0, len; at < bytes.len; at += len) {
        len = character(s + at, bytes.len - at);
        if (len == 0 || (s[at] < 0x20 && s[at] != '\t') || s[at] == 0x7f)
            return false;
    }
    return true;
}

/* True if the bytes contain any that must not be in a plain line. */
static bool needs_a_look(struct slice bytes)
{
    bool found = false;

    for (size_t at = 0; at < bytes.len; at++)
        found |= bytes.at[at] == '"' || bytes.at[at] == '\\' || bytes.at[at] < 0x20 ||
                 bytes.at[at] > 0x7e;
    return found;
}

/* -- round trips -------------------------------------------------------------------------- */

static void print(const struct request *r, struct text *t)
{
    text_adds(t, verb_row(r->verb)->name);
    for (enum key key = 0; key < KEY_COUNT; key++)
        if (request_has(r, key))
            line_put(t, key_name(key), r->value[key]);
}

static void check_reprint(const struct request *r, enum role role)
{
    static char buffer[PRINTED_MAX];
    struct text printed = text_in(buffer, sizeof(buffer));
    struct request again;
    struct problem problem;

    print(r, &printed);
    MUST(!printed.cut && is_line(text_slice(&printed)));
    char *copy = fuzz_copy(text_slice(&printed));
    const struct request_line look = request_look(copy, printed.len);
    MUST(!look.ignorable);
    MUST(request_parse(&look, role, &again, &problem) == STATUS_OK);
    MUST(again.verb == r->verb && again.has == r->has);
    for (enum key key = 0; key < KEY_COUNT; key++)
        MUST(!request_has(r, key) || slice_equal(again.value[key], r->value[key]));
    free(copy);
}

/* Check that a record can be stored and read again, and is then the same. */
static void check_record(const struct record *r)
{
    char buffer[RECORD_LINE_MAX], again[RECORD_LINE_MAX];
    struct text line = text_in(buffer, sizeof(buffer)), second = text_in(again, sizeof(again));
    struct record read;

    record_write(&line, r);
    MUST(!line.cut && is_line(text_slice(&line)));
    MUST(record_parse(&read, r->digest, text_slice(&line)) == NULL);
    MUST(record_flags(&read) == record_flags(r));
    record_write(&second, &read);
    MUST(slice_equal(text_slice(&line), text_slice(&second)));
}

/* -- the meaning of a request ------------------------------------------------------------- */

static void check_problem(const struct problem *p)
{
    MUST(status_row(p->status)->kind == ANSWER_ERR && p->message[0] != '\0');
    MUST(memchr(p->message, '\0', sizeof(p->message)) != NULL);
}

static void check_question(const struct request *r)
{
    struct problem problem;
    struct question q;
    struct verdict v;

    if (verify_batch_read(r, &q, &problem) != STATUS_OK) {
        check_problem(&problem);
        return;
    }
    enum token_form quick = token_form_quick(q.value), form = token_form(q.value, "jtn");
    MUST(verdict_worth_hashing(&q, &v) == (quick == TOKEN_FOREIGN));
    MUST(quick == TOKEN_FOREIGN || quick == form);
    MUST(q.scopes.len == 0 || scopes_include(q.scopes, q.scopes));
}

static void check_change(const struct request *r)
{
    static const struct change_request_context context = { .prefix = "jtn",
                                                           .activation_delay = 60 };
    struct problem problem;
    struct change *c = change_request_read(r, &context, &problem);

    if (c == NULL) {
        check_problem(&problem);
        return;
    }
    MUST((c->given & ~r->has & ~KEY_BIT(KEY_DELAY)) == 0);
    MUST(c->ttl >= 0 && c->delay >= 0 && c->grace >= 0);
    MUST(c->kind->adds == (c->needs_value || r->verb == VERB_IMPORT));
    check_record(&c->want);
    change_free(c);
}

/* Check that every filter that was given counts, but for a text that is empty. */
static void check_filter(const struct request *r, const struct list_filter *f)
{
    uint64_t keys = r->verb == VERB_JOURNAL ? KEY_BIT(KEY_SUBJECT) : request_filters(r->verb);
    uint64_t given = r->has & keys;

    if (request_has(r, KEY_MATCH) && r->value[KEY_MATCH].len == 0)
        given &= ~KEY_BIT(KEY_MATCH);
    MUST(f->given == given);
}

static void check_scan(const struct request *r)
{
    struct problem problem;
    struct scan *s = scan_new(r, &problem);

    if (s == NULL)
        check_problem(&problem);
    else
        check_filter(r, &s->filter);
    scan_free(s);
}

/* Check that a change of many selects, and does something, or is refused. */
static void check_many(const struct request *r)
{
    static const struct change_request_context context = { .prefix = "jtn" };
    struct problem problem;
    struct scan *s = bulk_request_read(r, &context, &problem);

    if (s == NULL) {
        check_problem(&problem);
        return;
    }
    check_filter(r, &s->filter);
    MUST(s->filter.given != 0 && s->bulk != NULL && s->bulk->want->value_len == 0);
    MUST((s->bulk->want->given & KEY_BIT(KEY_SUBJECT)) == 0);
    MUST((s->bulk->want->given != 0) == (r->verb == VERB_UPDATE));
    MUST(s->bulk->has_count == request_has(r, KEY_HOW_MANY));
    scan_free(s);
}

/* Check that what the fleet brings can be saved and read again, and is then the same. */
static void check_entry(const struct record *r)
{
    char buffer[FLEET_ENTRY_MAX], again[FLEET_ENTRY_MAX];
    struct text bytes = text_in(buffer, sizeof(buffer)), second = text_in(again, sizeof(again));
    static struct fleet_entry entry, read;

    record_copy(&entry.record, r);
    fleet_entry_write(&bytes, &entry);
    MUST(!bytes.cut && fleet_entry_read(&read, text_slice(&bytes)) == NULL);
    MUST((read.record.revoked != 0) == (r->revoked != 0) &&
         (read.record.disabled != 0) == (r->disabled != 0) && record_is_fleet(&read.record));
    fleet_entry_write(&second, &read);
    MUST(slice_equal(text_slice(&bytes), text_slice(&second)));
}

static void check_delivered(const struct request *r)
{
    static struct fleet_change_want want;
    struct problem problem;

    if (fleet_change_read(r, 1700000000, &want, &problem) != STATUS_OK)
        check_problem(&problem);
    else if (r->verb != VERB_DROP)
        check_entry(&want.record);
}

static void check_meaning(const struct request *r)
{
    static const enum verb changes[] = {
        VERB_REVOKE, VERB_CREATE, VERB_UPDATE, VERB_DISABLE, VERB_ENABLE, VERB_ROTATE, VERB_DELETE,
        VERB_IMPORT,
    }, scans[] = { VERB_LIST, VERB_SHOW, VERB_JOURNAL, VERB_WATCH, VERB_EXPORT };

    if (request_is_about_many(r->verb, r->has)) {
        check_many(r);
        return;
    }
    if (r->verb == VERB_VERIFY)
        check_question(r);
    if (r->verb == VERB_PUT || r->verb == VERB_DENY || r->verb == VERB_DROP)
        check_delivered(r);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        if (r->verb == changes[i])
            check_change(r);
    for (size_t i = 0; i < sizeof(scans) / sizeof(scans[0]); i++)
        if (r->verb == scans[i])
            check_scan(r);
}

static void check_request(const struct request *r, enum role role, struct slice bytes)
{
    const struct verb_row *row = verb_row(r->verb);
    uint64_t one = r->has & row->one_of;

    MUST(request_grants(role, r->verb) && request_grants_keys(role, r->verb, r->has));
    MUST(role == ROLE_SELF || request_role(r->verb, r->has) <= role);
    MUST((r->has & ~row->keys) == 0 && (one & (one - 1)) == 0);
    MUST(row->one_of == 0 || one != 0 || request_is_about_many(r->verb, r->has));
    for (enum key key = 0; key < KEY_COUNT; key++)
        MUST(!request_has(r, key) ||
             (r->value[key].at >= bytes.at &&
              r->value[key].at + r->value[key].len <= bytes.at + bytes.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct fuzz_input in = { input, len };
    enum role role = consume_byte(&in) % (ROLE_FLEET + 1);
    struct slice bytes_in = consume_bytes(&in, in.left);
    struct request r;
    struct problem problem;
    const char *why = NULL;
    size_t plain = 0;

    if (bytes_in.len > 65536)
        return 0;
    char *bytes = fuzz_copy(bytes_in);
    struct slice line = { bytes, bytes_in.len };
    bool is_good = line_check(line, &plain, &why) == STATUS_OK;
    MUST(is_good == is_line(line) && is_good == (why == NULL));
    MUST(plain <= line.len && !needs_a_look((struct slice){ bytes, is_good ? plain : 0 }));
    const struct request_line look = request_look(bytes, line.len);
    MUST(look.arguments <= line.len && (!look.ignorable || look.verb == VERB_COUNT));
    if (request_parse(&look, role, &r, &problem) == STATUS_OK) {
        MUST(is_good && r.verb == look.verb);
        check_request(&r, role, line);
        check_reprint(&r, role);
        check_meaning(&r);
    } else {
        MUST(is_good || problem.status == STATUS_SYNTAX);
        check_problem(&problem);
    }
    free(bytes);
    return 0;
}
