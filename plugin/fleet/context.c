/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/context.h"

#include <stdarg.h>
#include <stdio.h>

void context_stuck(struct context *c, const char *format, ...)
{
    char why[CONTEXT_TROUBLE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    /* What was cut may have been cut within a character. */
    for (size_t len = strlen(why); !utf8_valid((struct slice){ why, len });)
        why[--len] = '\0';
    if (strcmp(why, c->trouble) != 0)
        log_write(LOG_ERROR, "%s; fleet tokens are refused when the lease has ended", why);
    strcpy(c->trouble, why);
    c->go(c, MODE_STUCK);
}

void lease_before_add(struct lease_before *b, const struct fleet_place *place)
{
    if (b->count < sizeof(b->place) / sizeof(b->place[0]))
        b->place[b->count++] = *place;
}
