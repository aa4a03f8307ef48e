/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/bulk_read.h"

#include "daemon/base/batch_queue.h"

/* What is wrong with a record, and with which. */
struct fault {
    const char *what; /* NULL: nothing */
    char name[48];
};

struct bulk_read {
    struct batch_queue *conveyor; /* the walking thread's, as are the next three */
    uint64_t left;                /* more bytes than these are not in the file: its chains meet */
    bool ended;
    struct fault odd;
    /* From here on: the other thread's, until the conveyor ends. */
    _Alignas(64) struct record_visitor *visitor;
    uint64_t seen;
    struct fault bad;
};

static int walk(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *traversal);
static bool understand(void *traversal, struct slice name, struct slice value);
static bool conclude(struct bulk_read *t, struct tdb_file *file, bool walked,
                     struct problem *problem);

bool bulk_read_tokens(struct tdb_file *file, struct record_visitor *visitor,
                      struct problem *problem)
{
    struct bulk_read t = { .visitor = visitor };

    t.left = tdb_map_size(file->tdb);
    t.conveyor = batch_queue_new(understand, &t);
    if (t.conveyor == NULL) {
        problem_set(problem, STATUS_STORE, "no memory to read store %.150s with", file->path);
        return false;
    }
    return conclude(&t, file, tdb_file_walk(file, walk, &t, &t.ended), problem);
}

/* A key out of a damaged file may hold anything.  Returns false. */
static bool found(struct fault *f, const char *what, struct slice name)
{
    size_t len = 0;

    for (; len < name.len && len < 40; len++)
        f->name[len] = name.at[len] > 0x20 && name.at[len] < 0x7f ? name.at[len] : '?';
    f->name[len] = '\0';
    f->what = what;
    return false;
}

static bool pass_on(struct bulk_read *t, struct slice name, struct slice value)
{
    if (name.len + value.len >= t->left)
        return found(&t->odd, "the file's hash chains meet there", name);
    t->left -= name.len + value.len;
    if (slice_begins(name, "journal/") || slice_is(name, BULK_READ_HEAD_KEY))
        return true;
    value = record_trimmed(value);
    if (value.len > RECORD_LINE_MAX || name.len > RECORD_LINE_MAX)
        return found(&t->odd, "longer than any record", name);
    return batch_queue_put(t->conveyor, name, value);
}

static int walk(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, void *traversal)
{
    struct bulk_read *t = traversal;

    (void)tdb;
    t->ended = !pass_on(t, (struct slice){ (const char *)key.dptr, key.dsize },
                        (struct slice){ (const char *)value.dptr, value.dsize });
    return t->ended;
}

/* On the other thread. */
static bool understand(void *traversal, struct slice name, struct slice value)
{
    struct bulk_read *t = traversal;
    uint8_t id[ID_SIZE];

    const char *fault = record_key_parse(name, id) ? record_parse(t->visitor->record, id, value) :
                                                     "a record that is not jeton's";
    if (fault != NULL)
        return found(&t->bad, fault, name);
    t->seen++;
    return t->visitor->visit(t->visitor);
}

static bool conclude(struct bulk_read *t, struct tdb_file *file, bool walked,
                     struct problem *problem)
{
    bool understood = batch_queue_finish(t->conveyor);
    const struct fault *fault = t->bad.what != NULL ? &t->bad : &t->odd;

    if (fault->what != NULL)
        problem_set(problem, STATUS_STORE,
                    "store %.80s: record %s: %.50s; restore from a "
                    "backup, or remove it with tdbtool",
                    file->path, fault->name, fault->what);
    else if (!understood)
        problem_set(problem, STATUS_STORE, "no memory for %llu tokens",
                    (unsigned long long)t->seen);
    else if (!walked || file->failed)
        problem_set(problem, STATUS_STORE,
                    "store %.120s is damaged: %.70s; restore it from a backup "
                    "(tdbbackup -v)",
                    file->path, file->failed ? file->said : "a record does not fit into it");
    else
        return true;
    return false;
}
