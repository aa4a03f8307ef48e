/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier's answer that is well, to be looked at by answer_check(). */
#ifndef JETON_TESTS_ANSWERED_H
#define JETON_TESTS_ANSWERED_H

#include "daemon/verify/answer.h"

enum { NOW = 1000000 };

static struct jeton_answer a;
static struct verifier_result say;

/* A pass with alice's identity, to be spoilt. */
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
