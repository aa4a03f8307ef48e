/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_step.h"

#include "proto/reply.h"

bool step_fits_line(const struct step *s)
{
    return s->text.cap - s->text.len >= LINE_MAX_BYTES + 1024;
}

void step_finish(struct step *s, enum status status, const char *message)
{
    reply_plain(&s->text, status, message);
    s->scan->finished = true;
}

void step_begin_count(struct step *s)
{
    reply_begin(&s->text, STATUS_OK);
    line_put_u64(&s->text, "count", s->scan->count);
}

void step_put_epoch(struct step *s)
{
    line_puts(&s->text, "epoch", write_queue_epoch(s->writer->queue));
}

void step_end_count(struct step *s)
{
    reply_end(&s->text, STATUS_OK, NULL);
    s->scan->finished = true;
}

/* Read a token from the store, or from the cache of the fleet: the table tells which it is. */
static enum store_found read_record(struct step *s, const uint8_t id[ID_SIZE], uint32_t flags,
                                    struct record *r)
{
    if ((flags & SLOT_FLEET) != 0)
        return fleet_read(s->writer->fleet, id, r);
    return store_get(s->writer->store, id, r);
}

/* SLOT_DISABLED of a revoked token may be left from a disable that was refused. */
enum store_found step_read_token(struct step *s, const uint8_t id[ID_SIZE], struct record *r)
{
    uint8_t digest[DIGEST_SIZE];

    s->used = 0;
    uint32_t flags = token_table_look(s->writer->token_table, id, digest, &s->used);
    enum store_found found = read_record(s, id, flags, r);
    if (found == STORE_FOUND && !scan_may_show(s->scan, r))
        found = STORE_ABSENT;
    if (found != STORE_FOUND)
        return found;
    if ((flags & SLOT_REVOKED) && r->revoked == 0)
        r->revoked = s->now > 0 ? s->now : 1;
    if ((flags & SLOT_DISABLED) && r->disabled == 0 && r->revoked == 0)
        r->disabled = s->now > 0 ? s->now : 1;
    return found;
}

void step_name(struct step *s, uid_t uid, char name[USER_NAME_MAX + 1])
{
    enum user_name_found found = USER_NAME_NONE;

    if (s->names != NULL)
        found = user_names_get(s->names, uid, name);
    if (found != USER_NAME_FOUND)
        name[0] = '\0';
    s->wants_names = s->wants_names || found == USER_NAME_PENDING;
}

void step_put_name(struct step *s, const char *key, uid_t uid)
{
    char name[USER_NAME_MAX + 1];

    step_name(s, uid, name);
    if (name[0] != '\0')
        line_puts(&s->text, key, name);
}
