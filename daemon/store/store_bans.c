/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/store_bans.h"

#include <stdlib.h>

#include "daemon/base/log.h"
#include "daemon/store/tdb_walk.h"

enum {
    CHAIN_MAX = 1000000, /* records; a longer chain leads back into itself */
    BANS_AT_ONCE = 32,   /* of a chain; the rest of a longer one is found by walking it again */
};

/* One call of store_walk_bans(). */
struct walk {
    bool (*visit)(void *context, const struct ban *ban);
    void *context;
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
    size_t size = tdb_file_size(sizeof(key), value.len);
    memset(line + value.len, ' ', size - value.len);
    return !value.cut && tdb_file_put(store_file(s), (struct slice){ key, sizeof(key) },
                                      (struct slice){ line, size }, TDB_REPLACE);
}

bool store_remove_ban(struct store *s, const uint8_t digest[DIGEST_SIZE])
{
    char key[BAN_KEY_SIZE];

    ban_key(digest, key);
    return tdb_delete(store_file(s)->tdb, tdb_file_datum((struct slice){ key, sizeof(key) })) == 0;
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

static int find_ban(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *walk)
{
    struct slice name = { (const char *)key.dptr, key.dsize };
    struct walk *w = walk;
    uint8_t digest[DIGEST_SIZE];
    struct ban ban;
    bool valid;

    (void)tdb;
    if (ban_key_parse(name, digest, &valid)) {
        struct slice line = { (const char *)value.dptr, value.dsize };
        const char *fault = valid ? ban_parse(&ban, digest, line) : "a key that is not a ban's";
        if (fault != NULL)
            set_fault(w, fault, name);
        else if (w->after == NULL || memcmp(digest, w->after, DIGEST_SIZE) > 0)
            insert(w, &ban);
    }
    w->seen++;
    if (++w->at > CHAIN_MAX)
        set_fault(w, "the file's hash chains meet there", name);
    return w->fault != NULL;
}

/* Visit bans of the next chain that has records, and go on to the one behind it if these are all. */
static bool walk_chain(struct walk *w, const struct tdb_file *file, struct store_place *place)
{
    uint32_t chain = place->chain;

    if (!tdb_walk_find(file, &chain))
        return false;
    if (chain != place->chain)
        *place = (struct store_place){ .chain = chain };
    if (chain == (uint32_t)tdb_hash_size(file->tdb))
        return true;
    w->after = place->within ? place->last : NULL;
    w->at = w->count = 0;
    w->more = false;
    if (!tdb_walk_chain(file, chain, find_ban, w) || w->fault != NULL)
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

enum store_found store_walk_bans(struct store *s, struct store_place *place, size_t records,
                                 bool (*visit)(void *context, const struct ban *ban), void *context,
                                 struct problem *problem)
{
    struct walk w = { .visit = visit, .context = context };
    const struct tdb_file *file = store_file(s);

    while (file->tdb != NULL && !w.ended && w.seen < records) {
        if (place->chain >= (uint32_t)tdb_hash_size(file->tdb))
            return STORE_ABSENT;
        if (!walk_chain(&w, file, place))
            break;
    }
    if (file->tdb != NULL && w.fault == NULL && (w.ended || w.seen >= records))
        return STORE_FOUND;
    if (w.fault != NULL)
        problem_set(
            problem, STATUS_STORE,
            "store %.80s: record %s: %.50s; restore from a backup, or remove it with tdbtool",
            file->path, w.name, w.fault);
    else
        problem_set(problem, STATUS_STORE, "store %.150s cannot be read", file->path);
    return STORE_FAILED;
}
