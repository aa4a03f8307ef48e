/* SPDX-License-Identifier: Apache-2.0 */
/* Token values, their digests and identifiers.  No state; any thread.
 *
 *     value  = prefix "_" 43 random base62 characters, 6 base62 digits of the CRC-32 of all before
 *     digest = BLAKE2b-256(value), personalised TOKEN_PERSONAL, no key
 *     id     = the first ID_SIZE bytes of the digest; as text, lower-case hex
 *
 * A token that others issued may be known by the SHA-256 of its value alone: that is its digest then.
 *
 * A credential that others issued can be written in more than one way, so it has other names, by
 * which it is denied and never passed.  Each is a digest with a personalisation of its own:
 *
 *     signed part    of a compact JWS (RFC 7515): its text up to the last dot, which the signature
 *                    follows
 *     issuer and id  of the identity that a verifier found: issuer, NUL, id
 */
#ifndef JETON_PROTO_TOKEN_H
#define JETON_PROTO_TOKEN_H

#include "proto/limits.h"
#include "proto/text.h"

/* The longest value that is generated here: prefix, '_', random part, check digits. */
enum { TOKEN_VALUE_MAX = PREFIX_MAX + 1 + VALUE_RANDOM + VALUE_CHECK };

/* Which digest of its value a token is known by. */
enum digest_alg { DIGEST_ALG_OWN, DIGEST_ALG_SHA256 };

/* Its name in digest_alg=, which the first never has. */
#define DIGEST_ALG_NAME_SHA256 "sha256"

/* The form of a presented text, which is known before any lookup. */
enum token_form {
    TOKEN_ID,         /* ID_TEXT hex digits: an identifier, never a value */
    TOKEN_BAD_LENGTH, /* shorter than VALUE_MIN or longer than VALUE_MAX */
    TOKEN_BAD_CHECK,  /* has our prefix, but length, alphabet or checksum is wrong */
    TOKEN_OURS,       /* a well-formed value with our prefix */
    TOKEN_FOREIGN,    /* anything else: it may have been imported */
};

/* Classify a presented text.  `prefix` is without the '_'. */
enum token_form token_form(struct slice presented, const char *prefix);

/* Classify by the length only, and by the digits for TOKEN_ID.  Return TOKEN_ID, TOKEN_BAD_LENGTH,
 * or TOKEN_FOREIGN, which here means "worth hashing". */
enum token_form token_form_quick(struct slice presented);

/* True if every byte is printable ASCII, space included. */
bool token_printable(struct slice value);

/* Generate values, and add one to each of these, which have space for TOKEN_VALUE_MAX more.  The caller
 * wipes them.  sodium_init() must have succeeded. */
void token_generate(struct text *const value[], size_t count, const char *prefix);

/* Compute the digest of a value of any length. */
void token_digest(struct slice value, uint8_t digest[DIGEST_SIZE]);

/* Compute the digests of several values, much faster than one by one. */
void token_digests(const struct slice *value, size_t count, uint8_t *const digest[]);

/* Compute the SHA-256 of a value, the digest of tokens that were imported by it. */
void token_sha256(struct slice value, uint8_t digest[DIGEST_SIZE]);

/* Compute the digest of the signed part of a value that looks like a compact JWS: longer than a
 * value of ours can be, out of A-Z a-z 0-9 - _ = and two dots.  False: it does not. */
bool token_signed_digest(struct slice value, uint8_t digest[DIGEST_SIZE]);

/* Compute the digest of an issuer and the id that it gave, neither of which has a NUL. */
void token_issued_digest(struct slice issuer, struct slice id, uint8_t digest[DIGEST_SIZE]);

/* Parse ID_TEXT hex digits of either case; false if the text is anything else. */
bool token_id_parse(struct slice text, uint8_t id[ID_SIZE]);

/* True for 1 to PREFIX_MAX lower-case letters and digits. */
bool token_prefix_valid(struct slice prefix);

#endif
