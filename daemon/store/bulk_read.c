/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/bulk_read.h"

#include "daemon/base/batch_queue.h"
#include "daemon/store/ban.h"
#include "daemon/store/store_file.h"
#include "daemon/store/stored_line.h"
#include "daemon/store/tdb_walk.h"

/* A record that cannot be read, and why. */
struct fault {
    const char *what; /* NULL: nothing */
    char name[48];
};

struct bulk_read {
    struct batch_queue *queue;   /* this one and the next four: of the walking thread */
    const struct overlay *newer; /* what the file does not have yet; NULL: nothing */
    uint64_t left; /* bytes that may still come; more are not in the file, unless its chains meet */
    bool ended;
    struct fault walk_fault;
    /* from here on: of the parsing thread, until the queue ends */
    _Alignas(64) struct record_visitor *visitor;
    uint64_t seen;
    struct fault record_fault;
};

static int walk(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *bulk_read);
static bool parse_record(void *bulk_read, struct slice name, struct slice value);
static bool finish(struct bulk_read *b, struct tdb_file *file, bool walked,
                   struct problem *problem);

/* Note a fault, and return false.  The key is made printable: in a damaged file it may be
 * anything. */
static bool set_fault(struct fault *f, const char *what, struct slice name)
{
    size_t len = 0;

    for (; len < name.len && len < 40; len++)
        f->name[len] = name.at[len] > 0x20 && name.at[len] < 0x7f ? name.at[len] : '?';
    f->name[len] = '\0';
    f->what = what;
    return false;
}

/* True if a key is that of neither a token nor a ban, but of this version. */
static bool is_no_token(struct slice name)
{
    return slice_begins(name, "journal/") || slice_is(name, STORE_HEAD_KEY);
}

static bool pass_on(struct bulk_read *b, struct slice name, struct slice value)
{
    value = stored_line_trimmed(value);
    if (value.len > RECORD_LINE_MAX || name.len > RECORD_LINE_MAX)
        return set_fault(&b->walk_fault, "longer than any record", name);
    return batch_queue_put(b->queue, name, value);
}

static bool enqueue(struct bulk_read *b, struct slice name, struct slice value)
{
    struct slice newer;

    if (name.len + value.len >= b->left)
        return set_fault(&b->walk_fault, "the file's hash chains meet there", name);
    b->left -= name.len + value.len;
    if (is_no_token(name) ||
        (b->newer != NULL && overlay_find(b->newer, name, &newer) != OVERLAY_NOTHING))
        return true;
    return pass_on(b, name, value);
}

static int walk(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *bulk_read)
{
    struct bulk_read *b = bulk_read;

    (void)tdb;
    b->ended = !enqueue(b, (struct slice){ (const char *)key.dptr, key.dsize },
                        (struct slice){ (const char *)value.dptr, value.dsize });
    return b->ended;
}

/* Pass on what the file does not have yet. */
static bool walk_newer(struct bulk_read *b)
{
    struct overlay_entry e;
    bool wanted = true;

    for (size_t at = 0; b->newer != NULL && wanted && overlay_next(b->newer, &at, &e);)
        wanted = e.removed || is_no_token(e.key) || pass_on(b, e.key, e.value);
    return wanted;
}

bool bulk_read_tokens(struct tdb_file *file, const struct overlay *newer,
                      struct record_visitor *visitor, struct problem *problem)
{
    struct bulk_read b = { .visitor = visitor, .newer = newer };

    b.left = tdb_map_size(file->tdb);
    b.queue = batch_queue_new(parse_record, &b);
    if (b.queue == NULL) {
        problem_set(problem, STATUS_STORE, "no memory to read store %.150s with", file->path);
        return false;
    }
    bool walked = tdb_walk_all(file, walk, &b, &b.ended);
    if (walked && !b.ended)
        b.ended = !walk_newer(&b);
    return finish(&b, file, walked, problem);
}

static bool parse_ban(struct bulk_read *b, const uint8_t digest[DIGEST_SIZE], bool valid,
                      struct slice name, struct slice value)
{
    const char *fault = "a record that is not jeton's";
    struct ban ban;

    if (valid)
        fault = ban_parse(&ban, digest, value);
    if (fault != NULL)
        return set_fault(&b->record_fault, fault, name);
    b->visitor->bans++;
    b->visitor->sha256 = b->visitor->sha256 || ban.digest_alg == DIGEST_ALG_SHA256;
    return b->visitor->visit_ban == NULL || b->visitor->visit_ban(b->visitor, &ban);
}

/* Parse one record and give it to the visitor; on the second thread. */
static bool parse_record(void *bulk_read, struct slice name, struct slice value)
{
    struct bulk_read *b = bulk_read;
    uint8_t id[ID_SIZE], digest[DIGEST_SIZE];
    bool valid;

    if (ban_key_parse(name, digest, &valid))
        return parse_ban(b, digest, valid, name, value);
    const char *fault = record_key_parse(name, id) ? record_parse(b->visitor->record, id, value) :
                                                     "a record that is not jeton's";
    if (fault != NULL)
        return set_fault(&b->record_fault, fault, name);
    b->seen++;
    return b->visitor->visit(b->visitor);
}

static bool finish(struct bulk_read *b, struct tdb_file *file, bool walked, struct problem *problem)
{
    bool parsed = batch_queue_finish(b->queue);
    const struct fault *fault = b->record_fault.what != NULL ? &b->record_fault : &b->walk_fault;

    if (fault->what != NULL)
        problem_set(problem, STATUS_STORE,
                    "store %.80s: record %s: %.50s; restore a "
                    "backup, or repair it: see jetond(8)",
                    file->path, fault->name, fault->what);
    else if (!parsed)
        problem_set(problem, STATUS_STORE, "no memory for %llu tokens",
                    (unsigned long long)b->seen);
    else if (!walked || file->failed)
        problem_set(problem, STATUS_STORE,
                    "store %.120s is damaged: %.70s; restore it from a backup "
                    "(tdbbackup -v)",
                    file->path, file->failed ? file->error_text : "a record does not fit into it");
    else
        return true;
    return false;
}
