/* SPDX-License-Identifier: Apache-2.0 */
/* Check the claims of JWTs, and make identities of them. */
#include "tests/unit/support/jwt_maker.h"

static int verify_claims(const char *claims)
{
    return ask(verifier, jwt(&ed, claims));
}

static bool refused(const char *claims, enum jeton_reason reason, const char *word)
{
    return refuses(verifier, jwt(&ed, claims), reason, word);
}

#define FROM "\"iss\":\"https://idp.example\","
#define FOR "\"aud\":\"api\","
#define END "\"exp\":1800000600"

static void issuer_and_audience_are_checked(void **state)
{
    (void)state;
    assert_int_equal(verify_claims("{" FROM "\"aud\":[\"web\",\"api\"]," END "}"),
                     JETON_VERIFIER_PASS);
    assert_string_equal(answer.identity.subject, "");
    assert_string_equal(answer.identity.issuer, "https://idp.example");
    assert_true(refused("{" FOR END "}", JETON_REASON_DENIED, "issuer"));
    assert_true(refused("{\"iss\":\"https://idp.example/\"," FOR END "}", JETON_REASON_DENIED,
                        "issuer"));
    assert_true(refused("{\"iss\":\"\"," FOR END "}", JETON_REASON_DENIED, "issuer"));
    assert_true(refused("{\"iss\":7," FOR END "}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" FROM END "}", JETON_REASON_DENIED, "audience"));
    assert_true(refused("{" FROM "\"aud\":\"*\"," END "}", JETON_REASON_DENIED, "audience"));
    assert_true(refused("{" FROM "\"aud\":[]," END "}", JETON_REASON_DENIED, "audience"));
    assert_true(refused("{" FROM "\"aud\":[\"api\",1]," END "}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" FROM "\"aud\":{\"api\":1}," END "}", JETON_REASON_MALFORMED, "claim"));
}

static const struct {
    const char *claims;
    int reason;
    int64_t retry_after;
} times[] = {
    { "\"exp\":1799999971", 0, 0 }, /* 30 seconds of leeway */
    { "\"exp\":1799999970", JETON_REASON_EXPIRED, 0 },
    { "\"exp\":1799999970.999", JETON_REASON_EXPIRED, 0 },
    { "\"exp\":1.800000001e9", 0, 0 },
    { "\"exp\":-1", JETON_REASON_EXPIRED, 0 },
    { "\"exp\":0", JETON_REASON_EXPIRED, 0 },
    { "\"exp\":253402300799", 0, 0 },
    { "\"exp\":253402300800", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":9223372036854775807", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":9223372036854775808", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":-9223372036854775808", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":1e300", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":-1e300", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":1e400", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":\"1800000600\"", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":null", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":true", JETON_REASON_MALFORMED, 0 },
    { "\"iat\":1", JETON_REASON_DENIED, 0 }, /* no exp */
    { END ",\"iat\":1800009999", 0, 0 },
    { END ",\"iat\":\"now\"", JETON_REASON_MALFORMED, 0 },
    { END ",\"nbf\":1800000030", 0, 0 },
    { END ",\"nbf\":1800000031", JETON_REASON_PENDING, 1 },
    { END ",\"nbf\":1800000030.001", JETON_REASON_PENDING, 1 },
    { END ",\"nbf\":253402300799", JETON_REASON_PENDING, 365 * 86400 },
    { END ",\"nbf\":-253402300799", 0, 0 },
    { END ",\"nbf\":1e30", JETON_REASON_MALFORMED, 0 },
    { END ",\"nbf\":[]", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":1,\"nbf\":1900000000", JETON_REASON_EXPIRED, 0 },
};

static void exp_nbf_and_iat_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char claims[256];
        snprintf(claims, sizeof(claims), "{" FROM FOR "%s}", times[i].claims);
        int outcome = verify_claims(claims);
        assert_int_equal(outcome, times[i].reason == 0 ? JETON_VERIFIER_PASS : JETON_VERIFIER_FAIL);
        assert_int_equal(answer.reason, times[i].reason);
        assert_int_equal(answer.retry_after, times[i].retry_after);
    }
    char *value = jwt(&ed, "{" CLAIMS ",\"nbf\":1800000600}");
    ask_at(verifier, value, INT64_MIN);
    assert_int_equal(answer.retry_after, 365 * 86400);
    ask_at(verifier, value, INT64_MAX);
    assert_int_equal(answer.reason, JETON_REASON_EXPIRED);
}

static void claims_become_an_identity(void **state)
{
    (void)state;
    char claims[2048], text[300];

    assert_int_equal(verify_claims("{" CLAIMS
                                   ",\"jti\":\"t-1\",\"scope\":\"read  write read w?r a,b\"}"),
                     JETON_VERIFIER_PASS);
    assert_true(answer.has_identity);
    assert_string_equal(answer.identity.id, "t-1");
    assert_string_equal(answer.identity.scopes, "read,write");
    assert_int_equal(answer.identity.expires, 1800000600);
    assert_int_equal(verify_claims("{" CLAIMS ",\"scope\":[\"b\",\"a\",\"has space\",\"\"]}"), 0);
    assert_string_equal(answer.identity.scopes, "a,b");
    assert_int_equal(verify_claims("{" CLAIMS "}"), JETON_VERIFIER_PASS);
    assert_string_equal(answer.identity.scopes, "");
    assert_true(refused("{" CLAIMS ",\"scope\":7}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" CLAIMS ",\"scope\":[7]}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" CLAIMS ",\"jti\":7}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" FROM FOR END ",\"sub\":7}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" FROM FOR END ",\"sub\":\"a\\nb\"}", JETON_REASON_DENIED, "subject"));
    assert_true(refused("{" FROM FOR END ",\"sub\":\"\\u009b1m\"}", JETON_REASON_DENIED,
                        "subject"));
    assert_true(refused("{" FROM FOR END ",\"sub\":\"a\\u0000b\"}", JETON_REASON_MALFORMED,
                        "claims"));
    for (int len = 256; len <= 257; len++) {
        memset(text, 'x', sizeof(text));
        snprintf(claims, sizeof(claims), "{" FROM FOR END ",\"sub\":\"%.*s\",\"jti\":\"%.64s\"}",
                 len, text, text);
        assert_int_equal(verify_claims(claims),
                         len == 256 ? JETON_VERIFIER_PASS : JETON_VERIFIER_FAIL);
    }
    strcpy(claims, "{" CLAIMS ",\"scope\":\"");
    for (int i = 0; i < 33; i++)
        sprintf(claims + strlen(claims), "s%d ", i);
    assert_true(refused(strcat(claims, "\"}"), JETON_REASON_DENIED, "32 scopes"));
}

/* The end is the JWT's own, so that min_remaining and expires= mean it. */
static void the_leeway_does_not_change_the_expiry(void **state)
{
    (void)state;
    char *value = jwt(&ed, "{" CLAIMS "}");
    struct jeton_identity earlier = { .expires = 1800000601, .leeway = 7 };

    for (int64_t late = -1; late <= 30; late++) {
        assert_int_equal(ask_at(verifier, value, 1800000600 + late),
                         late < 30 ? JETON_VERIFIER_PASS : JETON_VERIFIER_FAIL);
        if (late == 30)
            break;
        assert_int_equal(answer.identity.expires, 1800000600);
        assert_int_equal(answer.identity.leeway, 30);
    }
    question.identity = &earlier;
    assert_int_equal(ask(verifier, value), JETON_VERIFIER_PASS);
    assert_int_equal(answer.identity.expires, 1800000600);
    assert_int_equal(answer.identity.leeway, 30);
    earlier.expires = 1800000599;
    assert_int_equal(ask(verifier, value), JETON_VERIFIER_PASS);
    assert_int_equal(answer.identity.expires, 1800000599);
    assert_int_equal(answer.identity.leeway, 7);
}

static const char *id_of(const char *jti)
{
    char claims[512];

    snprintf(claims, sizeof(claims), "{" CLAIMS ",\"jti\":\"%s\"}", jti);
    assert_int_equal(verify_claims(claims), JETON_VERIFIER_PASS);
    return answer.identity.id;
}

static void different_jti_are_different_ids(void **state)
{
    (void)state;
    char jti[128], first[64];

    snprintf(jti, sizeof(jti), "%063d", 1);
    assert_string_equal(id_of(jti), jti);
    snprintf(jti, sizeof(jti), "%064d", 1);
    strcpy(first, id_of(jti));
    assert_int_equal(strncmp(first, "blake2b:", 8), 0);
    assert_int_equal(strlen(first), 8 + 48);
    assert_string_equal(id_of(jti), first);
    snprintf(jti, sizeof(jti), "%064d", 2);
    assert_string_not_equal(id_of(jti), first);
    assert_string_not_equal(id_of(first), first); /* nobody can choose another one's digest */
    strcpy(first, id_of("a\\u0007"));
    assert_int_equal(strncmp(first, "blake2b:", 8), 0);
    assert_string_not_equal(id_of("a\\u0008"), first);
    assert_string_equal(id_of(""), "");
}

static void arguments_change_the_policy(void **state)
{
    (void)state;
    void *v = open_with("key=%s issuer=* audience=* leeway=0s require_exp=no subject_claim=email "
                        "scopes_claim=scp id_claim=uti typ=at+jwt",
                        ed.path);
    const char *claims = "{\"email\":\"a@b.c\",\"scp\":\"x\",\"uti\":\"u\",\"sub\":7}";

    assert_int_equal(ask(v, jwt_with(&ed, "{\"alg\":\"EdDSA\",\"typ\":\"Application/AT+JWT\"}",
                                     claims)),
                     JETON_VERIFIER_PASS);
    assert_string_equal(answer.identity.subject, "a@b.c");
    assert_string_equal(answer.identity.scopes, "x");
    assert_string_equal(answer.identity.id, "u");
    assert_string_equal(answer.identity.issuer, "");
    assert_true(answer.identity.expires == JETON_VERIFIER_NEVER);
    assert_true(refuses(v, jwt(&ed, claims), JETON_REASON_DENIED, "type"));
    assert_true(refuses(v, jwt_with(&ed, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", claims),
                        JETON_REASON_DENIED, "type"));
    assert_true(
        refuses(v, jwt_with(&ed, "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}", "{\"exp\":1800000000}"),
                JETON_REASON_EXPIRED, "expired"));
    module->close(v);
}

static void an_earlier_identity_is_narrowed(void **state)
{
    (void)state;
    struct jeton_identity earlier = {
        .expires = NOW + 10, .id = "first", .subject = "alice", .scopes = "a,b,c"
    };

    question.identity = &earlier;
    assert_int_equal(verify_claims("{" CLAIMS ",\"jti\":\"t\",\"scope\":\"d b a\"}"),
                     JETON_VERIFIER_PASS);
    assert_string_equal(answer.identity.scopes, "a,b");
    assert_string_equal(answer.identity.id, "t"); /* it names the JWT, too */
    assert_string_equal(answer.identity.issuer, "https://idp.example");
    assert_int_equal(answer.identity.expires, NOW + 10);
    strcpy(earlier.issuer, "https://other.example");
    assert_int_equal(verify_claims("{" CLAIMS ",\"jti\":\"t\"}"), JETON_VERIFIER_PASS);
    assert_string_equal(answer.identity.id, "first");
    assert_string_equal(answer.identity.issuer, "https://other.example");
    earlier.issuer[0] = '\0';
    earlier.expires = JETON_VERIFIER_NEVER;
    assert_int_equal(verify_claims("{" CLAIMS "}"), JETON_VERIFIER_PASS);
    assert_int_equal(answer.identity.expires, 1800000600);
    assert_string_equal(answer.identity.scopes, "");
    strcpy(earlier.subject, "bob");
    assert_true(refused("{" CLAIMS "}", JETON_REASON_DENIED, "somebody else"));
}

static int drop_identity(void **state)
{
    (void)state;
    question.identity = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(issuer_and_audience_are_checked),
        cmocka_unit_test(exp_nbf_and_iat_are_checked),
        cmocka_unit_test(claims_become_an_identity),
        cmocka_unit_test_teardown(the_leeway_does_not_change_the_expiry, drop_identity),
        cmocka_unit_test(different_jti_are_different_ids),
        cmocka_unit_test(arguments_change_the_policy),
        cmocka_unit_test_teardown(an_earlier_identity_is_narrowed, drop_identity),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, make_keys, free_keys);
}
