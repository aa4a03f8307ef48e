/* SPDX-License-Identifier: Apache-2.0 */
/* Verify JWTs: values, and payloads and headers with a valid signature; and read key files.
 *
 *     input = kind, then the bytes: of a value; of a payload to sign; of a header; of a key file */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/verifiers/verifier.h"
#include "proto/scopes.h"

/* The keys and an example of RFC 7515, A.2 and A.3. */
#define JOE                                                                                \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290" \
    "Ijp0cnVlfQ"
#define RSA_N                                                                                 \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPM"      \
    "EzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-"      \
    "bSf63kpaSHS"                                                                             \
    "XndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_" \
    "I5IhlJ"                                                                                  \
    "H7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define EC_KEY                                                                              \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU" \
    "\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define EC_JWT                                                                              \
    "eyJhbGciOiJFUzI1NiJ9." JOE ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djx" \
    "La8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define HEADER "{\"alg\":\"EdDSA\",\"kid\":\"k\"}"
#define CLAIMS "{\"iss\":\"joe\",\"exp\":1300819380}"

enum { NOW = 1300819379, LEEWAY = 30, JWT_SIZE = 8192 };

extern const struct jeton_verifier jeton_verifier;

static unsigned char seed[crypto_sign_SEEDBYTES] = "a key that is known to everybody";
static unsigned char secret[crypto_sign_SECRETKEYBYTES], public[crypto_sign_PUBLICKEYBYTES];
static char directory[64], keys[96], tried[96];
static char own_jwt[JWT_SIZE]; /* signed with our key */
static void *verifier;

static void encode(char *to, size_t buffer, const void *bytes, size_t len)
{
    MUST(sodium_bin2base64(to, buffer, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == to);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    MUST(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

/* Make header.payload.signature with our key. */
static void sign(char jwt[JWT_SIZE], struct slice header, struct slice claims)
{
    unsigned char signature[crypto_sign_BYTES];

    encode(jwt, JWT_SIZE, header.at, header.len);
    strcat(jwt, ".");
    encode(jwt + strlen(jwt), JWT_SIZE - strlen(jwt), claims.at, claims.len);
    crypto_sign_detached(signature, NULL, (unsigned char *)jwt, strlen(jwt), secret);
    strcat(jwt, ".");
    encode(jwt + strlen(jwt), JWT_SIZE - strlen(jwt), signature, sizeof(signature));
}

static void *open_with(const char *source, const char *path)
{
    const struct jeton_argument arguments[] = {
        { source, path },
        { "issuer", "joe" },
        { "audience", "*" },
        { "algorithms", "RS256,ES256,EdDSA" },
    };
    char problem[200] = "";
    void *instance = NULL;
    int failed = jeton_verifier.open(&instance, arguments, 4, problem, sizeof(problem));

    MUST((failed == 0) == (instance != NULL) && (failed == 0 || problem[0] != '\0'));
    return instance;
}

static void remove_files(void)
{
    unlink(keys);
    unlink(tried);
    rmdir(directory);
}

/* -- verifying ---------------------------------------------------------------------------- */

static bool is_text(const char *text, size_t buffer)
{
    return memchr(text, '\0', buffer) != NULL;
}

static bool passes(void *instance, struct slice value, struct jeton_answer *a)
{
    char *copy = fuzz_copy(value);
    struct jeton_question q = {
        .value = copy, .value_length = value.len, .service = "other", .now = NOW
    };

    *a = (struct jeton_answer){ .identity.expires = JETON_VERIFIER_NEVER };
    int outcome = jeton_verifier.verify(instance, &q, a);
    MUST(memcmp(copy, value.at, value.len) == 0);
    free(copy);
    MUST(outcome == JETON_VERIFIER_PASS || !a->has_identity);
    MUST(is_text(a->message, sizeof(a->message)));
    MUST(outcome != JETON_VERIFIER_ERROR || a->message[0] != '\0');
    return outcome == JETON_VERIFIER_PASS;
}

static void check_identity(const struct jeton_identity *identity)
{
    MUST(is_text(identity->subject, sizeof(identity->subject)) &&
         is_text(identity->scopes, sizeof(identity->scopes)));
    MUST(is_text(identity->id, sizeof(identity->id)) && strcmp(identity->issuer, "joe") == 0);
    MUST(identity->expires > NOW && scopes_fault(slice_of(identity->scopes)) == NULL);
}

/* -- setup -------------------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char set[2048], x[64];
    struct jeton_answer a;

    (void)argc;
    (void)argv;
    MUST(sodium_init() >= 0 && crypto_sign_seed_keypair(public, secret, seed) == 0);
    snprintf(directory, sizeof(directory), "/tmp/jeton-fuzz-XXXXXX");
    MUST(mkdtemp(directory) != NULL);
    atexit(remove_files);
    snprintf(keys, sizeof(keys), "%s/keys", directory);
    snprintf(tried, sizeof(tried), "%s/tried", directory);
    encode(x, sizeof(x), public, sizeof(public));
    snprintf(set, sizeof(set),
             "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}," EC_KEY
             ",{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"%s\"}]}",
             x);
    write_file(keys, set, strlen(set));
    verifier = open_with("jwks", keys);
    MUST(verifier != NULL);
    sign(own_jwt, (struct slice)SLICE(HEADER), (struct slice)SLICE(CLAIMS));
    MUST(passes(verifier, slice_of(own_jwt), &a) && passes(verifier, slice_of(EC_JWT), &a));
    return 0;
}

/* -- properties --------------------------------------------------------------------------- */

/* Check that only the two JWTs that were signed pass. */
static void try_value(struct slice value)
{
    struct jeton_answer a;

    if (!passes(verifier, value, &a))
        return;
    MUST(slice_is(value, own_jwt) || slice_is(value, EC_JWT));
    check_identity(&a.identity);
}

/* True if the claims, as jansson reads them, may pass. */
static bool is_acceptable(struct slice claims)
{
    json_t *read = json_loadb(claims.at, claims.len, JSON_REJECT_DUPLICATES, NULL);
    const char *issuer = json_string_value(json_object_get(read, "iss"));
    const json_t *ends = json_object_get(read, "exp"), *begins = json_object_get(read, "nbf");
    bool acceptable = issuer != NULL && strcmp(issuer, "joe") == 0 && json_is_number(ends) &&
                      json_number_value(ends) + LEEWAY > NOW &&
                      (begins == NULL ||
                       (json_is_number(begins) && json_number_value(begins) <= NOW + LEEWAY));

    json_decref(read);
    return acceptable;
}

static void try_claims(struct slice claims)
{
    char jwt[JWT_SIZE];
    struct jeton_answer a;

    if (claims.len > JWT_SIZE / 2)
        return;
    sign(jwt, (struct slice)SLICE(HEADER), claims);
    if (!passes(verifier, slice_of(jwt), &a))
        return;
    MUST(is_acceptable(claims));
    check_identity(&a.identity);
}

static void try_header(struct slice header)
{
    char jwt[JWT_SIZE];
    struct jeton_answer a;

    if (header.len > JWT_SIZE / 2)
        return;
    sign(jwt, header, (struct slice)SLICE(CLAIMS));
    if (!passes(verifier, slice_of(jwt), &a))
        return;
    json_t *read = json_loadb(header.at, header.len, JSON_REJECT_DUPLICATES, NULL);
    const char *alg = json_string_value(json_object_get(read, "alg"));
    MUST(alg != NULL && strcmp(alg, "EdDSA") == 0 && json_object_get(read, "crit") == NULL);
    json_decref(read);
}

/* Check that a key file without our key does not accept our JWT. */
static void try_keys(const char *source, struct slice file)
{
    char x[64];
    struct jeton_answer a;

    write_file(tried, file.at, file.len);
    void *instance = open_with(source, tried);
    if (instance == NULL)
        return;
    encode(x, sizeof(x), public, sizeof(public));
    bool frozen = memmem(file.at, file.len, x, strlen(x)) != NULL ||
                  slice_is(slice_of(source), "key");
    MUST(!passes(instance, slice_of(own_jwt), &a) || frozen);
    jeton_verifier.close(instance);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct fuzz_input in = { input, len };
    unsigned kind = consume_byte(&in) % 5;
    struct slice bytes = consume_bytes(&in, in.left);

    if (kind == 0)
        try_value(bytes);
    else if (kind == 1)
        try_claims(bytes);
    else if (kind == 2)
        try_header(bytes);
    else
        try_keys(kind == 3 ? "jwks" : "key", bytes);
    return 0;
}
