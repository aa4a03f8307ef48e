/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/writer/journal_filter.h"
#include "proto/reply.h"

/* Return the newest entry that is known to be on the disk.  After a failure the journal may have
 * been read again before that is known, and what it then has may still be lost. */
static uint64_t newest_of(const struct step *s)
{
    uint64_t newest = journal_newest(s->writer->journal);
    uint64_t saved = write_queue_newest(s->writer->queue);

    return newest < saved ? newest : saved;
}

/* Take the digits of a uid at the front of a stored entry's rest; false if it has none. */
static bool take_uid(struct slice *rest, const char *key, uid_t *uid)
{
    const char *at = rest->len > 0 ? memmem(rest->at, rest->len, key, strlen(key)) : NULL;
    uint64_t number;
    size_t len = 0;

    if (at == NULL)
        return false;
    at += strlen(key);
    size_t left = (size_t)(rest->at + rest->len - at);
    while (len < left && at[len] >= '0' && at[len] <= '9')
        len++;
    *rest = (struct slice){ at + len, left - len };
    if (!number_parse((struct slice){ at, len }, UINT32_MAX, &number))
        return false;
    *uid = (uid_t)number;
    return true;
}

/* Name who made the entry, and who logged in.  Nothing that a client wrote stands before these: what
 * stands behind them may look like them. */
static void put_names(struct step *s, struct slice entry)
{
    static const char login[] = " login=uid:";
    struct slice rest = entry;
    uid_t uid;

    if (!take_uid(&rest, " by=uid:", &uid))
        return;
    step_put_name(s, "by_name", uid);
    if (!take_uid(&rest, " pid=", &uid) || !slice_begins(rest, login) ||
        !take_uid(&rest, login, &uid))
        return;
    step_put_name(s, "login_name", uid);
}

/* True if the user has the name that the filter asks for.  Names that are not known in time end the
 * scan: what it left out would not be noticed. */
static bool is_named(struct step *s, uid_t uid)
{
    char name[USER_NAME_MAX + 1];
    bool wanted = s->wants_names;

    s->wants_names = false;
    step_name(s, uid, name);
    if (s->wants_names && s->scan->without_names)
        step_finish(s, STATUS_UNAVAILABLE, "names of users cannot be looked up now; give by=uid:N");
    s->wants_names = s->wants_names || wanted;
    return strcmp(name, s->scan->entries.by_name) == 0;
}

/* True if the request is about the entry. */
static bool takes(struct step *s, struct slice entry)
{
    const struct journal_filter *f = &s->scan->entries;
    char bytes[JOURNAL_ENTRY_MAX];
    struct line line;
    const char *why;
    uid_t by;

    if (!journal_filter_is_set(f))
        return true;
    if (entry.len > sizeof(bytes))
        return false;
    memcpy(bytes, entry.at, entry.len);
    if (line_parse(bytes, entry.len, &line, &why) != STATUS_OK ||
        !journal_filter_takes(f, &line, &by))
        return false;
    return !f->has_by || f->by_name[0] == '\0' || is_named(s, by);
}

static void put_entry(struct step *s, struct slice entry, const char *head)
{
    text_adds(&s->text, head);
    text_add(&s->text, entry.at, entry.len);
    put_names(s, entry);
    step_put_epoch(s);
    text_addc(&s->text, '\n');
    s->scan->count++;
}

/* Return the serial of the entry that is next. */
static uint64_t next_of(const struct scan *scan)
{
    return scan->back ? scan->entry.serial - 1 : scan->entry.serial + 1;
}

/* Add entries behind scan->entry.serial from one block, as many as fit and as the limit allows. */
static void put_entries(struct step *s, struct slice block, const char *head)
{
    struct scan *scan = s->scan;
    struct slice rest = scan->back ? journal_entries_before(block, scan->entry.serial) :
                                     journal_entries(block, scan->entry.serial + 1);
    bool (*take)(struct slice *, struct slice *) = scan->back ? journal_take_last_entry :
                                                                journal_take_entry;
    struct slice entry;
    uint64_t newest = newest_of(s);

    while (scan->count < scan->limit && (scan->back || scan->entry.serial < newest) &&
           step_fits_line(s) && !scan->finished && take(&rest, &entry)) {
        scan->entry.serial = next_of(scan);
        if (takes(s, entry) && !scan->finished)
            put_entry(s, entry, head);
    }
}

/* End a scan whose next entry is not here: it was trimmed, after= is beyond the newest, or it
 * belongs to another history. */
static void finish_gone(struct step *s, uint64_t oldest, uint64_t newest, bool other_history)
{
    char message[160];

    snprintf(message, sizeof(message), "%sthe journal holds the entries %llu to %llu",
             other_history ? "the store was replaced since: that history has ended; " : "",
             (unsigned long long)oldest, (unsigned long long)newest);
    reply_begin(&s->text, STATUS_GONE);
    step_put_epoch(s);
    line_put_u64(&s->text, "oldest", oldest);
    line_put_u64(&s->text, "newest", newest);
    reply_end(&s->text, STATUS_GONE, message);
    s->scan->finished = true;
}

/* True if the place that the scan goes on behind is beyond the newest entry, or is followed by one
 * that was trimmed.  Backwards, nothing is missed that way: what was trimmed is no longer older. */
static bool is_missing(const struct step *s, uint64_t oldest, uint64_t newest)
{
    uint64_t serial = s->scan->entry.serial;

    if (s->scan->back)
        return serial > newest + 1;
    return serial > newest || (serial < newest && serial + 1 < oldest);
}

bool scan_journal_read(struct step *s, const char *head)
{
    struct journal *journal = s->writer->journal;
    struct scan *scan = s->scan;
    uint64_t oldest = journal_oldest(journal), newest = newest_of(s);
    uint32_t block;
    size_t len;

    bool other_history = scan->entry.epoch[0] != '\0' &&
                         strcmp(scan->entry.epoch, write_queue_epoch(s->writer->queue)) != 0;
    if (other_history || is_missing(s, oldest, newest)) {
        finish_gone(s, oldest, newest, other_history);
        return false;
    }
    if (!scan_journal_has_more(s))
        return true;
    char *bytes = malloc(JOURNAL_BLOCK_MAX);
    if (bytes != NULL && journal_find(journal, next_of(scan), &block) &&
        store_get_journal(s->writer->store, block, bytes, &len) == STORE_FOUND)
        put_entries(s, (struct slice){ bytes, len }, head);
    else
        step_finish(s, STATUS_STORE, "the journal cannot be read");
    free(bytes);
    return !scan->finished;
}

uint64_t scan_journal_begin(const struct step *s)
{
    uint64_t oldest = journal_oldest(s->writer->journal);

    if (s->scan->back)
        return newest_of(s) + 1;
    return oldest > 0 ? oldest - 1 : 0;
}

bool scan_journal_has_more(const struct step *s)
{
    uint64_t oldest = journal_oldest(s->writer->journal);

    if (s->scan->back)
        return oldest > 0 && s->scan->entry.serial > oldest;
    return s->scan->entry.serial < newest_of(s);
}

void scan_journal_step(struct step *s)
{
    struct scan *scan = s->scan;

    if (!scan->begun && !(scan->given & KEY_BIT(KEY_AFTER)))
        scan->entry.serial = scan_journal_begin(s);
    if (!scan_journal_read(s, "* "))
        return;
    bool more = scan_journal_has_more(s);
    if (more && scan->count < scan->limit && !atomic_load(&scan->stop))
        return;
    step_begin_count(s);
    step_put_epoch(s);
    if (more)
        line_put_u64(&s->text, "next", scan->entry.serial);
    step_end_count(s);
}

void scan_journal_watch(struct step *s)
{
    struct scan *scan = s->scan;

    if (!scan->begun && !(scan->given & KEY_BIT(KEY_AFTER)))
        scan->entry.serial = newest_of(s);
    if (!scan_journal_read(s, "* ") || !atomic_load(&scan->stop) || scan_journal_has_more(s))
        return;
    step_begin_count(s);
    step_put_epoch(s);
    line_put_u64(&s->text, "next", scan->entry.serial);
    step_end_count(s);
}
