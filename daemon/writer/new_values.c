/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/new_values.h"

enum { TOGETHER = 32 };

/* Return the next change that needs a value, and let *mail be the one behind it; NULL: there is none. */
static struct change *next(struct mail **mail)
{
    while (*mail != NULL) {
        struct change *c = (struct change *)*mail;
        *mail = (*mail)->next;
        if (c->needs_value)
            return c;
    }
    return NULL;
}

static void make(struct change *const change[], size_t count, const char *prefix)
{
    struct text text[TOGETHER], *value[TOGETHER];
    struct slice made[TOGETHER];
    uint8_t *digest[TOGETHER];

    for (size_t i = 0; i < count; i++) {
        text[i] = text_in(change[i]->value, sizeof(change[i]->value));
        value[i] = &text[i];
    }
    token_generate(value, count, prefix);
    for (size_t i = 0; i < count; i++) {
        made[i] = text_slice(value[i]);
        digest[i] = change[i]->want.digest;
        change[i]->value_len = made[i].len;
        change[i]->needs_value = false;
    }
    token_digests(made, count, digest);
}

void new_values_make(const struct mail_list *changes, const char *prefix)
{
    struct change *some[TOGETHER];
    struct mail *mail = changes->first;
    size_t count;

    do {
        for (count = 0; count < TOGETHER && (some[count] = next(&mail)) != NULL; count++)
            ;
        make(some, count, prefix);
    } while (count == TOGETHER);
}
