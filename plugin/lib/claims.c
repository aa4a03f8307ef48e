/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/claims.h"

void claims_clear(struct jeton_claims *c)
{
    c->source = JETON_NOBODY;
    c->reserved = 0;
    c->expires = c->retry_after = 0;
    c->id[0] = c->verifier[0] = c->subject[0] = c->scopes[0] = '\0';
}

bool claims_set_text(char *to, size_t size, struct slice text)
{
    if (text.len >= size || (text.len > 0 && memchr(text.at, '\0', text.len) != NULL))
        return false;
    if (text.len > 0)
        memcpy(to, text.at, text.len);
    to[text.len] = '\0';
    return true;
}

void claims_format_id(char to[ID_TEXT + 1], const uint8_t id[ID_SIZE])
{
    struct text t = text_in(to, ID_TEXT);

    text_add_hex(&t, id, ID_SIZE);
    to[ID_TEXT] = '\0';
}
