/* SPDX-License-Identifier: Apache-2.0 */
/* Compare stack_result with a model that keeps an impression and a code, as libpam's dispatch
 * does, and look for the reason only afterwards.  Compare every sequence of up to three
 * verifiers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/verify/stack_result.h"

/* The results that make a difference. */
enum kind {
    PASS,
    NO_OBJECTION,
    MALFORMED,
    UNKNOWN,
    EXPIRED,
    REVOKED,
    DISABLED,
    IGNORE,
    ERROR,
    NO_IDENTITY,
    KINDS
};

static const struct verifier_result results[KINDS] = {
    [PASS] = { .outcome = JETON_VERIFIER_PASS, .identifies = true },
    [NO_OBJECTION] = { .outcome = JETON_VERIFIER_PASS },
    [MALFORMED] = { .outcome = JETON_VERIFIER_FAIL, .reason = STATUS_MALFORMED },
    [UNKNOWN] = { .outcome = JETON_VERIFIER_FAIL, .reason = STATUS_UNKNOWN },
    [EXPIRED] = { .outcome = JETON_VERIFIER_FAIL, .reason = STATUS_EXPIRED },
    [REVOKED] = { .outcome = JETON_VERIFIER_FAIL, .reason = STATUS_REVOKED },
    [DISABLED] = { .outcome = JETON_VERIFIER_FAIL, .reason = STATUS_DISABLED },
    [IGNORE] = { .outcome = JETON_VERIFIER_IGNORE },
    [ERROR] = { .outcome = JETON_VERIFIER_ERROR },
    [NO_IDENTITY] = { .outcome = JETON_VERIFIER_FAIL, .lacks_identity = true },
};

static const char *const kind_names[KINDS] = {
    "pass",    "no-objection", "malformed", "unknown", "expired",
    "revoked", "disabled",     "ignore",    "error",   "no-identity",
};

enum { ENTRIES_MAX = 4, WAYS = CONTROL_COUNT * KINDS };

struct sequence {
    size_t count;
    struct {
        enum control control;
        enum kind kind;
    } entry[ENTRIES_MAX];
};

struct result {
    enum status status;
    size_t asked;  /* number of verifiers asked */
    size_t due_to; /* the entry whose reason it is, from 1; 0: none */
};

static struct result combine(const struct sequence *q)
{
    struct result r = { .asked = 0 };
    bool over = false;
    struct stack_result t;

    stack_result_begin(&t);
    while (r.asked < q->count && !over) {
        struct verifier_result result = results[q->entry[r.asked].kind];
        result.retry_after = (int64_t)++r.asked;
        over = stack_result_add(&t, q->entry[r.asked - 1].control, &result);
    }
    r.status = stack_result_status(&t);
    r.due_to = r.status == STATUS_OK ? 0 : (size_t)stack_result_reason(&t)->retry_after;
    return r;
}

/* -- the model --------------------------------------------------------------------------------- */

/* What each control word of pam.conf(5) stands for. */
enum action { OK, DONE, BAD, DIE, SKIP };

static const struct {
    enum action success, ignore, otherwise;
} words[CONTROL_COUNT] = {
    [CONTROL_REQUIRED] = { OK, SKIP, BAD },
    [CONTROL_REQUISITE] = { OK, SKIP, DIE },
    [CONTROL_SUFFICIENT] = { DONE, SKIP, SKIP },
    [CONTROL_OPTIONAL] = { OK, SKIP, SKIP },
};

static bool ends_it(enum kind kind)
{
    return kind == REVOKED || kind == DISABLED;
}

static enum action action_of(enum control control, enum kind kind)
{
    if (ends_it(kind))
        return DIE;
    if (kind == PASS || kind == NO_OBJECTION)
        return words[control].success;
    return kind == IGNORE ? words[control].ignore : words[control].otherwise;
}

/* Return the first entry asked that is one of `kinds` (a set of bits) and counted, or did not
 * count. */
static size_t first(const struct sequence *q, size_t asked, unsigned kinds, bool counted)
{
    for (size_t i = 0; i < asked; i++) {
        enum action action = action_of(q->entry[i].control, q->entry[i].kind);
        if ((kinds & 1u << q->entry[i].kind) != 0 && counted == (action == BAD || action == DIE))
            return i + 1;
    }
    return 0;
}

/* Return the entry whose reason a sequence is refused for: points three and four of the header. */
static size_t reason(const struct sequence *q, size_t asked)
{
    const unsigned error = 1u << ERROR, unknown = 1u << UNKNOWN, malformed = 1u << MALFORMED,
                   known = 1u << EXPIRED | 1u << REVOKED | 1u << DISABLED;
    const struct {
        unsigned kinds;
        bool counted;
    } order[] = { { known | unknown | malformed, true },
                  { error, true },
                  { error, false },
                  { known, false },
                  { unknown, false },
                  { malformed, false } };

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        size_t entry = first(q, asked, order[i].kinds, order[i].counted);
        if (entry != 0)
            return entry;
    }
    return 0;
}

static struct result model(const struct sequence *q)
{
    enum { UNDEFINED, POSITIVE, NEGATIVE } impression = UNDEFINED;
    bool identified = false, decided = false;
    struct result r = { .asked = 0 };

    while (r.asked < q->count && !decided) {
        enum kind kind = q->entry[r.asked].kind;
        enum action action = action_of(q->entry[r.asked++].control, kind);
        if (action == OK || action == DONE) {
            identified = identified || kind == PASS;
            impression = impression == NEGATIVE ? NEGATIVE : POSITIVE;
            decided = action == DONE && impression == POSITIVE;
        } else if (action == BAD || action == DIE) {
            impression = NEGATIVE;
            decided = action == DIE;
        }
    }
    if (impression == POSITIVE && identified)
        return r;
    r.due_to = reason(q, r.asked);
    if (r.due_to == 0)
        r.status = identified ? STATUS_DENIED : STATUS_UNKNOWN;
    else if (q->entry[r.due_to - 1].kind == ERROR)
        r.status = STATUS_UNAVAILABLE;
    else
        r.status = results[q->entry[r.due_to - 1].kind].reason;
    return r;
}

/* -- every sequence ---------------------------------------------------------------------------- */

static void show(const struct sequence *q, const struct result *got, const struct result *right)
{
    for (size_t i = 0; i < q->count; i++)
        print_error("%s = %s\n", control_name(q->entry[i].control), kind_names[q->entry[i].kind]);
    print_error("%s after %zu because of %zu; this should be %s after %zu because of %zu\n",
                status_row(got->status)->word, got->asked, got->due_to,
                status_row(right->status)->word, right->asked, right->due_to);
}

static struct sequence numbered(size_t count, size_t number)
{
    struct sequence q = { .count = count };

    for (size_t i = 0; i < count; i++, number /= WAYS) {
        q.entry[i].control = (enum control)(number % WAYS / KINDS);
        q.entry[i].kind = (enum kind)(number % KINDS);
    }
    return q;
}

static size_t sequences(size_t count)
{
    return count == 0 ? 1 : WAYS * sequences(count - 1);
}

static void compare(size_t count)
{
    for (size_t number = 0; number < sequences(count); number++) {
        const struct sequence q = numbered(count, number);
        const struct result got = combine(&q), right = model(&q);
        if (got.status == right.status && got.asked == right.asked && got.due_to == right.due_to)
            continue;
        show(&q, &got, &right);
        fail();
    }
}

static void empty_and_single_stacks_come_to_what_pam_does(void **state)
{
    (void)state;
    compare(0);
    compare(1);
}

static void every_pair_comes_to_what_pam_does(void **state)
{
    (void)state;
    compare(2);
}

static void every_triple_comes_to_what_pam_does(void **state)
{
    (void)state;
    compare(3);
}

/* Return the sequence without its errors, as if those verifiers were not configured. */
static struct sequence without_errors(const struct sequence *q)
{
    struct sequence less = { .count = 0 };

    for (size_t i = 0; i < q->count; i++)
        if (q->entry[i].kind != ERROR)
            less.entry[less.count++] = q->entry[i];
    return less;
}

/* An error where a pass was needed refuses; elsewhere it lets nothing pass that would not pass
 * without it.  A pass without an identity lets nothing pass either. */
static void an_error_is_never_a_pass(void **state)
{
    (void)state;
    for (size_t count = 1; count <= ENTRIES_MAX; count++)
        for (size_t number = 0; number < sequences(count); number++) {
            const struct sequence q = numbered(count, number), less = without_errors(&q);
            const struct result got = combine(&q);
            bool passes = false, fails = false;
            for (size_t i = 0; i < got.asked; i++) {
                enum action action = action_of(q.entry[i].control, q.entry[i].kind);
                passes = passes || q.entry[i].kind == PASS;
                fails = fails || action == BAD || action == DIE;
            }
            if (got.status != STATUS_OK || (passes && !fails && combine(&less).status == STATUS_OK))
                continue;
            show(&q, &got, &got);
            fail();
        }
}

/* -- by hand ----------------------------------------------------------------------------------- */

#define REQUIRED CONTROL_REQUIRED
#define REQUISITE CONTROL_REQUISITE
#define SUFFICIENT CONTROL_SUFFICIENT
#define OPTIONAL CONTROL_OPTIONAL

struct literal {
    enum status status;
    size_t asked;
    struct sequence q;
};

static void check(const struct literal *literals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct result right = { literals[i].status, literals[i].asked, 0 };
        struct result got = combine(&literals[i].q);
        if (got.status == right.status && got.asked == right.asked)
            continue;
        show(&literals[i].q, &got, &right);
        fail();
    }
}

#define CHECK(literals) check(literals, sizeof(literals) / sizeof(literals[0]))

static void one_verifier_alone_decides(void **state)
{
    (void)state;
    static const enum status alone[KINDS] = {
        [PASS] = STATUS_OK,
        [NO_OBJECTION] = STATUS_UNKNOWN,
        [MALFORMED] = STATUS_MALFORMED,
        [UNKNOWN] = STATUS_UNKNOWN,
        [EXPIRED] = STATUS_EXPIRED,
        [REVOKED] = STATUS_REVOKED,
        [DISABLED] = STATUS_DISABLED,
        [IGNORE] = STATUS_UNKNOWN,
        [ERROR] = STATUS_UNAVAILABLE,
        [NO_IDENTITY] = STATUS_UNKNOWN,
    };

    for (enum control c = 0; c < CONTROL_COUNT; c++)
        for (enum kind k = 0; k < KINDS; k++) {
            struct literal one = { alone[k], 1, { 1, { { c, k } } } };
            check(&one, 1);
        }
}

static void the_control_words_do_what_their_names_say(void **state)
{
    (void)state;
    static const struct literal literals[] = {
        { STATUS_OK, 1, { 2, { { SUFFICIENT, PASS }, { REQUISITE, ERROR } } } },
        { STATUS_OK, 2, { 2, { { SUFFICIENT, UNKNOWN }, { SUFFICIENT, PASS } } } },
        { STATUS_OK, 2, { 2, { { SUFFICIENT, ERROR }, { SUFFICIENT, PASS } } } },
        { STATUS_UNKNOWN, 1, { 2, { { REQUISITE, UNKNOWN }, { SUFFICIENT, PASS } } } },
        { STATUS_UNKNOWN, 2, { 2, { { REQUIRED, UNKNOWN }, { SUFFICIENT, PASS } } } },
        { STATUS_UNKNOWN,
          3,
          { 3, { { REQUIRED, UNKNOWN }, { SUFFICIENT, PASS }, { REQUIRED, EXPIRED } } } },
        { STATUS_UNAVAILABLE, 2, { 2, { { REQUIRED, PASS }, { REQUIRED, ERROR } } } },
        { STATUS_OK, 2, { 2, { { REQUIRED, PASS }, { OPTIONAL, ERROR } } } },
        { STATUS_OK, 2, { 2, { { OPTIONAL, EXPIRED }, { OPTIONAL, PASS } } } },
        { STATUS_OK, 2, { 2, { { REQUIRED, PASS }, { REQUIRED, IGNORE } } } },
        { STATUS_OK, 2, { 2, { { REQUISITE, NO_OBJECTION }, { SUFFICIENT, PASS } } } },
    };

    CHECK(literals);
}

static void the_four_points_that_are_not_pam_hold(void **state)
{
    (void)state;
    static const struct literal literals[] = {
        /* Nothing passes without an identity. */
        { STATUS_UNKNOWN, 1, { 2, { { SUFFICIENT, NO_OBJECTION }, { SUFFICIENT, PASS } } } },
        { STATUS_UNKNOWN, 2, { 2, { { REQUISITE, NO_OBJECTION }, { SUFFICIENT, IGNORE } } } },
        { STATUS_UNKNOWN, 2, { 2, { { REQUISITE, NO_OBJECTION }, { SUFFICIENT, UNKNOWN } } } },
        /* Revoked and disabled end the sequence. */
        { STATUS_REVOKED, 1, { 2, { { SUFFICIENT, REVOKED }, { SUFFICIENT, PASS } } } },
        { STATUS_DISABLED, 1, { 2, { { OPTIONAL, DISABLED }, { SUFFICIENT, PASS } } } },
        { STATUS_REVOKED, 2, { 2, { { OPTIONAL, PASS }, { OPTIONAL, REVOKED } } } },
        /* A required refusal outweighs an error. */
        { STATUS_EXPIRED, 2, { 2, { { REQUIRED, ERROR }, { REQUIRED, EXPIRED } } } },
        { STATUS_EXPIRED, 2, { 2, { { REQUIRED, EXPIRED }, { REQUIRED, ERROR } } } },
        { STATUS_UNAVAILABLE, 1, { 2, { { REQUISITE, ERROR }, { REQUIRED, EXPIRED } } } },
        /* No verifier decided. */
        { STATUS_UNAVAILABLE, 2, { 2, { { SUFFICIENT, EXPIRED }, { SUFFICIENT, ERROR } } } },
        { STATUS_EXPIRED, 2, { 2, { { SUFFICIENT, UNKNOWN }, { SUFFICIENT, EXPIRED } } } },
        { STATUS_UNKNOWN, 2, { 2, { { SUFFICIENT, UNKNOWN }, { SUFFICIENT, IGNORE } } } },
    };

    CHECK(literals);
}

/* "optional = require scope=x" below a verifier that did not know the value. */
static void a_fail_for_want_of_an_identity_hides_no_reason_and_passes_nothing(void **state)
{
    (void)state;
    static const struct literal literals[] = {
        { STATUS_UNKNOWN, 2, { 2, { { SUFFICIENT, UNKNOWN }, { OPTIONAL, NO_IDENTITY } } } },
        { STATUS_UNKNOWN, 2, { 2, { { OPTIONAL, IGNORE }, { OPTIONAL, NO_IDENTITY } } } },
        { STATUS_EXPIRED, 2, { 2, { { SUFFICIENT, EXPIRED }, { REQUISITE, NO_IDENTITY } } } },
        { STATUS_UNAVAILABLE, 2, { 2, { { SUFFICIENT, ERROR }, { REQUISITE, NO_IDENTITY } } } },
        { STATUS_UNKNOWN, 2, { 2, { { REQUIRED, NO_IDENTITY }, { REQUIRED, UNKNOWN } } } },
        /* One verifier knew it, so it is not unknown. */
        { STATUS_DENIED, 2, { 2, { { REQUIRED, NO_IDENTITY }, { SUFFICIENT, PASS } } } },
    };

    CHECK(literals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_and_single_stacks_come_to_what_pam_does),
        cmocka_unit_test(every_pair_comes_to_what_pam_does),
        cmocka_unit_test(every_triple_comes_to_what_pam_does),
        cmocka_unit_test(an_error_is_never_a_pass),
        cmocka_unit_test(one_verifier_alone_decides),
        cmocka_unit_test(the_control_words_do_what_their_names_say),
        cmocka_unit_test(the_four_points_that_are_not_pam_hold),
        cmocka_unit_test(a_fail_for_want_of_an_identity_hides_no_reason_and_passes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
