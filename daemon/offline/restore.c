/* SPDX-License-Identifier: Apache-2.0 */
/* The backup is copied to PATH.restored, checked and completed there, and then renamed.  Until then
 * nothing of the store is changed, and a second attempt begins anew. */
#include "daemon/offline/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/offline/keep_denials.h"
#include "daemon/store/store_saving.h"
#include "daemon/store/tdb_file.h"
#include "daemon/writer/commit.h"
#include "daemon/writer/load.h"

#define TEMPORARY ".restored"

enum { COPY_STEP = 1 << 20, REPLACED_MAX = 10000 };

struct restore {
    const struct config *config;
    const char *file;
    struct problem *problem;
    int from;      /* descriptor of the file; -1: not open */
    bool replaces; /* there was a store */
    struct replaced_store replaced;
    char replaced_epoch[EPOCH_TEXT + 1];
    struct writer *writer; /* of the copy; NULL: none */
    struct kept_denials kept;
    uint64_t tokens;
    uid_t by; /* who started this */
    char epoch[EPOCH_TEXT + 1];
    char copy[PATH_MAX];
    char aside[PATH_MAX]; /* the name of the store that was replaced */
};

static bool fail(struct restore *r, const char *what, const char *path)
{
    problem_set(r->problem, STATUS_STORE, "cannot %s %.180s: %s", what, path, strerror(errno));
    return false;
}

/* Name the file in place of the copy that was made of it. */
static bool fail_file(struct restore *r)
{
    struct problem why = *r->problem;
    const char *copy = strstr(why.message, r->copy);
    const char *rest = copy != NULL ? copy + strlen(r->copy) : why.message;
    bool named = strncmp(rest, ": ", 2) == 0;

    problem_set(r->problem, why.status, "%.80s cannot be restored: %s%.150s", r->file,
                copy != NULL && !named ? "it" : "", rest + (named ? 2 : 0));
    return false;
}

/* -- the process ----------------------------------------------------------------------------- */

/* Open the file with the rights of whoever started this. */
static bool open_backup(struct restore *r)
{
    struct stat st, old;

    r->from = open(r->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->from < 0 || fstat(r->from, &st) < 0)
        return fail(r, "open", r->file);
    errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    if (!S_ISREG(st.st_mode))
        return fail(r, "restore", r->file);
    r->replaces = stat(r->config->store, &old) == 0;
    if (!r->replaces || st.st_dev != old.st_dev || st.st_ino != old.st_ino)
        return true;
    problem_set(r->problem, STATUS_STORE, "%.150s is the store itself; name a backup of it",
                r->file);
    return false;
}

/* Become who owns the store, or else its directory, so that the daemon can use what is made. */
static bool become_owner(struct restore *r)
{
    char copy[PATH_MAX];
    struct stat st;

    snprintf(copy, sizeof(copy), "%s", r->config->store);
    const char *path = r->replaces ? copy : dirname(copy);
    umask(0077);
    if (stat(path, &st) < 0)
        return fail(r, "find", path);
    if (geteuid() != 0 || st.st_uid == 0)
        return true;
    if (setgroups(0, NULL) == 0 && setresgid(st.st_gid, st.st_gid, st.st_gid) == 0 &&
        setresuid(st.st_uid, st.st_uid, st.st_uid) == 0 && setuid(0) < 0)
        return true;
    return fail(r, "become the owner of", path);
}

/* -- the stores ------------------------------------------------------------------------------ */

/* Open and load the store that is there, whose denials are to be kept.  If there is none, an empty
 * one is made, so that nobody else makes one meanwhile. */
static bool open_replaced(struct restore *r)
{
    struct replaced_store *old = &r->replaced;
    const struct config *c = r->config;
    struct problem why;
    uint64_t bans;

    old->store = store_open(c->store, STORE_WRITE, &why);
    old->journal = journal_new(c->journal_entries);
    if (old->store != NULL && old->journal != NULL &&
        load_store(old->store, c->prefix, old->journal, &old->token_table, &old->index, &bans,
                   &why) &&
        store_end_log(old->store, &why) && history_read(old->store, r->replaced_epoch))
        return true;
    *r->problem = why;
    if (why.status != STATUS_BUSY)
        problem_set(r->problem, STATUS_STORE,
                    "%.130s\nWhat it denies cannot be kept; to restore without that, move it "
                    "away first",
                    why.message);
    return false;
}

static bool copy_bytes(struct restore *r, int to)
{
    char *bytes = malloc(COPY_STEP);
    ssize_t got = bytes != NULL ? 1 : -1;

    while (got > 0 && (got = read(r->from, bytes, COPY_STEP)) > 0)
        for (ssize_t done = 0, written; done < got; done += written) {
            written = write(to, bytes + done, (size_t)(got - done));
            if (written < 0) {
                free(bytes);
                return false;
            }
        }
    free(bytes);
    return got == 0 && fsync(to) == 0;
}

static bool make_copy(struct restore *r)
{
    unlink(r->copy); /* of an attempt that was interrupted */
    int to = open(r->copy, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool copied = to >= 0 && copy_bytes(r, to);
    int error = errno;
    if (to >= 0)
        close(to);
    errno = error;
    return copied || fail(r, "write", r->copy);
}

/* Open and load the copy, which checks it, and begin its new epoch. */
static bool open_copy(struct restore *r)
{
    const struct config *c = r->config;
    struct store *store = store_open(r->copy, STORE_COPY, r->problem);
    char epoch[EPOCH_TEXT + 1];

    if (store == NULL)
        return fail_file(r);
    r->writer = calloc(1, sizeof(*r->writer));
    if (r->writer == NULL || !history_read(store, epoch) ||
        !writer_init(r->writer, store, c->prefix, c->journal_entries, r->problem)) {
        store_close(store);
        free(r->writer);
        r->writer = NULL;
        return fail_file(r);
    }
    r->replaced.same_history = epoch[0] != '\0' && strcmp(epoch, r->replaced_epoch) == 0;
    r->tokens = journal_tokens(r->writer->journal);
    strcpy(r->epoch, write_queue_epoch(r->writer->queue));
    return true;
}

static bool complete_copy(struct restore *r)
{
    const int64_t now = clock_wall();

    if (!keep_denials(r->writer, &r->replaced, r->by, now, &r->kept, r->problem))
        return false;
    commit_batch(r->writer, now); /* the epoch, if nothing was denied */
    if (!r->writer->history.unsaved)
        return true;
    problem_set(r->problem, STATUS_STORE, "cannot write %.180s", r->copy);
    return false;
}

static void close_copy(struct restore *r)
{
    if (r->writer != NULL)
        writer_destroy(r->writer);
    free(r->writer);
    r->writer = NULL;
}

/* -- names ----------------------------------------------------------------------------------- */

static const char *beside(const char *path, const char *suffix)
{
    static char name[PATH_MAX + 16];

    snprintf(name, sizeof(name), "%s%s", path, suffix);
    return name;
}

/* Give the store that is replaced a second name, the first one that is free. */
static bool keep_aside(struct restore *r)
{
    const char *store = r->config->store;
    int error = EEXIST;

    for (unsigned n = 1; r->replaces && error == EEXIST && n < REPLACED_MAX; n++) {
        int len = snprintf(r->aside, sizeof(r->aside), "%s.replaced-%u", store, n);
        error = (size_t)len >= sizeof(r->aside) ? ENAMETOOLONG :
                link(store, r->aside) < 0       ? errno :
                                                  0;
    }
    errno = error;
    return !r->replaces || error == 0 || fail(r, "keep the store as", r->aside);
}

/* Put the copy in the place of the store.  If this is cut off, one of the two is there, and the old
 * one begins a new epoch at the worst. */
static bool exchange(struct restore *r)
{
    const char *store = r->config->store;
    char epoch[PATH_MAX + 16];

    snprintf(epoch, sizeof(epoch), "%s", beside(r->copy, HISTORY_SUFFIX));
    if (!keep_aside(r))
        return false;
    if (!tdb_file_sync_directory(store) || rename(epoch, beside(store, HISTORY_SUFFIX)) < 0)
        return fail(r, "replace", beside(store, HISTORY_SUFFIX));
    if (rename(r->copy, store) < 0 || !tdb_file_sync_directory(store))
        return fail(r, "replace", store);
    return true;
}

/* -- the whole ------------------------------------------------------------------------------- */

static void print(const struct restore *r)
{
    const struct kept_denials *kept = &r->kept;
    unsigned long long denials = kept->revoked + kept->disabled + kept->ended + kept->deleted +
                                 kept->bans;

    printf("store %s: %llu tokens restored from %s\n", r->config->store,
           (unsigned long long)r->tokens, r->file);
    if (r->replaces)
        printf("denials kept: %llu (revoked: %llu, disabled: %llu, with an earlier end: %llu, "
               "deleted, now revoked: %llu, bans: %llu)\n"
               "the store that was replaced: %s\n",
               denials, (unsigned long long)kept->revoked, (unsigned long long)kept->disabled,
               (unsigned long long)kept->ended, (unsigned long long)kept->deleted,
               (unsigned long long)kept->bans, r->aside);
    else
        printf("there was no store whose denials could be kept\n");
    printf("a new epoch begins: %s\n", r->epoch);
}

static bool run(struct restore *r)
{
    if (!open_backup(r) || !become_owner(r) || !open_replaced(r))
        return false;
    bool complete = make_copy(r) && open_copy(r) && complete_copy(r);
    close_copy(r);
    bool done = complete && exchange(r);
    if (!done) {
        unlink(r->copy);
        unlink(beside(r->copy, HISTORY_SUFFIX));
        if (!r->replaces)
            unlink(r->config->store);
    }
    unlink(beside(r->copy, ".lock"));
    if (done)
        print(r);
    return done;
}

bool restore_run(const struct config *c, const char *file, struct problem *problem)
{
    struct restore *r = calloc(1, sizeof(*r));
    bool ok = r != NULL && (size_t)snprintf(r->copy, sizeof(r->copy), "%s" TEMPORARY, c->store) <
                               sizeof(r->copy) - 64;

    problem_set(problem, STATUS_INTERNAL, "no memory, or the store's path is too long");
    if (!ok) {
        free(r);
        return false;
    }
    r->config = c;
    r->file = file;
    r->problem = problem;
    r->from = -1;
    r->by = getuid();
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error, not the end */
    log_set_level(LOG_LEVEL_ERROR);
    ok = run(r);
    token_table_free(r->replaced.token_table);
    creation_index_free(&r->replaced.index);
    journal_free(r->replaced.journal);
    store_close(r->replaced.store);
    if (r->from >= 0)
        close(r->from);
    free(r);
    return ok;
}
