/* SPDX-License-Identifier: Apache-2.0 */
/* One slot under its sequence counter: no reader gets a mixture, or misses what was published. */
#include "tests/explore/fixture.h"

static const struct table *entered(void)
{
    return token_table_table(token_table_enter(table, 0));
}

/* -- a token is changed, then denied ---------------------------------------------------------- */

static void set_up_one(void)
{
    table = token_table_new("jtn", 1);
    put(0, 1);
}

static void change_and_deny(void)
{
    put(0, 2);
    deny(0);
    explore_signal(0);
}

static int order_of(int version)
{
    return version == 1 ? 1 : version == 2 ? 2 : version == 2 + DENIED ? 3 : ABSENT;
}

static void read_twice(void)
{
    const struct table *t = entered();
    int first = read_version(t, 0);
    bool denied = explore_saw(0);
    int second = read_version(t, 0);

    explore_check(first == TORN || order_of(first) > 0, "a version that never was");
    explore_check(second == TORN || order_of(second) > 0, "a version that never was");
    explore_check(first == TORN || second == TORN || order_of(second) >= order_of(first),
                  "an older version after a newer one");
    explore_check(!denied || second == 2 + DENIED, "a denial is not seen");
    token_table_leave(table, 0);
}

static const struct explore_scenario changed = { "a slot that is changed, then denied",
                                                 set_up_one,
                                                 { change_and_deny, read_twice } };

static void reader_of_a_changing_slot_gets_no_mixture(void **state)
{
    (void)state;
    explored_passes(&changed);
}

/* -- a token is changed and denied at once ---------------------------------------------------- */

static void change_to_denied(void)
{
    struct record r = record_of(0, 2);

    r.revoked = 1;
    token_table_put(table, &r);
}

static void read_once(void)
{
    int version = read_version(entered(), 0);

    explore_check(version == TORN || version == 1 || version == 2 + DENIED,
                  "a version that never was");
    token_table_leave(table, 0);
}

static const struct explore_scenario changed_at_once = {
    "a slot that is changed and denied at once", set_up_one, { change_to_denied, read_once }
};

static void reader_of_a_changed_and_denied_slot_gets_no_mixture(void **state)
{
    (void)state;
    explored_passes(&changed_at_once);
}

/* -- a slot is used for another token --------------------------------------------------------- */

static void reuse(void)
{
    uint8_t digest[DIGEST_SIZE];

    digest_of(0, digest);
    token_table_remove(table, digest);
    put(1, 2);
}

static void read_old_token(void)
{
    int version = read_version(entered(), 0);

    explore_check(version == TORN || version == ABSENT || version == 1,
                  "a token has the claims of another");
}

static void read_new_token(void)
{
    int version = read_version(entered(), 1);

    explore_check(version == TORN || version == ABSENT || version == 2,
                  "a token has the claims of another");
}

static const struct explore_scenario reused_old = {
    "a slot that gets another token, read for the old one", set_up_one, { reuse, read_old_token }
};
static const struct explore_scenario reused_new = {
    "a slot that gets another token, read for the new one", set_up_one, { reuse, read_new_token }
};

static void reader_of_a_reused_slot_gets_no_other_tokens_claims(void **state)
{
    (void)state;
    explored_passes(&reused_old);
    explored_passes(&reused_new);
}

/* -- a token is removed from before another ---------------------------------------------------- */

static void set_up_two(void)
{
    set_up_one();
    put(1, 1);
}

static void remove_and_add(void)
{
    uint8_t digest[DIGEST_SIZE];

    digest_of(0, digest);
    token_table_remove(table, digest);
    put(0, 2);
}

static void read_the_other(void)
{
    int version = read_version(entered(), 1);

    explore_check(version == TORN || version == 1, "a token is not found");
}

static const struct explore_scenario removed = { "a token before another is removed and comes back",
                                                 set_up_two,
                                                 { remove_and_add, read_the_other } };

static void token_behind_a_changing_slot_is_always_found(void **state)
{
    (void)state;
    explored_passes(&removed);
}

/* -- mutants ---------------------------------------------------------------------------------- */

#define WRITES(name, what, expression)                      \
    {                                                       \
        name, what, "slot_write", expression, NULL, 0, NULL \
    }
#define READS(name, what, expression)                      \
    {                                                      \
        name, what, "read_slot", expression, NULL, 0, NULL \
    }

static const struct explore_mutant of_changes[] = {
    WRITES("the activation time is stored relaxed", MUTATE_RELAX, "&slot->activates"),
    WRITES("the expiry is stored relaxed", MUTATE_RELAX, "&slot->expires"),
    WRITES("the scopes are stored relaxed", MUTATE_RELAX, "&slot->scopes"),
    WRITES("the subject is stored relaxed", MUTATE_RELAX, "&slot->subject"),
    WRITES("the flags are stored relaxed", MUTATE_RELAX, "&slot->flags"),
    WRITES("the sequence is stored relaxed", MUTATE_RELAX, "&slot->sequence"),
    WRITES("the sequence is not stored", MUTATE_SKIP, "&slot->sequence"),
    WRITES("the flags are not stored", MUTATE_SKIP, "&slot->flags"),
    { "the sequence is odd only after the fields", MUTATE_LATE, "slot_write", "&slot->sequence",
      "&slot->flags", 0, NULL },
    READS("the flags are loaded relaxed", MUTATE_RELAX, "&slot->flags"),
    READS("the activation time is loaded relaxed", MUTATE_RELAX, "&slot->activates"),
    READS("the expiry is loaded relaxed", MUTATE_RELAX, "&slot->expires"),
    READS("the scopes are loaded relaxed", MUTATE_RELAX, "&slot->scopes"),
    READS("the subject is loaded relaxed", MUTATE_RELAX, "&slot->subject"),
    READS("the sequence is loaded relaxed", MUTATE_RELAX, "&slot->sequence"),
    READS("the sequence is not loaded again", MUTATE_NOT_AGAIN, "&slot->sequence"),
};

static const struct explore_mutant of_changes_at_once[] = {
    { "the flags are stored after the sequence", MUTATE_LATE, "slot_write", "&slot->flags",
      "&slot->sequence", 0, NULL },
};

static const struct explore_mutant of_reuse[] = {
    WRITES("the digest is stored relaxed", MUTATE_RELAX, "&slot->digest[i]"),
    { "the digest is loaded relaxed", MUTATE_RELAX, "same_digest", "&slot->digest[i]", NULL, 0,
      NULL },
};

static const struct explore_mutant of_removal[] = {
    { "a removed token leaves an empty slot", MUTATE_CONSTANT, "slot_write", "&slot->flags", NULL,
      0, NULL },
};

static void faults_of_the_sequence_counter_are_found(void **state)
{
    (void)state;
    MUTANTS_ARE_CAUGHT(&changed, of_changes);
    MUTANTS_ARE_CAUGHT(&changed_at_once, of_changes_at_once);
    MUTANTS_ARE_CAUGHT(&reused_new, of_reuse);
    MUTANTS_ARE_CAUGHT(&removed, of_removal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_of_a_changing_slot_gets_no_mixture),
        cmocka_unit_test(reader_of_a_changed_and_denied_slot_gets_no_mixture),
        cmocka_unit_test(reader_of_a_reused_slot_gets_no_other_tokens_claims),
        cmocka_unit_test(token_behind_a_changing_slot_is_always_found),
        cmocka_unit_test(faults_of_the_sequence_counter_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
