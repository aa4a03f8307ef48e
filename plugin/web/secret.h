/* SPDX-License-Identifier: Apache-2.0 */
/* The secret of this process: who knows it may use the daemon's socket through us.  256 random bits, as
 * base64url (RFC 4648, section 5), in locked memory; it ends with the process. */
#ifndef JETON_PLUGIN_WEB_SECRET_H
#define JETON_PLUGIN_WEB_SECRET_H

#include "plugin/http/head.h"

enum {
    SECRET_TEXT = 43,       /* characters */
    SECRET_NONCE_TEXT = 64, /* hexadecimal digits of 32 bytes */
    SECRET_PROOF_TEXT = 64, /* likewise */
};

struct secret;

/* Make one; NULL: there is no memory. */
struct secret *secret_new(void);
void secret_free(struct secret *secret);

/* Add its text. */
void secret_put(const struct secret *secret, struct text *t);

enum secret_verdict {
    SECRET_GOOD,
    SECRET_ABSENT, /* no Authorization, or none of the scheme Bearer */
    SECRET_WRONG,  /* another one, or something that can be read in two ways */
};

/* Judge the Authorization of a request, in a time that does not depend on how much of it is right. */
enum secret_verdict secret_judge(const struct secret *secret, const struct http_head *head);

/* Prove to who knows the secret that we know it: write BLAKE2b-256, personalised "jeton web proof", of the
 * secret's text and the nonce, in hexadecimal, with a NUL.  False: this is no nonce. */
bool secret_prove(const struct secret *secret, struct slice nonce,
                  char proof[SECRET_PROOF_TEXT + 1]);

#endif
