/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier's answer that is correct, for answer_check(). */
#ifndef JETON_TESTS_VERIFIER_ANSWER_H
#define JETON_TESTS_VERIFIER_ANSWER_H

#include "daemon/verify/answer.h"

enum { NOW = 1000000 };

static struct jeton_answer a;
static struct verifier_result result;

/* Make the answer a pass with alice's identity, which tests then break. */
static void prepare_pass(void)
{
    memset(&a, 0, sizeof(a));
    a.has_identity = 1;
    a.identity.expires = NOW + 60;
    strcpy(a.identity.id, "key-7");
    strcpy(a.identity.subject, "alice");
    strcpy(a.identity.issuer, "https://idp");
    strcpy(a.identity.scopes, "write,read");
}

#endif
