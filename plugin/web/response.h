/* SPDX-License-Identifier: Apache-2.0 */
/* Write the heads of responses: HTTP/1.1, and each is the last of its connection.  All of them have the
 * fields that confine the page in a browser.  No I/O, no allocation. */
#ifndef JETON_PLUGIN_WEB_RESPONSE_H
#define JETON_PLUGIN_WEB_RESPONSE_H

#include "plugin/web/request.h"

enum { RESPONSE_HEAD_MAX = 2048, RESPONSE_WHY_MAX = 512 };

/* The head of a file; its bytes follow. */
void response_file(struct text *t, const struct page_file *file);

/* The whole answer to who asks for a proof: a line. */
void response_proof(struct text *t, const char *proof);

/* The head of an exchange; chunks follow. */
void response_stream(struct text *t);

/* A whole refusal: a line for people is its body, unless `head_only`. */
void response_refusal(struct text *t, const struct request_verdict *verdict);

#endif
