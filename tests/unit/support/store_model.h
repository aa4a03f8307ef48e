/* SPDX-License-Identifier: Apache-2.0 */
/* A simple model of a store, with which the tests of failing disks and dying processes compare
 * the real one after a few batches of changes. */
#ifndef JETON_TEST_STORE_MODEL_H
#define JETON_TEST_STORE_MODEL_H

#include "daemon/writer/change_apply.h"
#include "daemon/writer/change_ban.h"

enum { TOKENS = 12, STEPS_MAX = 5 };

/* BANNED: its record has left the store, and a ban denies it. */
enum fate { ABSENT, ACTIVE, DISABLED, REVOKED, BANNED };

struct model {
    uint8_t fate[TOKENS];
};

struct step {
    const struct change_kind *kind; /* NULL: end of the batch */
    uint8_t token;
    uint8_t other; /* what it is rotated to */
};

/* The first batch is already in the template. */
static const struct step batches[][STEPS_MAX] = {
    { { &change_create, 0, 0 }, { &change_create, 1, 0 }, { &change_create, 2, 0 } },
    { { &change_create, 3, 0 }, { &change_revoke, 0, 0 }, { &change_create, 4, 0 } },
    { { &change_disable, 1, 0 }, { &change_import, 5, 0 } },
    { { &change_delete, 2, 0 }, { &change_import, 2, 0 }, { &change_disable, 2, 0 } },
    { { &change_enable, 1, 0 }, { &change_revoke, 3, 0 }, { &change_delete, 5, 0 } },
    { { &change_rotate, 4, 6 },
      { &change_create, 7, 0 },
      { &change_enable, 1, 0 },
      { &change_delete, 0, 0 },
      { &change_import, 0, 0 } },
    { { &change_ban, 10, 0 }, { &change_import, 10, 0 }, { &change_ban, 7, 0 } },
    { { &change_ban, 11, 0 }, { &change_ban, 10, 0 }, { &change_delete, 7, 0 } },
};

enum { BATCHES = sizeof(batches) / sizeof(batches[0]) };

/* Apply a change as a working store does; return the answer. */
static enum status apply(struct model *m, const struct step *s)
{
    uint8_t *fate = &m->fate[s->token];

    if (s->kind == &change_create || s->kind == &change_import) {
        enum status status = *fate == ABSENT ? STATUS_OK :
                             *fate == BANNED ? STATUS_BANNED :
                                               STATUS_EXISTS;
        *fate = *fate == ABSENT ? ACTIVE : *fate;
        return status;
    }
    if (s->kind == &change_ban) {
        *fate = *fate == ABSENT || *fate == BANNED ? BANNED : REVOKED;
        return STATUS_OK;
    }
    if (*fate == ABSENT || *fate == BANNED)
        return STATUS_UNKNOWN;
    if (s->kind == &change_delete)
        *fate = BANNED;
    else if (s->kind == &change_revoke)
        *fate = REVOKED;
    else if (*fate == REVOKED)
        return STATUS_REVOKED;
    else if (s->kind == &change_rotate && *fate == DISABLED)
        return STATUS_DISABLED;
    else if (s->kind == &change_rotate)
        *fate = REVOKED, m->fate[s->other] = ACTIVE;
    else
        *fate = s->kind == &change_enable ? ACTIVE : DISABLED;
    return STATUS_OK;
}

/* Apply the part of an unsaved change that is in force: its denial. */
static void apply_denial(struct model *m, const struct step *s)
{
    enum fate fate = m->fate[s->token];

    if (s->kind == &change_ban ||
        (s->kind->deny != 0 && fate != ABSENT && fate != BANNED && fate != REVOKED))
        apply(m, s);
}

static void apply_all(struct model *m, const struct step *s)
{
    for (int i = 0; i < STEPS_MAX && s[i].kind != NULL; i++)
        apply(m, &s[i]);
}

/* Add a model unless it is in the list, which must be long enough. */
static void add_model(struct model *list, int *count, const struct model *m)
{
    for (int i = 0; i < *count; i++)
        if (memcmp(&list[i], m, sizeof(*m)) == 0)
            return;
    list[(*count)++] = *m;
}

#endif
