/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/store_bans.h"

#include <stdlib.h>

#include "daemon/base/log.h"
#include "daemon/store/newer_bans.h"
#include "daemon/store/store_private.h"
#include "daemon/store/tdb_walk.h"

enum {
    CHAIN_MAX = 1000000, /* records; a longer chain leads back into itself */
    BANS_AT_ONCE = 32,   /* of a chain; the rest of a longer one is found by walking it again */
};

/* One call of store_walk_bans(). */
struct walk {
    bool (*visit)(void *context, const struct ban *ban);
    void *context;
    struct store_log *log; /* NULL: there is none */
    struct newer_bans newer;
    const uint8_t *after; /* the digest of the last ban of the chain that was visited before */
    size_t seen;          /* records */
    size_t at;            /* record of the chain */
    size_t count;         /* bans that were found in the chain, */
    struct ban found[BANS_AT_ONCE]; /* the first of those behind `after`, in order */
    bool more;                      /* of them than fit */
    bool ended;                     /* by `visit` */
    const char *fault;              /* NULL: none */
    char name[BAN_KEY_SIZE + 1];
};

bool store_put_ban(struct store *s, const struct ban *ban)
{
    char key[BAN_KEY_SIZE], line[BAN_LINE_MAX + TDB_FILE_SPARE];
    struct text value = text_in(line, BAN_LINE_MAX);

    ban_key(ban->digest, key);
    ban_write(&value, ban);
    return !value.cut && store_put_line(s, (struct slice){ key, sizeof(key) }, line, value.len);
}

bool store_remove_ban(struct store *s, const uint8_t digest[DIGEST_SIZE])
{
    char key[BAN_KEY_SIZE];

    ban_key(digest, key);
    return store_remove_key(s, (struct slice){ key, sizeof(key) });
}

enum store_found store_get_ban(struct store *s, const uint8_t digest[DIGEST_SIZE], struct ban *ban)
{
    char key[BAN_KEY_SIZE];
    TDB_DATA value;

    ban_key(digest, key);
    enum store_found found = store_fetch(s, (struct slice){ key, sizeof(key) }, &value);
    if (found != STORE_FOUND)
        return found;
    const char *fault = ban_parse(ban, digest, (struct slice){ (char *)value.dptr, value.dsize });
    free(value.dptr);
    if (fault == NULL)
        return STORE_FOUND;
    log_error("store: record %.*s: %s", BAN_KEY_SIZE, key, fault);
    return STORE_FAILED;
}

/* Note a fault; the key is made printable. */
static void set_fault(struct walk *w, const char *fault, struct slice name)
{
    size_t len = name.len < BAN_KEY_SIZE ? name.len : BAN_KEY_SIZE;

    for (size_t i = 0; i < len; i++)
        w->name[i] = name.at[i] > 0x20 && name.at[i] < 0x7f ? name.at[i] : '?';
    w->name[len] = '\0';
    w->fault = fault;
}

/* Insert a ban in the order of the digests; the last one gives way where there are too many. */
static void insert(struct walk *w, const struct ban *ban)
{
    size_t at = w->count;

    while (at > 0 && memcmp(w->found[at - 1].digest, ban->digest, DIGEST_SIZE) > 0)
        at--;
    w->more = w->more || w->count == BANS_AT_ONCE;
    if (at == BANS_AT_ONCE)
        return;
    size_t behind = (w->count < BANS_AT_ONCE ? w->count : BANS_AT_ONCE - 1) - at;
    memmove(&w->found[at + 1], &w->found[at], behind * sizeof(*ban));
    w->found[at] = *ban;
    w->count = at + 1 + behind;
}

/* Insert a record, if it is a ban that was not visited. */
static void look_at(struct walk *w, struct slice name, struct slice line)
{
    uint8_t digest[DIGEST_SIZE];
    struct ban ban;
    bool valid;

    w->seen++;
    if (!ban_key_parse(name, digest, &valid))
        return;
    const char *fault = valid ? ban_parse(&ban, digest, line) : "a key that is not a ban's";
    if (fault != NULL)
        set_fault(w, fault, name);
    else if (w->after == NULL || memcmp(digest, w->after, DIGEST_SIZE) > 0)
        insert(w, &ban);
}

/* What is newer than the file says more of a key than that. */
static int find_ban(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *walk)
{
    struct slice name = { (const char *)key.dptr, key.dsize }, newer;
    struct walk *w = walk;

    (void)tdb;
    if (w->log == NULL || store_log_find(w->log, name, &newer) == OVERLAY_NOTHING)
        look_at(w, name, (struct slice){ (const char *)value.dptr, value.dsize });
    if (++w->at > CHAIN_MAX)
        set_fault(w, "the file's hash chains meet there", name);
    return w->fault != NULL;
}

/* Visit bans of the next chain that has records, and go on to the one behind it if these are all. */
static bool walk_chain(struct walk *w, const struct tdb_file *file, struct store_place *place)
{
    uint32_t chain = place->chain;
    size_t next = newer_bans_from(&w->newer, chain);

    if (!tdb_walk_find(file, &chain))
        return false;
    if (next < w->newer.count && w->newer.ban[next].chain < chain)
        chain = w->newer.ban[next].chain;
    if (chain != place->chain)
        *place = (struct store_place){ .chain = chain };
    if (chain == (uint32_t)tdb_hash_size(file->tdb))
        return true;
    w->after = place->within ? place->last : NULL;
    w->at = w->count = 0;
    w->more = false;
    bool walked = tdb_walk_chain(file, chain, find_ban, w);
    for (; next < w->newer.count && w->newer.ban[next].chain == chain; next++)
        look_at(w, w->newer.ban[next].key, w->newer.ban[next].value);
    if (!walked || w->fault != NULL)
        return false;
    for (size_t i = 0; i < w->count; i++) {
        w->ended = !w->visit(w->context, &w->found[i]);
        if (w->ended)
            return true;
        place->within = true;
        memcpy(place->last, w->found[i].digest, DIGEST_SIZE);
    }
    if (!w->more)
        *place = (struct store_place){ .chain = chain + 1 };
    return true;
}

/* Have the file, and know what is newer. */
static bool begin(struct walk *w)
{
    if (w->log == NULL || w->log->checkpoint == NULL)
        return true;
    log_saving_settle(w->log);
    if (!checkpoint_open(w->log->checkpoint))
        return false;
    return newer_bans_list(&w->newer, w->log);
}

static enum store_found walk_from(struct walk *w, const struct tdb_file *file,
                                  struct store_place *place, size_t records)
{
    while (!w->ended && w->seen < records) {
        if (place->chain >= (uint32_t)tdb_hash_size(file->tdb))
            return STORE_ABSENT;
        if (!walk_chain(w, file, place))
            return STORE_FAILED;
    }
    return STORE_FOUND;
}

enum store_found store_walk_bans(struct store *s, struct store_place *place, size_t records,
                                 bool (*visit)(void *context, const struct ban *ban), void *context,
                                 struct problem *problem)
{
    struct walk w = { .visit = visit, .context = context, .log = s->log };
    const struct tdb_file *file = store_file(s);
    enum store_found found = STORE_FAILED;

    if (begin(&w) && file->tdb != NULL)
        found = walk_from(&w, file, place, records);
    newer_bans_free(&w.newer);
    if (found != STORE_FAILED)
        return found;
    if (w.fault != NULL)
        problem_set(
            problem, STATUS_STORE,
            "store %.80s: record %s: %.50s; restore from a backup, or remove it with tdbtool",
            file->path, w.name, w.fault);
    else
        problem_set(problem, STATUS_STORE, "store %.150s cannot be read", file->path);
    return STORE_FAILED;
}
