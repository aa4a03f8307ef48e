/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/history.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/store/stored_line.h"
#include "daemon/store/tdb_file.h"
#include "proto/position.h"

enum { HEAD_MAX = TDB_FILE_FIRST_MAX, NOTE_MAX = 160 };

/* -- the epoch in the store ------------------------------------------------------------------ */

/* Read the store's first record, which marks it as jeton's, and its size there. */
static bool get_head(struct store *store, struct text *head, size_t *size)
{
    TDB_DATA value;

    if (store_fetch(store, slice_of(STORE_HEAD_KEY), &value) != STORE_FOUND)
        return false;
    struct slice text = stored_line_trimmed((struct slice){ (char *)value.dptr, value.dsize });
    text_add(head, text.at, text.len);
    *size = value.dsize;
    free(value.dptr);
    return !head->cut;
}

/* Read the epoch that the store names, and its first record without it.  An empty epoch: none. */
static bool read_head(struct store *store, struct text *rest, size_t *size,
                      char epoch[EPOCH_TEXT + 1])
{
    char bytes[HEAD_MAX];
    struct text head = text_in(bytes, sizeof(bytes));
    struct line line;
    const char *why;

    memset(epoch, 0, EPOCH_TEXT + 1);
    if (!get_head(store, &head, size) || line_parse(bytes, head.len, &line, &why) != STATUS_OK)
        return false;
    for (size_t i = 0; i < line.count; i++) {
        const struct argument *a = &line.argument[i];
        if (slice_is(a->key, "epoch")) {
            if (position_is_epoch(a->value))
                memcpy(epoch, a->value.at, EPOCH_TEXT);
            continue;
        }
        text_adds(rest, i > 0 ? " " : "");
        text_add(rest, a->key.at, a->key.len);
        text_adds(rest, a->key.len > 0 ? "=" : "");
        line_put_word(rest, a->value);
    }
    return !rest->cut;
}

bool history_read(struct store *store, char epoch[EPOCH_TEXT + 1])
{
    char bytes[HEAD_MAX];
    struct text rest = text_in(bytes, sizeof(bytes));
    size_t size;

    return read_head(store, &rest, &size, epoch);
}

bool history_put(struct history *h)
{
    char bytes[HEAD_MAX], before[EPOCH_TEXT + 1];
    struct text head = text_in(bytes, HEAD_MAX);
    size_t size;

    if (!h->unsaved)
        return true;
    if (!read_head(h->store, &head, &size, before))
        return false;
    line_puts(&head, "epoch", h->epoch);
    return !head.cut && store_put_head(h->store, text_slice(&head), size);
}

/* -- the file beside it ---------------------------------------------------------------------- */

static struct text note_of(const struct history *h, char bytes[NOTE_MAX])
{
    struct text t = text_in(bytes, NOTE_MAX);

    text_addf(&t, "v=1 epoch=%s serial=%020llu inode=%020llu born=%020lld\n", h->epoch,
              (unsigned long long)h->newest, (unsigned long long)h->inode, (long long)h->born);
    return t;
}

/* True if PATH.epoch says that this file had this epoch, up to an entry that it still has. */
static bool goes_on(const struct history *h)
{
    char bytes[NOTE_MAX], expected[NOTE_MAX];
    struct history noted = *h;
    struct line line;
    const char *why;

    ssize_t len = h->fd >= 0 ? pread(h->fd, bytes, sizeof(bytes), 0) : 0;
    if (len <= 0 || bytes[len - 1] != '\n')
        return false;
    struct text copy = text_in(expected, sizeof(expected));
    text_add(&copy, bytes, (size_t)len);
    if (line_parse(expected, copy.len - 1, &line, &why) != STATUS_OK ||
        !number_parse(line_get(&line, "serial"), UINT64_MAX, &noted.newest))
        return false;
    struct text note = note_of(&noted, expected); /* what it must be, but for the serial */
    return slice_equal(text_slice(&note), (struct slice){ bytes, (size_t)len }) &&
           noted.newest <= h->newest;
}

static void fail(struct history *h, const char *what)
{
    if (!h->failure_logged)
        log_warning("store: %s cannot be %s: %s: watchers cannot go on after a restart", h->path,
                    what, strerror(errno));
    h->failure_logged = true;
    if (h->fd >= 0)
        close(h->fd);
    h->fd = -1;
    h->noted = false;
    unlink(h->path); /* without it a new epoch begins; with an old one it might not */
}

/* Open it, whatever was put there: what is no file is replaced. */
static void open_note(struct history *h)
{
    struct stat st;

    for (int attempt = 0; attempt < 2; attempt++) {
        h->fd = open(h->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (h->fd >= 0 && fstat(h->fd, &st) == 0 && S_ISREG(st.st_mode))
            return;
        int error = h->fd >= 0 ? ENOTSUP : errno;
        if (h->fd >= 0)
            close(h->fd);
        h->fd = -1;
        unlink(h->path);
        errno = error;
    }
    fail(h, "opened");
}

static void write_note(struct history *h)
{
    char bytes[NOTE_MAX];
    struct text note = note_of(h, bytes);

    if (h->fd < 0)
        return;
    ssize_t written = pwrite(h->fd, note.at, note.len, 0);
    bool whole = written == (ssize_t)note.len;
    if (whole && (h->noted || ftruncate(h->fd, written) == 0)) {
        h->noted = h->unsynced = true;
        return;
    }
    errno = written < 0 || whole ? errno : ENOSPC;
    fail(h, "written");
}

void history_saved(struct history *h)
{
    if (h->unsaved)
        h->noted = false;
    h->unsaved = false;
}

void history_note(struct history *h, uint64_t newest)
{
    if (h->unsaved || (h->noted && newest == h->newest))
        return;
    h->newest = newest;
    write_note(h);
}

void history_step(struct history *h)
{
    if (h->fd < 0 && h->path[0] != '\0') {
        open_note(h);
        history_note(h, h->newest);
    }
    if (!h->unsynced || h->fd < 0)
        return;
    h->unsynced = false;
    if (fdatasync(h->fd) < 0)
        fail(h, "synced");
    else
        h->failure_logged = false;
}

/* -- begin and end --------------------------------------------------------------------------- */

static void find_file(struct history *h, const char *path)
{
    struct statx st;

    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) < 0)
        return; /* then it is no file that was noted */
    h->inode = st.stx_ino;
    if (st.stx_mask & STATX_BTIME)
        h->born = st.stx_btime.tv_sec * CLOCK_SECOND + st.stx_btime.tv_nsec;
}

static void new_epoch(struct history *h)
{
    uint8_t name[EPOCH_TEXT / 2];
    struct text t = text_in(h->epoch, EPOCH_TEXT);

    randombytes_buf(name, sizeof(name));
    name[0] |= 0xa0; /* begin with a letter: no program takes it for a number */
    text_add_hex(&t, name, sizeof(name));
    h->epoch[EPOCH_TEXT] = '\0';
    h->unsaved = true;
}

bool history_begin(struct history *h, struct store *store, uint64_t newest, struct problem *problem)
{
    const char *path = store_file(store)->path;

    *h = (struct history){ .store = store, .fd = -1, .newest = newest };
    snprintf(h->path, sizeof(h->path), "%s%s", path, HISTORY_SUFFIX);
    find_file(h, path);
    if (!history_read(store, h->epoch)) {
        problem_set(problem, STATUS_STORE, "store %.100s: its first record cannot be read; %s",
                    path, "restore it from a backup");
        return false;
    }
    open_note(h);
    if (h->epoch[0] != '\0' && goes_on(h)) {
        write_note(h); /* it may have been older */
        return true;
    }
    bool replaced = h->epoch[0] != '\0';
    new_epoch(h);
    if (replaced)
        log_warning("store: %s was replaced, or %s is missing: a new epoch begins, %s", path,
                    h->path, h->epoch);
    return true;
}

void history_end(struct history *h)
{
    history_step(h);
    if (h->fd >= 0)
        close(h->fd);
    h->fd = -1;
}
