/* SPDX-License-Identifier: Apache-2.0 */
/* Token values, their digests and identifiers.  Thread-safe: no state.
 *
 *     value  = prefix "_" 43 random base62 characters, 6 base62 digits of the CRC-32 of all before
 *     digest = BLAKE2b-256(value), personalised TOKEN_PERSONAL, no key
 *     id     = the first ID_SIZE bytes of the digest; as text, lower-case hex
 */
#ifndef JETON_PROTO_TOKEN_H
#define JETON_PROTO_TOKEN_H

#include "proto/limits.h"
#include "proto/text.h"

/* Room for any value of ours: prefix, '_', random part, check. */
enum { TOKEN_VALUE_MAX = PREFIX_MAX + 1 + VALUE_RANDOM + VALUE_CHECK };

/* What the text presented looks like, before anything is looked up. */
enum token_form {
    TOKEN_ID,         /* ID_TEXT hex digits: an identifier, never a value */
    TOKEN_BAD_LENGTH, /* shorter than VALUE_MIN or longer than VALUE_MAX */
    TOKEN_BAD_CHECK,  /* begins as a value of ours, but length, alphabet or checksum is wrong */
    TOKEN_OURS,       /* a well-formed value of ours */
    TOKEN_FOREIGN,    /* anything else: it may have been imported */
};

/* `prefix` is without the '_'. */
enum token_form token_form(struct slice presented, const char *prefix);

/* Only the checks that need no pass over the bytes: TOKEN_ID, TOKEN_BAD_LENGTH or TOKEN_FOREIGN
 * (which here means "worth hashing"). */
enum token_form token_form_quick(struct slice presented);

/* True if every byte is printable ASCII, space included. */
bool token_printable(struct slice value);

/* Makes a new value from the kernel's randomness; adds it to `value`, which has room for
 * TOKEN_VALUE_MAX.  The caller wipes it.  sodium_init() must have succeeded. */
void token_generate(struct text *value, const char *prefix);

/* The digest of a value of any length. */
void token_digest(struct slice value, uint8_t digest[DIGEST_SIZE]);

/* The digests of several values: of many, in a fraction of the time that each alone takes. */
void token_digests(const struct slice *value, size_t count, uint8_t *const digest[]);

/* ID_TEXT hex digits, of either case, to bytes; false if it is anything else. */
bool token_id_parse(struct slice text, uint8_t id[ID_SIZE]);

/* A prefix: 1 to PREFIX_MAX lower-case letters and digits. */
bool token_prefix_valid(struct slice prefix);

#endif
