/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may conclude from the table, for each kind of stack. */
#include "tests/unit/support/configured_stack.h"

struct expected {
    const char *lines;
    enum terms terms;
    const char *scopes;
};

static void check(const struct expected *cases, size_t count)
{
    char text[4096];

    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "[service git]\n%s", cases[i].lines);
        make(text);
        const struct stack *git = stack("git");
        if (git->terms != cases[i].terms || strcmp(git->scopes, cases[i].scopes) != 0)
            fail_msg("%s%d \"%s\"", cases[i].lines, (int)git->terms, git->scopes);
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof(cases[0]))

static void the_table_alone_is_final_whatever_the_word(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "sufficient = local\n", TERMS_FINAL, "" },
        { "required = local\n", TERMS_FINAL, "" },
        { "requisite = local\n", TERMS_FINAL, "" },
        { "optional = local\n", TERMS_FINAL, "" },
    };

    CHECK(cases);
    make("");
    assert_int_equal(stack("")->terms, TERMS_FINAL);
}

static void scopes_that_are_required_are_handed_out_as_one_set(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "requisite = local\nrequisite = require scope=x\n", TERMS_IF, "x" },
        { "required = local\nrequired = require scope=z,x\n", TERMS_IF, "x,z" },
        { "requisite = local\nrequired = require scope=b,a\nrequisite = require scope=c,b\n",
          TERMS_IF, "a,b,c" },
    };

    CHECK(cases);
}

static void what_the_table_cannot_tell_gives_no_terms(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "requisite = local\nrequisite = require scope=x subject=a\n", TERMS_NONE, "" },
        { "requisite = local\nrequisite = require subject=a\n", TERMS_NONE, "" },
        { "requisite = local\nrequisite = require issuer=a\n", TERMS_NONE, "" },
        { "requisite = local\nrequisite = require min_remaining=5m\n", TERMS_NONE, "" },
        { "requisite = local\nrequisite = require peer_uid=0\n", TERMS_NONE, "" },
        { "requisite = local\nrequisite = require peer_gid=0\n", TERMS_NONE, "" },
        { "requisite = local\nrequisite = require scope=x\nrequisite = require peer_uid=0\n",
          TERMS_NONE, "" },
        { "requisite = local\noptional = require scope=x\n", TERMS_NONE, "" },
        { "optional = local\nrequisite = require scope=x\n", TERMS_NONE, "" },
        { "requisite = local\nrequisite = unit_plain\n", TERMS_NONE, "" },
        { "requisite = local\nrequisite = require scope=x\nsufficient = unit_plain\n", TERMS_NONE,
          "" },
        { "sufficient = unit_plain\nsufficient = local\n", TERMS_NONE, "" },
        { "requisite = require peer_uid=0\nsufficient = local\n", TERMS_NONE, "" },
        { "requisite = local\nrequisite = local\n", TERMS_NONE, "" },
        { "requisite = local\nrequisite = throttle\n", TERMS_NONE, "" },
        { "optional = local\nsufficient = unit_plain\n", TERMS_NONE, "" },
    };

    bring("unit_plain");
    CHECK(cases);
}

static void where_a_hit_ends_it_hits_are_enough(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "sufficient = local\nsufficient = unit_plain\n", TERMS_HITS, "" },
        { "sufficient = local\nsufficient = unit_blocks\n", TERMS_HITS, "" },
        { "sufficient = local\nrequisite = require scope=x\n", TERMS_HITS, "" },
    };

    bring("unit_plain");
    bring("unit_blocks");
    CHECK(cases);
}

/* Misses must be asked for, so that they are counted. */
static void a_throttle_before_the_table_leaves_its_hits(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        { "requisite = throttle\nsufficient = local\n", TERMS_HITS, "" },
        { "requisite = throttle\nrequisite = throttle\nrequisite = local\n", TERMS_HITS, "" },
        { "requisite = throttle\nrequisite = local\nrequisite = require scope=x\n", TERMS_NONE,
          "" },
        { "requisite = throttle\nsufficient = local\nsufficient = unit_plain\n", TERMS_HITS, "" },
    };

    bring("unit_plain");
    CHECK(cases);
}

/* Two sets together may have more than the 32 words of a token: clients must ask then. */
static void more_scopes_than_a_set_holds_give_no_terms(void **state)
{
    (void)state;
    char text[2048] = "[service git]\nrequisite = local\nrequisite = require scope=";

    for (int i = 0; i < SCOPES_MAX; i++)
        sprintf(text + strlen(text), "%sa%d", i > 0 ? "," : "", i);
    strcat(text, "\n");
    make(text);
    assert_int_equal(stack("git")->terms, TERMS_IF);
    strcat(text, "requisite = require scope=a1,a2\n");
    make(text);
    assert_int_equal(stack("git")->terms, TERMS_IF);
    strcat(text, "requisite = require scope=b\n");
    make(text);
    assert_int_equal(stack("git")->terms, TERMS_NONE);
    assert_string_equal(stack("git")->scopes, "");
}

static void terms_differ_where_a_client_could_tell(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool differ;
    } cases[] = {
        { "", "", false },
        { "", "[service git]\nrequired = local\n", false },
        { "", "[service git]\nrequisite = local\nrequisite = require scope=x\n", true },
        { "", "[service other]\nsufficient = local\nsufficient = unit_plain\n", true },
        { "[service git]\nrequisite = local\nrequisite = require scope=x\n",
          "[service git]\nrequired = local\nrequired = require scope=x\n", false },
        { "[service git]\nrequisite = local\nrequisite = require scope=x\n",
          "[service git]\nrequisite = local\nrequisite = require scope=y\n", true },
        { "[service git]\nsufficient = local\nsufficient = unit_plain\n",
          "[service git]\nsufficient = local\nsufficient = unit_blocks\n", false },
        { "[service git]\nrequired = local\n", "[service api]\nrequired = local\n", false },
    };

    bring("unit_plain");
    bring("unit_blocks");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make(cases[i].a);
        struct stacks *a = stacks;
        stacks = NULL;
        make(cases[i].b);
        assert_true(stacks_terms_differ(a, stacks) == cases[i].differ);
        assert_true(stacks_terms_differ(stacks, a) == cases[i].differ);
        assert_false(stacks_terms_differ(a, a));
        assert_true(stacks_end(a, 10000));
        stacks_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIGURED(the_table_alone_is_final_whatever_the_word),
        CONFIGURED(scopes_that_are_required_are_handed_out_as_one_set),
        CONFIGURED(what_the_table_cannot_tell_gives_no_terms),
        CONFIGURED(where_a_hit_ends_it_hits_are_enough),
        CONFIGURED(a_throttle_before_the_table_leaves_its_hits),
        CONFIGURED(more_scopes_than_a_set_holds_give_no_terms),
        CONFIGURED(terms_differ_where_a_client_could_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
