/* SPDX-License-Identifier: Apache-2.0 */
/* What an import is answered that meets a ban, or a token that it denies; and what an export ends with.
 * Included by expectations.h. */
#ifndef JETON_FUZZ_DENIALS_H
#define JETON_FUZZ_DENIALS_H

/* Check the import of what is banned; true if it is. */
static bool expect_banned(const struct pending_request *a)
{
    struct model_ban *ban = model_ban(a->token.digest, DIGEST_SIZE);

    if (ban == NULL || (inproc.writer.may_purge && ban_is_over(ban->until, fuzz_clock.wall)))
        return false;
    if (!a->token.revoked || a->token.expires <= ban->until) {
        expect("ERR banned");
        return true;
    }
    ban->until = a->token.expires;
    expect("OK");
    expect_text("state", "banned");
    struct token t = { .expires = ban->until, .activates = 0 };
    memcpy(t.id, a->token.id, sizeof(t.id));
    model_add_event("ban", &t);
    return true;
}

/* Check the import of a denial of a token that is here; true if it is one. */
static bool expect_merged(const struct pending_request *a, struct token *t)
{
    const struct token *want = &a->token;
    const char *merged = "deny";
    bool lengthens = want->revoked && t->revoked && want->expires > model_own_end(t);

    if (want->revoked && !t->revoked) {
        model_set_revoked(t, want->revoked_at);
        model_add_event("revoke", t);
    } else if (want->disabled && !t->disabled && !t->revoked) {
        model_set_disabled(t, want->disabled_at);
        model_add_event("disable", t);
    } else if (lengthens) {
        model_add_event("revoke", t);
        merged = "update";
    } else {
        return false;
    }
    if (t->revoked && want->expires > model_own_end(t))
        t->own_end = want->expires;
    expect("OK");
    expect_text("merged", merged);
    expect_current_state(a, t);
    return true;
}

/* Expect the checksum of the data lines. */
static void expect_checksum(void)
{
    uint8_t sum[DIGEST_SIZE], is[DIGEST_SIZE];
    crypto_generichash_state state;
    size_t at = reply.data_at;

    crypto_generichash_init(&state, NULL, 0, sizeof(sum));
    for (unsigned i = 0; i < reply.data; i++) {
        struct slice line = inproc_next_line(&at);
        crypto_generichash_update(&state, (const uint8_t *)line.at, line.len);
        crypto_generichash_update(&state, (const uint8_t *)"\n", 1);
    }
    crypto_generichash_final(&state, sum, sizeof(sum));
    MUST(hex_parse(field("checksum"), is, sizeof(is)) && memcmp(is, sum, sizeof(sum)) == 0);
    shown.met++;
}

#endif
