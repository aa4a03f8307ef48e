/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/tdb_file.h"

#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/store/tdb_recovery.h"

/* Enough for 10^6 records and more; with TDB's default of 131 every fetch would be a walk. */
enum { HASH_SIZE = 1000003, TDB_FLAGS = TDB_INCOMPATIBLE_HASH | TDB_DISALLOW_NESTING };

bool tdb_file_init(struct tdb_file *f, const char *path)
{
    *f = (struct tdb_file){ .null_fd = -1 };
    return (size_t)snprintf(f->path, sizeof(f->path), "%s", path) < sizeof(f->path) - 8;
}

/* -- TDB's log ------------------------------------------------------------------------------- */

static void on_tdb_log(struct tdb_context *tdb, enum tdb_debug_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void on_tdb_log(struct tdb_context *tdb, enum tdb_debug_level level, const char *format, ...)
{
    struct tdb_file *f = tdb_get_logging_private(tdb);
    char message[sizeof(f->error_text)];
    va_list args;
    int error = errno;

    if (level > TDB_DEBUG_ERROR)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    message[strcspn(message, "\n")] = '\0';
    f->unclean = f->unclean || strstr(message, "recover read only") != NULL;
    if (f->error_logged || f->unclean)
        log_debug("tdb: %s", message);
    else
        log_error("tdb: %s", message);
    if (!f->failed)
        memcpy(f->error_text, message, sizeof(message));
    f->failed = f->error_logged = true;
    /* cuts TDB off from the file: see the header */
    if (f->committing)
        dup3(f->null_fd, tdb_fd(tdb), O_CLOEXEC);
    errno = error;
}

static struct tdb_context *open_tdb(struct tdb_file *f, const char *path, int flags)
{
    const struct tdb_logging_context logging = { on_tdb_log, f };

    /* A map is faster for reading, and a full disk cannot disturb it. */
    int map = (flags & O_ACCMODE) == O_RDONLY ? 0 : TDB_NOMMAP;

    f->failed = f->committing = f->unclean = false;
    return tdb_open_ex(path, HASH_SIZE, TDB_FLAGS | map, flags | O_CLOEXEC, 0600, &logging, NULL);
}

/* -- sizes of allocations -------------------------------------------------------------------- */

/* TDB's allocations are kept to pieces of 256, 512, ... 4096 bytes or whole pages, which fill
 * the pages by which the file grows.  Remainders that are too small to be used would stay in
 * TDB's free list for ever, and every allocation walks over all of that list, with three system
 * calls for each piece. */
enum { SMALLEST = 256, PAGE = 4096, RECORD_HEADER = 24, RECORD_TRAILER = 4 };

/* Return the size of a value that takes a piece: TDB adds a quarter, a trailer and a header. */
static size_t value_in(size_t piece, size_t key)
{
    return (piece - RECORD_HEADER - RECORD_TRAILER) * 4 / 5 - key;
}

static size_t next_larger(size_t piece)
{
    return piece + (piece < PAGE ? piece : PAGE);
}

size_t tdb_file_size(size_t key, size_t least)
{
    size_t piece = SMALLEST;

    while (value_in(piece, key) < least)
        piece = next_larger(piece);
    return value_in(piece, key);
}

size_t tdb_file_place(size_t key, size_t most)
{
    size_t piece = SMALLEST;

    while (piece - RECORD_HEADER - RECORD_TRAILER < key + most)
        piece = next_larger(piece);
    return value_in(piece, key);
}

/* Return the size of the first record, which fills the rest of the page in which the file's header
 * and hash table end: a remainder would be of no use. */
static size_t first_size(size_t key, size_t least)
{
    size_t piece = PAGE - (TDB_FILE_HEAD + (HASH_SIZE + 1) * sizeof(uint32_t)) % PAGE;

    while (piece < SMALLEST || value_in(piece, key) < least)
        piece += PAGE;
    return value_in(piece, key);
}

/* -- creation -------------------------------------------------------------------------------- */

static bool write_first(struct tdb_context *tdb, struct slice key, struct slice value)
{
    char buffer[TDB_FILE_FIRST_MAX + 2 * TDB_FILE_SPARE];
    size_t size = first_size(key.len, value.len);

    memset(buffer, ' ', size);
    memcpy(buffer, value.at, value.len);
    return tdb_transaction_start(tdb) == 0 &&
           tdb_store(tdb, tdb_file_datum(key), tdb_file_datum((struct slice){ buffer, size }),
                     TDB_INSERT) == 0 &&
           tdb_transaction_commit(tdb) == 0 && fsync(tdb_fd(tdb)) == 0;
}

bool tdb_file_sync_directory(const char *path)
{
    char copy[PATH_MAX];

    snprintf(copy, sizeof(copy), "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

bool tdb_file_create(struct tdb_file *f, struct slice key, struct slice value)
{
    char path[PATH_MAX + 8];
    struct stat st;

    if (lstat(f->path, &st) == 0)
        return true;
    snprintf(path, sizeof(path), "%s.new", f->path);
    unlink(path); /* left by a creation that was interrupted */
    struct tdb_context *tdb = open_tdb(f, path, O_RDWR | O_CREAT | O_EXCL);
    bool done = tdb != NULL && write_first(tdb, key, value) && !f->failed;
    int error = errno;
    if (tdb != NULL && tdb_close(tdb) != 0)
        done = false;
    if (done) {
        done = rename(path, f->path) == 0 && tdb_file_sync_directory(f->path);
        error = errno;
    }
    if (!done)
        unlink(path);
    errno = error;
    return done;
}

/* -- opening --------------------------------------------------------------------------------- */

/* Note the file at the first call; false if another was put in its place since. */
static bool same_file(struct tdb_file *f, const struct stat *st)
{
    if (f->inode == 0) {
        f->device = st->st_dev;
        f->inode = st->st_ino;
    }
    return f->device == st->st_dev && f->inode == st->st_ino;
}

/* Check that the path is a regular file of whole pages, as TDB makes them.  TDB would wait for ever
 * for the other end of a pipe, and would notice only later that free space at the end is
 * missing. */
static bool is_whole(const struct tdb_file *f)
{
    struct stat st;

    if (stat(f->path, &st) < 0)
        return false;
    errno = S_ISREG(st.st_mode) ? EIO : ENOTSUP;
    return S_ISREG(st.st_mode) && st.st_size % PAGE == 0;
}

/* Clear a recovery record behind the end of the file, if nobody else has it open: then it would not
 * be left from a power failure. */
static bool clear_recovery_beyond(struct tdb_file *f, int flags)
{
    bool for_writing = (flags & O_ACCMODE) != O_RDONLY;
    int fd = open(f->path, (for_writing ? O_RDWR : O_RDONLY) | O_CLOEXEC);

    if (fd < 0)
        return false;
    bool good = !tdb_recovery_is_beyond(fd);
    f->unclean = !good && !for_writing;
    if (!good && for_writing && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        log_warning(
            "store: %s: power failed while a commit made the file longer: nothing of that commit was saved",
            f->path);
        good = tdb_recovery_clear(fd);
    }
    int error = errno;
    close(fd);
    errno = error;
    return good;
}

bool tdb_file_open(struct tdb_file *f, int flags)
{
    struct stat st;

    f->failed = f->unclean = false;
    if (!is_whole(f) || !clear_recovery_beyond(f, flags))
        return false;
    errno = 0;
    if (f->null_fd < 0)
        f->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (f->null_fd < 0)
        return false;
    f->tdb = open_tdb(f, f->path, flags);
    if (f->tdb == NULL)
        return false;
    int error = fstat(tdb_fd(f->tdb), &st) < 0 ? errno : same_file(f, &st) ? 0 : ESTALE;
    if (error == 0)
        return true;
    tdb_close(f->tdb);
    f->tdb = NULL;
    errno = error;
    return false;
}

enum { SHARED_WAIT = 10000 }; /* milliseconds */

/* Keep others from beginning a transaction: they lock this byte for writing, and read-only TDB has
 * no locks of its own. */
static bool hold_transactions(const struct tdb_file *f)
{
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 8, .l_len = 1 };

    return fcntl(tdb_fd(f->tdb), F_SETLK, &lock) == 0;
}

bool tdb_file_open_shared(struct tdb_file *f)
{
    const struct timespec pause = { .tv_nsec = 10 * 1000000 };

    for (int waited = 0;; waited += 10) {
        if (f->tdb == NULL && !tdb_file_open(f, O_RDONLY) && !f->unclean)
            return false;
        if (f->tdb != NULL && hold_transactions(f))
            return true;
        if (f->tdb != NULL && errno != EAGAIN && errno != EACCES)
            break;
        if (waited >= SHARED_WAIT) {
            errno = EAGAIN;
            break;
        }
        nanosleep(&pause, NULL);
    }
    int error = errno;
    tdb_file_close(f);
    errno = error;
    return false;
}

void tdb_file_close(struct tdb_file *f)
{
    if (f->tdb != NULL)
        tdb_close(f->tdb);
    f->tdb = NULL;
    if (f->null_fd >= 0)
        close(f->null_fd);
    f->null_fd = -1;
}

/* -- transactions ---------------------------------------------------------------------------- */

bool tdb_file_is_in_place(const struct tdb_file *f)
{
    struct stat st;

    return stat(f->path, &st) == 0 && f->device == st.st_dev && f->inode == st.st_ino;
}

int tdb_file_open_again(const struct tdb_file *f)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 || (fstat(fd, &st) == 0 && f->device == st.st_dev && f->inode == st.st_ino))
        return fd;
    close(fd);
    errno = ESTALE;
    return -1;
}

static bool in_place(struct tdb_file *f)
{
    if (tdb_file_is_in_place(f))
        return true;
    if (!f->error_logged)
        log_error("store: %s was moved away or replaced", f->path);
    f->error_logged = true;
    return false;
}

bool tdb_file_begin(struct tdb_file *f)
{
    errno = EIO;
    if (f->tdb == NULL || f->in_doubt || !in_place(f) || tdb_transaction_start(f->tdb) != 0)
        return false;
    f->failed = false;
    f->size_before = tdb_map_size(f->tdb);
    return true;
}

bool tdb_file_put(struct tdb_file *f, struct slice key, struct slice value, enum tdb_file_how how)
{
    const int flag = how == TDB_FILE_INSERT ? TDB_INSERT : TDB_REPLACE;

    return tdb_store(f->tdb, tdb_file_datum(key), tdb_file_datum(value), flag) == 0;
}

bool tdb_file_overwrite(struct tdb_file *f, uint64_t at, struct slice bytes)
{
    ssize_t written = pwrite(tdb_fd(f->tdb), bytes.at, bytes.len, (off_t)at);

    if (written >= 0 && (size_t)written != bytes.len)
        errno = ENOSPC;
    return written == (ssize_t)bytes.len;
}

/* Do not rely on TDB's return value alone.  tdb_error() is cleared first, by a lookup, because
 * growing inside a transaction leaves an error behind although nothing failed. */
bool tdb_file_commit(struct tdb_file *f)
{
    if (f->failed)
        return false;
    tdb_exists(f->tdb, tdb_file_datum(slice_of("?")));
    f->committing = true;
    bool done = tdb_transaction_commit(f->tdb) == 0 && !f->failed;
    f->committing = false;
    enum TDB_ERROR error = tdb_error(f->tdb);
    done = done && (error == TDB_SUCCESS || error == TDB_ERR_NOEXIST);
    f->in_doubt = !done;
    if (done) {
        f->error_logged = false;
        f->size_before = 0; /* nothing is to be cut off */
    }
    return done;
}

void tdb_file_abandon(struct tdb_file *f)
{
    if (f->tdb != NULL && tdb_transaction_active(f->tdb))
        tdb_transaction_cancel(f->tdb);
}

/* -- after a failure ------------------------------------------------------------------------- */

bool tdb_file_repair(struct tdb_file *f)
{
    f->in_doubt = !tdb_recovery_rewrite(tdb_fd(f->tdb));
    return !f->in_doubt;
}

void tdb_file_shrink(struct tdb_file *f)
{
    const uint64_t page = (uint64_t)getpagesize();
    int fd = tdb_fd(f->tdb);
    uint64_t size = f->size_before, end;
    struct stat st;

    if (f->size_before == 0 || fstat(fd, &st) < 0 || !tdb_recovery_end(fd, &end))
        return;
    if (size < end)
        size = (end + page - 1) / page * page; /* TDB's files are whole pages */
    if (size < (uint64_t)st.st_size && ftruncate(fd, (off_t)size) < 0)
        log_warning("store: %s cannot be shortened: %s", f->path, strerror(errno));
    f->size_before = 0;
}
