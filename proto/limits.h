/* SPDX-License-Identifier: Apache-2.0 */
/* The sizes and constants that every part of jeton shares. */
#ifndef JETON_PROTO_LIMITS_H
#define JETON_PROTO_LIMITS_H

enum {
    LINE_MAX_BYTES = 8192, /* a request line, with its LF */

    VALUE_MIN = 32,    /* a presented value, in bytes: shorter is malformed */
    VALUE_MAX = 8184,  /* ... and longer too: no line of the protocol has space for it */
    VALUE_RANDOM = 43, /* base62 characters of entropy in a value of ours: 256 bits */
    VALUE_CHECK = 6,   /* base62 digits of CRC-32 after them */
    PREFIX_MAX = 15,   /* the part before '_' in a value of ours */

    DIGEST_SIZE = 32,      /* BLAKE2b-256 */
    ID_SIZE = 10,          /* the first bytes of the digest ... */
    ID_TEXT = 2 * ID_SIZE, /* ... and the same as hex digits, without NUL */

    SCOPES_MAX = 32,     /* words in a scope set */
    SCOPE_WORD_MAX = 64, /* bytes in one word */
    SCOPES_TEXT_MAX = SCOPES_MAX * SCOPE_WORD_MAX + SCOPES_MAX - 1,
    SUBJECT_MAX = 256,      /* bytes of UTF-8 */
    DESCRIPTION_MAX = 1024, /* bytes of UTF-8 */
    SERVICE_MAX = 64,       /* bytes in a service name */
    GROUP_MAX = 64,         /* bytes in the name of a fleet's group, or of one of its hosts */

    EPOCH_TEXT = 16, /* hex digits of an epoch, without NUL */
};

/* BLAKE2b personalisations, NUL-padded to 16 bytes: of a value, and of a credential's other names. */
#define TOKEN_PERSONAL "jeton token v1"
#define SIGNED_PERSONAL "jeton signed v1"
#define ISSUED_PERSONAL "jeton issued v1"
#define PROTOCOL_VERSION 1
#define JETON_VERSION "0.1.0"

#endif
