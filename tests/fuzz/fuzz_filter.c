/* SPDX-License-Identifier: Apache-2.0 */
/* Read the filters of a list, and judge tokens by them.
 *
 *     input = flags, now (2 bytes), a list's line with its end, then tokens */
#include "tests/fuzz/fuzz.h"

#include "daemon/writer/list_filter.h"
#include "proto/verdict.h"

enum { TOKENS_MAX = 50 };

static const int64_t beginning = 1700000000;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

FUZZ_HARNESS_BEGINS

static int64_t consume_time(struct fuzz_input *in, int64_t none)
{
    unsigned hours = consume_u16(in);

    return hours == 0 ? none : beginning + 3600 * (int64_t)hours;
}

static void make_record(struct fuzz_input *in, struct record *r)
{
    static const char *const subjects[] = { "", "ann", "ANNA", "svc-1" };
    static const char *const scopes[] = { "", "deploy", "deploy,read", "read" };
    unsigned flags = consume_byte(in), by = consume_byte(in);

    record_clear(r);
    r->by = by;
    r->created = consume_time(in, 0);
    r->activates = consume_time(in, TIME_ALWAYS);
    r->expires = consume_time(in, TIME_NEVER);
    r->revoked = (flags & 1) != 0 ? r->created + 1 : 0;
    r->disabled = (flags & 2) != 0 ? r->created + 1 : 0;
    MUST(record_set_subject(r, slice_of(subjects[flags >> 2 & 3])) == NULL);
    MUST(record_set_scopes(r, slice_of(scopes[flags >> 4 & 3])) == NULL);
    MUST(record_set_description(r, slice_of((flags & 64) != 0 ? "the deploy of ann" : "")) == NULL);
}

/* Return the filter with one of its keys alone, or with none. */
static struct list_filter only(const struct list_filter *f, uint64_t keys)
{
    struct list_filter one = *f;

    one.given &= keys;
    one.but_revoked = one.but_expired = false;
    return one;
}

/* Check that what is judged before the record is read excludes nothing that is meant. */
static void check_early(const struct list_filter *f, const struct record *r, int64_t used,
                        int64_t now)
{
    struct list_facts facts = list_facts_of(r, used);
    bool meant = list_filter_matches(f, r, used, now);
    bool excluded = list_filter_excludes(f, &facts, true, now);

    MUST(!meant || !excluded);
    MUST(meant || excluded || list_filter_asks_record(f));
    MUST(!meant || !list_filter_ends_at(f, r->created));
    MUST(!meant || !list_filter_begins_behind(f, r->created));
    MUST(!meant || !list_filter_use_excludes(f, used, now));
    facts.used = 0;
    MUST(!meant || used == 0 || !list_filter_excludes(f, &facts, false, now));
    MUST(list_filter_asks_use(f) || excluded == list_filter_excludes(f, &facts, true, now));
}

/* What is meant passes each filter alone, and what passes each is meant. */
static void check_all(const struct list_filter *f, const struct record *r, int64_t used,
                      int64_t now)
{
    enum status state = verdict_state(record_flags(r), r->activates, r->expires, now);
    bool all = true;

    for (enum key key = 0; key < KEY_COUNT; key++) {
        struct list_filter one = only(f, KEY_BIT(key));
        all = all && list_filter_matches(&one, r, used, now);
    }
    if ((f->given & KEY_BIT(KEY_STATE)) == 0)
        all = all && !(f->but_revoked && state == STATUS_REVOKED) &&
              !(f->but_expired && r->expires <= now);
    MUST(list_filter_matches(f, r, used, now) == all);
}

static void check_meaning(const struct list_filter *f, const struct record *r, int64_t used,
                          int64_t now)
{
    enum status state = verdict_state(record_flags(r), r->activates, r->expires, now);
    uint64_t given = f->given;

    if (!list_filter_matches(f, r, used, now))
        return;
    MUST(!(given & KEY_BIT(KEY_STATE)) || state == f->state);
    MUST(!(given & KEY_BIT(KEY_BY)) || r->by == f->by);
    MUST(!(given & KEY_BIT(KEY_SUBJECT)) ||
         (r->subject_len == f->subject_len && memcmp(r->texts, f->subject, f->subject_len) == 0));
    MUST(!(given & KEY_BIT(KEY_SCOPE)) || r->scopes_len >= f->scopes_len);
    MUST(!(given & KEY_BIT(KEY_CREATED_AFTER)) || r->created >= f->created_after);
    MUST(!(given & KEY_BIT(KEY_CREATED_BEFORE)) || r->created < f->created_before);
    MUST(!(given & KEY_BIT(KEY_EXPIRES_BEFORE)) || r->expires < f->expires_before);
    MUST(!(given & KEY_BIT(KEY_EXPIRES_WITHIN)) ||
         (r->expires > now && r->expires - now <= f->expires_within));
    MUST(!(given & KEY_BIT(KEY_UNUSED_FOR)) ||
         (now - used >= f->unused_for && now - r->created >= f->unused_for));
    MUST(!(given & KEY_BIT(KEY_NEVER_USED)) || (used == 0) == f->never_used);
}

FUZZ_HARNESS_ENDS

/* Read the keys that are filters; false: the request is refused. */
static bool read_filters(const struct request *r, struct list_filter *f)
{
    const char *fault = NULL;

    for (enum key key = 0; key < KEY_COUNT && fault == NULL; key++) {
        uint64_t before = f->given, wanted = before | KEY_BIT(key);
        if (!request_has(r, key))
            continue;
        bool is_filter = list_filter_read(f, key, r->value[key], &fault);
        MUST(is_filter == ((request_filters(VERB_LIST) & KEY_BIT(key)) != 0));
        if (!is_filter || (key == KEY_MATCH && r->value[key].len == 0))
            wanted = before;
        MUST(fault != NULL || f->given == wanted);
    }
    return fault == NULL;
}

static bool read_request(struct slice line, struct list_filter *f)
{
    struct request r;
    struct problem problem;
    char *copy = fuzz_copy(line);
    const struct request_line look = request_look(copy, line.len);
    bool ok = request_parse(&look, ROLE_ADMIN, &r, &problem) == STATUS_OK && r.verb == VERB_LIST &&
              read_filters(&r, f);

    free(copy);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct fuzz_input in = { input, len };
    static struct record r;
    struct list_filter f = { .given = 0 };
    unsigned flags = consume_byte(&in);
    int64_t now = consume_time(&in, beginning);

    f.but_revoked = (flags & 1) != 0;
    f.but_expired = (flags & 2) != 0;
    const uint8_t *end = in.left > 0 ? memchr(in.at, '\n', in.left) : NULL;
    if (end == NULL || !read_request(consume_bytes(&in, (size_t)(end - in.at)), &f))
        return 0;
    consume_byte(&in);
    for (unsigned i = 0; i < TOKENS_MAX && in.left > 0; i++) {
        make_record(&in, &r);
        int64_t used = consume_time(&in, 0);
        check_early(&f, &r, used, now);
        check_all(&f, &r, used, now);
        check_meaning(&f, &r, used, now);
    }
    return 0;
}
