/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/secret.h"

#include <sodium.h>

#include "plugin/http/credentials.h"

enum { SECRET_BYTES = 32 };

struct secret {
    char text[SECRET_TEXT + 1];
};

struct secret *secret_new(void)
{
    struct secret *secret = sodium_malloc(sizeof(*secret)); /* locked, as far as the limit allows */
    uint8_t bytes[SECRET_BYTES];

    if (secret == NULL)
        return NULL;
    randombytes_buf(bytes, sizeof(bytes));
    sodium_bin2base64(secret->text, sizeof(secret->text), bytes, sizeof(bytes),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof(bytes));
    sodium_mprotect_readonly(secret);
    return secret;
}

void secret_free(struct secret *secret)
{
    sodium_free(secret);
}

void secret_put(const struct secret *secret, struct text *t)
{
    text_add(t, secret->text, SECRET_TEXT);
}

enum secret_verdict secret_judge(const struct secret *secret, const struct http_head *head)
{
    static const struct http_accept accept = { .bearer = true };
    static struct http_credentials c;
    enum secret_verdict verdict = SECRET_WRONG;

    http_credentials_begin(&c);
    for (unsigned i = 0; i < head->fields; i++)
        http_credentials_field(&c, &accept, head->field[i].name, head->field[i].value);
    if (c.status == HTTP_CREDENTIALS_NONE)
        verdict = SECRET_ABSENT;
    else if (c.status == HTTP_CREDENTIALS_TOKEN && c.token.len == SECRET_TEXT &&
             sodium_memcmp(c.token.at, secret->text, SECRET_TEXT) == 0)
        verdict = SECRET_GOOD;
    http_credentials_end(&c);
    return verdict;
}

static bool is_nonce(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!((text.at[i] >= '0' && text.at[i] <= '9') || (text.at[i] >= 'a' && text.at[i] <= 'f')))
            return false;
    return text.len == SECRET_NONCE_TEXT;
}

bool secret_prove(const struct secret *secret, struct slice nonce,
                  char proof[SECRET_PROOF_TEXT + 1])
{
    static const uint8_t personal[crypto_generichash_blake2b_PERSONALBYTES] = "jeton web proof";
    uint8_t text[SECRET_TEXT + SECRET_NONCE_TEXT], digest[SECRET_BYTES];

    if (!is_nonce(nonce))
        return false;
    memcpy(text, secret->text, SECRET_TEXT);
    memcpy(text + SECRET_TEXT, nonce.at, SECRET_NONCE_TEXT);
    crypto_generichash_blake2b_salt_personal(digest, sizeof(digest), text, sizeof(text), NULL, 0,
                                             NULL, personal);
    sodium_memzero(text, sizeof(text));
    sodium_bin2hex(proof, SECRET_PROOF_TEXT + 1, digest, sizeof(digest));
    return true;
}
