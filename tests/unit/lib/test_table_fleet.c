/* SPDX-License-Identifier: Apache-2.0 */
/* What a client answers from a table with a fleet, whose lease may be anything. */
#include "tests/unit/support/forged_table.h"

enum { FLEET = 1, LOCAL, REVOKED, DISABLED, EXPIRED, ABSENT, TOKENS = ABSENT };
enum { SLOTS = 1 << TABLE_BITS_MIN };

#define SECOND INT64_C(1000000000)
#define SEED UINT64_C(0x9e3779b97f4a7c15)

static struct forged_table forged;
static struct table_views views;

static void forged_put(unsigned number, uint32_t flags, int64_t expires)
{
    uint8_t digest[DIGEST_SIZE];
    char value[33];

    value_numbered(number, value);
    token_digest(slice_of(value), digest);
    const struct table seeded = { .slot_count = SLOTS, .seed = { SEED, SEED + 2 } };
    uint32_t home = table_home_seeded(&seeded, digest), at = home;
    while (forged.slots[at].flags & SLOT_PRESENT)
        at = (at + 1) % SLOTS;
    memcpy((void *)forged.slots[at].digest, digest, sizeof(digest));
    forged.slots[at].expires = expires;
    forged.slots[at].flags |= SLOT_PRESENT | flags;
    forged.slots[home].flags |= SLOT_REACH_BITS; /* any number */
}

static int set_up_layout(uint32_t layout)
{
    forged = forged_new();
    forged.header->layout = layout;
    forged.header->slots = SLOTS;
    forged.header->seed[0] = SEED;
    forged.header->seed[1] = SEED + 2;
    forged_put(FLEET, SLOT_FLEET, TIME_NEVER);
    forged_put(LOCAL, 0, TIME_NEVER);
    forged_put(REVOKED, SLOT_FLEET | SLOT_REVOKED, TIME_NEVER);
    forged_put(DISABLED, SLOT_FLEET | SLOT_DISABLED, TIME_NEVER);
    forged_put(EXPIRED, SLOT_FLEET, 1);
    memset(&views, 0, sizeof(views));
    table_view_replace(&views, &readers, forged_open(&forged, true));
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_layout(TABLE_LAYOUT_FLEET);
}

static int set_up_sha256(void **state)
{
    (void)state;
    return set_up_layout(TABLE_LAYOUT_FLEET_SHA256);
}

static int tear_down(void **state)
{
    (void)state;
    table_views_free(&views), forged_free(&forged);
    return 0;
}

/* Set the deadlines, in nanoseconds from now on. */
static void grant(int64_t until, int64_t keep)
{
    int64_t now = monotonic();

    forged.header->monotonic.until = now + until;
    forged.header->monotonic.keep = now + keep;
}

static void is_answered(unsigned number, enum status right)
{
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    enum status status = STATUS_INTERNAL;

    assert_true(lookup(&views, number, &status, &claims));
    assert_int_equal(status, right);
    assert_int_equal(claims.source, JETON_TABLE);
}

static void is_asked(unsigned number)
{
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    enum status status;

    claims.id[0] = 'x';
    assert_false(lookup(&views, number, &status, &claims));
    assert_string_equal(claims.id, "");
}

/* What depends on no lease. */
static void the_rest_is_answered(void)
{
    is_answered(LOCAL, STATUS_OK);
    is_answered(REVOKED, STATUS_REVOKED);
    is_answered(DISABLED, STATUS_DISABLED);
}

static void kept_are(bool known, bool unknown)
{
    if (known)
        is_answered(FLEET, STATUS_OK), is_answered(EXPIRED, STATUS_EXPIRED);
    else
        is_asked(FLEET), is_asked(EXPIRED);
    if (unknown)
        is_answered(ABSENT, STATUS_UNKNOWN);
    else
        is_asked(ABSENT);
    the_rest_is_answered();
}

static void the_daemon_is_asked_once_a_lease_has_run_out(void **state)
{
    (void)state;
    kept_are(false, false);
    grant(60 * SECOND, 3600 * SECOND);
    kept_are(true, true);
    grant(-SECOND, 3600 * SECOND);
    kept_are(true, false);
    grant(-SECOND, -SECOND);
    kept_are(false, false);
    grant(60 * SECOND, 60 * SECOND);
    kept_are(true, true); /* the table itself was good all the time */
}

static void a_deadline_that_no_daemon_grants_is_not_believed(void **state)
{
    (void)state;
    const int64_t wrong[] = { INT64_MIN,
                              INT64_MIN + 1,
                              -1,
                              0,
                              1,
                              INT64_MAX,
                              INT64_MAX - 1,
                              monotonic() + TABLE_FLEET_KEEP_MAX + 10 * SECOND };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        forged.header->monotonic.until = forged.header->monotonic.keep = wrong[i];
        kept_are(false, false);
    }
    grant(TABLE_FLEET_UNTIL_MAX, TABLE_FLEET_KEEP_MAX);
    kept_are(true, true);
    grant(TABLE_FLEET_UNTIL_MAX + 10 * SECOND, TABLE_FLEET_KEEP_MAX);
    kept_are(true, false);
    forged.header->boottime.until = forged.header->boottime.keep = INT64_MAX; /* not a client's */
    kept_are(true, false);
}

static void a_wrong_lease_of_the_table_outweighs_the_fleets(void **state)
{
    (void)state;
    grant(60 * SECOND, 60 * SECOND);
    kept_are(true, true);
    forged.header->lease = 1;
    is_asked(FLEET), is_asked(LOCAL), is_asked(REVOKED), is_asked(ABSENT);
    forged.header->lease = monotonic() + 5 * SECOND;
    is_asked(FLEET), is_asked(LOCAL), is_asked(REVOKED), is_asked(ABSENT);
    table_view_replace(&views, &readers, NULL);
    assert_null(atomic_load(&views.current));
}

static void a_superseded_table_passes_nothing(void **state)
{
    (void)state;
    grant(60 * SECOND, 60 * SECOND);
    forged.header->state = TABLE_SUPERSEDED;
    is_asked(FLEET), is_asked(LOCAL), is_asked(REVOKED), is_asked(ABSENT);
}

/* Look all up in one batch; return a bit for each that is answered. */
static unsigned batch(const char *malformed)
{
    struct table_view_batch_item items[TOKENS + 1] = { 0 };
    char value[TOKENS][33];
    unsigned answered = 0;
    int64_t now;

    for (unsigned i = 0; i < TOKENS; i++) {
        value_numbered(i + 1, value[i]);
        items[i].question.value = slice_of(value[i]);
    }
    items[TOKENS].question.value = slice_of(malformed);
    memset(&items[TOKENS].verdict, 0x55, sizeof(items[TOKENS].verdict));
    table_view_lookup_batch(&views, &readers, &recent_uses, items, TOKENS + 1, &now);
    for (unsigned i = 0; i <= TOKENS; i++)
        answered |= items[i].answered ? 1u << (i + 1) : 0;
    return answered;
}

static void in_a_batch_each_has_its_own_terms(void **state)
{
    (void)state;
    const unsigned of_form = 1u << (TOKENS + 1),
                   final = 1u << LOCAL | 1u << REVOKED | 1u << DISABLED | of_form,
                   known = 1u << FLEET | 1u << EXPIRED, unknown = 1u << ABSENT;
    const char *malformed[] = { "short", "0123456789abcdef0123",
                                "jtn_0000000000000000000000000000000000000000000000001" };

    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        grant(-SECOND, -SECOND);
        assert_int_equal(batch(malformed[i]), final);
        grant(-SECOND, 60 * SECOND);
        assert_int_equal(batch(malformed[i]), final | known);
        grant(60 * SECOND, 60 * SECOND);
        assert_int_equal(batch(malformed[i]), final | known | unknown);
    }
    forged.header->state = TABLE_CLOSED;
    assert_int_equal(batch(malformed[0]), 0);
}

static void a_table_with_a_fleet_is_checked_as_every_other(void **state)
{
    (void)state;
    struct table_header *h = forged.header;
    struct table_view *v;

    const uint32_t slots[] = { 0, TABLE_BITS_MIN, SLOTS - 1, SLOTS + 1, 2 * SLOTS, UINT32_MAX };
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        h->slots = slots[i];
        assert_non_null(table_view_open(forged.fd, forged.size, &final_conditions, &v));
    }
    h->slots = SLOTS;
    h->layout = TABLE_LAYOUT_FLEET_SHA256 + 1;
    assert_string_equal(table_view_open(forged.fd, forged.size, &final_conditions, &v),
                        "a table of another layout version");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_daemon_is_asked_once_a_lease_has_run_out),
        cmocka_unit_test_setup_teardown(the_daemon_is_asked_once_a_lease_has_run_out, set_up_sha256,
                                        tear_down),
        TEST(a_deadline_that_no_daemon_grants_is_not_believed),
        TEST(a_wrong_lease_of_the_table_outweighs_the_fleets),
        TEST(a_superseded_table_passes_nothing),
        TEST(in_a_batch_each_has_its_own_terms),
        TEST(a_table_with_a_fleet_is_checked_as_every_other),
    };

    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
