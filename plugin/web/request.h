/* SPDX-License-Identifier: Apache-2.0 */
/* Judge a request by its head: what is it for, and is it allowed?  No I/O, no allocation. */
#ifndef JETON_PLUGIN_WEB_REQUEST_H
#define JETON_PLUGIN_WEB_REQUEST_H

#include "plugin/web/origin.h"
#include "plugin/web/page.h"
#include "plugin/web/secret.h"

enum { REQUEST_BODY_MAX = 64 * 1024 };

struct request_rules {
    const struct page *page;
    const struct origin *origin;
    const struct secret *secret;
};

struct request_verdict {
    unsigned status;                   /* 200, or that of a refusal */
    const char *why;                   /* of a refusal */
    const struct page_file *file;      /* what is asked for; NULL, without a proof: an exchange */
    char proof[SECRET_PROOF_TEXT + 1]; /* what is asked for; "": no proof is */
    size_t length;                     /* bytes of the exchange's body */
    int64_t idle;      /* seconds since somebody used the page, by Jeton-Idle; -1: not given */
    bool head_only;    /* the method is HEAD */
    bool wrong_secret; /* to be slowed down */
    const char *allow; /* of a 405: the methods that are allowed */
};

struct request_verdict request_judge(const struct request_rules *rules,
                                     const struct http_head *head);

/* True if the lines of an exchange only watch or look, as an open page does by itself: nobody need be
 * in front of it. */
bool request_is_unattended(struct slice body);

#endif
