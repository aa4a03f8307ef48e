/* SPDX-License-Identifier: Apache-2.0 */
/* Make keys and sign JWTs with them, for tests of the JWT verifier; load and call the module as
 * jetond does. */
#ifndef JETON_TESTS_JWT_MAKER_H
#define JETON_TESTS_JWT_MAKER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/verifiers/verifier.h"

/* Every test that includes this uses some of it; not every one uses all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"

enum { NOW = 1800000000, JWT_SIZE = 16384 };

#define USUAL " issuer=https://idp.example audience=api"
#define CLAIMS                                                           \
    "\"iss\":\"https://idp.example\",\"aud\":\"api\",\"sub\":\"alice\"," \
    "\"exp\":1800000600"

static const struct jeton_verifier *module;
static char directory[64];
static char problem[512]; /* why the last open() failed ... */
static char warning[512]; /* or its warning, which a test must expect: */
static bool may_warn;
static struct jeton_answer answer;
static struct jeton_question question;

/* -- the module -------------------------------------------------------------------------------- */

static int begin_tests(void **state)
{
    char path[256];
    const char *build = getenv("BUILD");

    (void)state;
    snprintf(path, sizeof(path), "%s/verifiers/jwt.so", build != NULL ? build : "build");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL || (module = dlsym(library, "jeton_verifier")) == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return -1;
    }
    strcpy(directory, "/tmp/jeton-jwt-XXXXXX");
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int end_tests(void **state)
{
    char command[96];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command) == 0 ? 0 : -1;
}

static const char *path_of(const char *name)
{
    static char paths[8][96];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, 96, "%s/%s", directory, name);
    return path;
}

static const char *write_file(const char *name, const void *bytes, size_t len, mode_t mode)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static const char *write_text(const char *name, const char *text)
{
    return write_file(name, text, strlen(text), 0644);
}

/* Open an instance with arguments in the syntax of a stack.  Return NULL if that is refused: see
 * `problem`. */
__attribute__((format(printf, 1, 2))) static void *open_with(const char *format, ...)
{
    char line[2048], *rest = line;
    struct jeton_argument arguments[64];
    size_t count = 0;
    void *instance;
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        if (word[0] != '\0') {
            char *value = strchr(word, '=');
            *value = '\0';
            arguments[count++] = (struct jeton_argument){ word, value + 1 };
        }
    strcpy(problem, "");
    int failed = module->open(&instance, arguments, count, problem, sizeof(problem));
    memset(line, 'x', sizeof(line)); /* open() must not keep pointers into it */
    strcpy(warning, failed == 0 ? problem : "");
    if (failed == 0)
        problem[0] = '\0';
    assert_true((failed == 0) == (problem[0] == '\0'));
    assert_true(may_warn || warning[0] == '\0');
    assert_true((failed == 0) == (instance != NULL));
    return instance;
}

/* Copy the value into memory of its exact size, so that a sanitizer sees an overrun. */
static int ask_bytes(void *instance, const char *value, size_t len, int64_t now)
{
    char *exact = malloc(len > 0 ? len : 1);

    memcpy(exact, value, len);
    question = (struct jeton_question){ .value = exact,
                                        .value_length = len,
                                        .service = "other",
                                        .identity = question.identity,
                                        .now = now };
    memset(&answer, 0, sizeof(answer));
    answer.identity.expires = JETON_VERIFIER_NEVER;
    int outcome = module->verify(instance, &question, &answer);
    free(exact);
    assert_true(outcome != JETON_VERIFIER_ERROR || answer.message[0] != '\0');
    assert_true(outcome == JETON_VERIFIER_PASS || !answer.has_identity);
    return outcome;
}

static int ask_at(void *instance, const char *value, int64_t now)
{
    return ask_bytes(instance, value, strlen(value), now);
}

static int ask(void *instance, const char *value)
{
    return ask_at(instance, value, NOW);
}

static bool refuses(void *instance, const char *value, enum jeton_reason reason, const char *word)
{
    int outcome = ask(instance, value);

    if (outcome == JETON_VERIFIER_FAIL && answer.reason == (int)reason &&
        strstr(answer.message, word) != NULL)
        return true;
    fprintf(stderr, "outcome %d, reason %d: %s\n", outcome, answer.reason, answer.message);
    return false;
}

/* -- keys and signatures ----------------------------------------------------------------------- */

static const struct algorithm {
    const char *alg;
    gnutls_pk_algorithm_t pk;
    unsigned bits;
    gnutls_sign_algorithm_t sign;
    size_t half; /* bytes of r, and of s, in an ECDSA signature */
} algorithms[] = {
    { "RS256", GNUTLS_PK_RSA, 2048, GNUTLS_SIGN_RSA_SHA256, 0 },
    { "RS384", GNUTLS_PK_RSA, 2048, GNUTLS_SIGN_RSA_SHA384, 0 },
    { "RS512", GNUTLS_PK_RSA, 2048, GNUTLS_SIGN_RSA_SHA512, 0 },
    { "PS256", GNUTLS_PK_RSA, 2048, GNUTLS_SIGN_RSA_PSS_SHA256, 0 },
    { "PS384", GNUTLS_PK_RSA, 2048, GNUTLS_SIGN_RSA_PSS_SHA384, 0 },
    { "PS512", GNUTLS_PK_RSA, 2048, GNUTLS_SIGN_RSA_PSS_SHA512, 0 },
    { "ES256", GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
      GNUTLS_SIGN_ECDSA_SHA256, 32 },
    { "ES384", GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1),
      GNUTLS_SIGN_ECDSA_SHA384, 48 },
    { "ES512", GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1),
      GNUTLS_SIGN_ECDSA_SHA512, 66 },
    { "EdDSA", GNUTLS_PK_EDDSA_ED25519, 256, GNUTLS_SIGN_EDDSA_ED25519, 0 },
    { "weak", GNUTLS_PK_RSA, 1024, GNUTLS_SIGN_RSA_SHA256, 0 },
};

struct signer {
    const struct algorithm *algorithm;
    gnutls_privkey_t private;
    gnutls_pubkey_t public;
    const char *path; /* of the public key in PEM */
    gnutls_datum_t private_pem;
};

/* Generate a key, and write the public key to NAME.pem. */
static struct signer make_signer(const char *alg, const char *name)
{
    struct signer s = { .algorithm = algorithms };
    gnutls_x509_privkey_t x509;
    gnutls_datum_t pem;
    char file[32];

    while (strcmp(s.algorithm->alg, alg) != 0)
        s.algorithm++;
    assert_int_equal(gnutls_x509_privkey_init(&x509), 0);
    assert_int_equal(gnutls_x509_privkey_generate(x509, s.algorithm->pk, s.algorithm->bits, 0), 0);
    gnutls_x509_privkey_export2_pkcs8(x509, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                      &s.private_pem);
    gnutls_privkey_init(&s.private);
    gnutls_privkey_import_x509(s.private, x509, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE);
    gnutls_pubkey_init(&s.public);
    assert_int_equal(gnutls_pubkey_import_privkey(s.public, s.private, 0, 0), 0);
    assert_int_equal(gnutls_pubkey_export2(s.public, GNUTLS_X509_FMT_PEM, &pem), 0);
    snprintf(file, sizeof(file), "%s.pem", name);
    s.path = strdup(write_file(file, pem.data, pem.size, 0644));
    gnutls_free(pem.data);
    return s;
}

static void free_signer(struct signer *s)
{
    gnutls_privkey_deinit(s->private);
    gnutls_pubkey_deinit(s->public);
    gnutls_free(s->private_pem.data);
    free((void *)s->path);
}

static char *base64url(char *to, const void *bytes, size_t len)
{
    const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

    return sodium_bin2base64(to, sodium_base64_encoded_len(len, variant), bytes, len, variant);
}

static void put_number(uint8_t *to, size_t exactly, gnutls_datum_t number)
{
    size_t skip = number.size > exactly ? number.size - exactly : 0;

    memset(to, 0, exactly);
    memcpy(to + exactly - (number.size - skip), number.data + skip, number.size - skip);
}

static size_t sign(const struct signer *s, const char *text, uint8_t signature[1024])
{
    gnutls_datum_t data = { (unsigned char *)text, (unsigned)strlen(text) }, made, r, t;
    size_t len = 2 * s->algorithm->half;

    assert_int_equal(gnutls_privkey_sign_data2(s->private, s->algorithm->sign, 0, &data, &made), 0);
    if (len > 0) {
        assert_int_equal(gnutls_decode_rs_value(&made, &r, &t), 0);
        put_number(signature, len / 2, r);
        put_number(signature + len / 2, len / 2, t);
        gnutls_free(r.data);
        gnutls_free(t.data);
    } else {
        len = made.size;
        memcpy(signature, made.data, len);
    }
    gnutls_free(made.data);
    return len;
}

/* Make "header.payload", with space for a signature, in one of eight buffers used in turn. */
static char *signing_input(const char *header, const char *claims)
{
    static char values[8][JWT_SIZE];
    static unsigned next;
    char *value = values[next++ % 8];

    base64url(value, header, strlen(header));
    strcat(value, ".");
    base64url(value + strlen(value), claims, strlen(claims));
    return value;
}

static char *add_signature(char *value, const void *signature, size_t len)
{
    strcat(value, ".");
    base64url(value + strlen(value), signature, len);
    return value;
}

static char *jwt_with(const struct signer *s, const char *header, const char *claims)
{
    uint8_t signature[1024];
    char *value = signing_input(header, claims);

    return add_signature(value, signature, sign(s, value, signature));
}

static char *jwt(const struct signer *s, const char *claims)
{
    char header[64];

    snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", s->algorithm->alg);
    return jwt_with(s, header, claims);
}

static char *jwt_by_secret(const void *secret, size_t len, const char *header, const char *claims)
{
    uint8_t code[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    char *value = signing_input(header, claims);

    crypto_auth_hmacsha256_init(&state, secret, len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)value, strlen(value));
    crypto_auth_hmacsha256_final(&state, code);
    return add_signature(value, code, sizeof(code));
}

/* -- a verifier and its keys ------------------------------------------------------------------- */

static struct signer rsa, ec, ed, stranger;
static uint8_t secret[32] = "not known to those without a key";
static void *verifier; /* used by most tests: has every key but the stranger's */

static int make_keys(void **state)
{
    if (begin_tests(state) != 0)
        return -1;
    rsa = make_signer("RS256", "rsa");
    ec = make_signer("ES256", "ec");
    ed = make_signer("EdDSA", "ed");
    stranger = make_signer("EdDSA", "stranger");
    verifier =
        open_with("key=%s key=%s key=%s secret=%s algorithms=RS256,ES256,ES384,EdDSA,HS256" USUAL,
                  rsa.path, ec.path, ed.path, write_file("secret", secret, sizeof(secret), 0600));
    return verifier != NULL ? 0 : -1;
}

static int free_keys(void **state)
{
    module->close(verifier);
    free_signer(&rsa), free_signer(&ec), free_signer(&ed), free_signer(&stranger);
    return end_tests(state);
}

/* Expect that open() failed with a message that contains `word`. */
static bool open_failed(void *instance, const char *word)
{
    if (instance == NULL && strstr(problem, word) != NULL)
        return true;
    fprintf(stderr, "expected %s: %s\n", word, instance != NULL ? "it opened" : problem);
    return false;
}

static void opens(void *instance)
{
    if (instance == NULL)
        fprintf(stderr, "%s\n", problem);
    assert_non_null(instance);
    module->close(instance);
}

static bool unknown(const char *value)
{
    return refuses(verifier, value, JETON_REASON_UNKNOWN, "");
}

static bool malformed(const char *value)
{
    return refuses(verifier, value, JETON_REASON_MALFORMED, "malformed");
}

#endif
