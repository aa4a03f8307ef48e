/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/checkpoint_layer.h"

#include <stdlib.h>

#include "daemon/store/stored_line.h"

enum { LINE_SPACE = STORED_LINE_MAX + TDB_FILE_SPARE };

static void fill_up(char line[LINE_SPACE], struct slice value, size_t size)
{
    memcpy(line, value.at, value.len);
    memset(line + value.len, ' ', size - value.len);
}

/* -- in place --------------------------------------------------------------------------------- */

/* True for the line of a token or a ban: a load leaves out what the file has of it if the log has one. */
static bool is_line(struct slice key)
{
    return !slice_is(key, STORE_HEAD_KEY) && !slice_begins(key, "journal/");
}

/* Write over a line.  `*done`: it had a place. */
static bool overwrite(struct tdb_file *file, const struct overlay_entry *e,
                      const struct tdb_lookup *lookup, bool *done)
{
    char line[LINE_SPACE];
    uint64_t at;
    size_t size;

    *done = false;
    if (e->removed || e->added || !is_line(e->key))
        return true;
    enum lookup_found found = tdb_lookup_place(lookup, e->key, &at, &size);
    *done = found == LOOKUP_FOUND && e->value.len <= size && size <= sizeof(line);
    if (!*done)
        return found != LOOKUP_FAILED;
    fill_up(line, e->value, size);
    return tdb_file_overwrite(file, at, (struct slice){ line, size });
}

/* Write over all lines that have a place, and set their bits, by the number of the entry. */
static bool overwrite_all(struct tdb_file *file, const struct overlay *layer,
                          const struct tdb_lookup *lookup, uint8_t *bits)
{
    struct overlay_entry e;
    bool done;

    for (size_t i = 0, at = 0; overlay_next(layer, &at, &e); i++) {
        if (!overwrite(file, &e, lookup, &done))
            return false;
        bits[i / 8] |= (uint8_t)(done << i % 8);
    }
    return true;
}

/* -- by the transaction ----------------------------------------------------------------------- */

/* Put a line.  tdb looks once for what is inserted, and twice for what is replaced and not there. */
static bool put_line(struct store_file *store, const struct overlay_entry *e)
{
    char line[LINE_SPACE];
    const size_t len = e->value.len;

    if (len > STORED_LINE_MAX)
        return false;
    memcpy(line, e->value.at, len);
    if (e->added && store_file_put_line(store, e->key, line, len, TDB_FILE_INSERT))
        return true;
    return (!e->added || tdb_error(store->file.tdb) == TDB_ERR_EXISTS) &&
           store_file_put_line(store, e->key, line, len, TDB_FILE_REPLACE);
}

/* What was added and removed since the last checkpoint is not there. */
static bool remove_key(struct tdb_file *file, struct slice key)
{
    return tdb_delete(file->tdb, tdb_file_datum(key)) == 0 ||
           tdb_error(file->tdb) == TDB_ERR_NOEXIST;
}

static bool put_entry(struct store_file *store, const struct overlay_entry *e)
{
    struct tdb_file *file = &store->file;

    if (slice_is(e->key, STORE_HEAD_KEY))
        return true;
    if (e->removed)
        return remove_key(file, e->key);
    if (store_file_is_block(e->key))
        return store_file_put_block(store, e->key, e->value);
    return is_line(e->key) ? put_line(store, e) :
                             tdb_file_put(file, e->key, e->value, TDB_FILE_REPLACE);
}

/* Put the first record, the newest one, with a note. */
static bool put_head(struct store_file *store, const struct overlay *layer,
                     const struct log_note *note)
{
    const struct slice key = slice_of(STORE_HEAD_KEY);
    TDB_DATA stored = tdb_fetch(store->file.tdb, tdb_file_datum(key));
    struct slice newer = { (const char *)stored.dptr, stored.dsize };

    overlay_find(layer, key, &newer);
    bool put = stored.dptr != NULL && store_file_put_head(store, newer, stored.dsize, note);
    free(stored.dptr);
    return put;
}

/* Let look-ups leave a key's chain alone during the commit; that of a line which was written over stays
 * as it is. */
static void note_key(struct tdb_lookup *lookup, struct slice key)
{
    if (lookup != NULL)
        tdb_lookup_note(lookup, key);
}

bool checkpoint_layer_put(struct store_file *store, const struct overlay *layer,
                          struct tdb_lookup *lookup, const struct log_note *note)
{
    /* The transaction keeps pages as they are when it first writes to them, so this comes first.  Nor
     * would it write what is there already, but perhaps not on the disk, as the last sync failed. */
    uint8_t *there = calloc(overlay_count(layer) / 8 + 1, 1);
    bool ok = there != NULL &&
              (lookup == NULL || overwrite_all(&store->file, layer, lookup, there));
    struct overlay_entry e;

    for (size_t i = 0, at = 0; ok && overlay_next(layer, &at, &e); i++) {
        if ((there[i / 8] >> i % 8 & 1) != 0)
            continue;
        note_key(lookup, e.key);
        ok = put_entry(store, &e);
    }
    free(there);
    note_key(lookup, slice_of(STORE_HEAD_KEY));
    return ok && put_head(store, layer, note);
}
