/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/tdb_lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <tdb.h>
#include <unistd.h>

#include "daemon/store/tdb_recovery.h"

/* TDB's format, unchanged since 2005; the hashes and flags were zeros once. */
struct file_head {
    char food[32];
    uint32_t version;
    uint32_t chains;
    uint32_t rwlocks; /* says also which hash and features older versions would not know */
    uint32_t recovery_start;
    uint32_t sequence_number;
    uint32_t
        magic1_hash; /* of the food, and of a record's magic: by which function keys are hashed */
    uint32_t magic2_hash;
    uint32_t feature_flags;
    uint32_t mutex_size;
    uint32_t reserved[25];
};

struct record_head {
    uint32_t next;
    uint32_t capacity;
    uint32_t key_len;
    uint32_t value_len;
    uint32_t hash;
    uint32_t magic;
};

_Static_assert(sizeof(struct file_head) == TDB_FILE_HEAD, "head");

#define FOOD "TDB file\n"
#define VERSION UINT32_C(0x2601196d)
#define RWLOCKS_HASH UINT32_C(0xbad1a51)
#define LIVE UINT32_C(0x26011999)
#define DEAD UINT32_C(0xfee1dead)

enum { READ_AT_ONCE = 512, TRIES = 8 };

struct tdb_lookup {
    int fd;
    uint32_t chains;
    bool old_hash;
    pthread_mutex_t mutex; /* of the next four; it is never held across I/O */
    uint64_t generation;   /* raised when a commit begins, and when it ends */
    bool committing;
    bool all;          /* of this commit: it may change every chain */
    bool noted;        /* some chain is in the set */
    uint8_t changes[]; /* set of chains; of the committing thread, constant during a commit */
};

/* -- hashes ----------------------------------------------------------------------------------- */

/* TDB's older hash function, which it does not export; tdbbackup makes files with it. */
static uint32_t old_hash(const unsigned char *at, size_t len)
{
    uint32_t hash = UINT32_C(0x238f13af) * (uint32_t)len;

    for (uint32_t i = 0; i < len; i++)
        hash += (uint32_t)at[i] << (i * 5 % 24);
    return UINT32_C(1103515243) * hash + 12345;
}

static uint32_t hash_with(bool old, const void *at, size_t len)
{
    TDB_DATA datum = { (unsigned char *)(uintptr_t)at, len };

    return old ? old_hash(at, len) : tdb_jenkins_hash(&datum);
}

/* True if a file's keys are hashed by this function. */
static bool is_hashed_with(const struct file_head *head, bool old)
{
    const uint32_t live = LIVE;

    return head->magic1_hash == hash_with(old, FOOD, sizeof(FOOD)) &&
           head->magic2_hash == hash_with(old, &live, sizeof(live));
}

/* -- opening ---------------------------------------------------------------------------------- */

static bool read_head(int fd, struct file_head *head, bool *old)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return false;
    errno = EINVAL;
    if (!S_ISREG(st.st_mode) || pread(fd, head, sizeof(*head), 0) != sizeof(*head) ||
        memcmp(head->food, FOOD, sizeof(FOOD)) != 0 || head->version != VERSION ||
        (head->rwlocks != 0 && head->rwlocks != RWLOCKS_HASH) || head->chains == 0 ||
        sizeof(*head) + (head->chains + UINT64_C(1)) * sizeof(uint32_t) > (uint64_t)st.st_size)
        return false;
    *old = (head->magic1_hash == 0 && head->magic2_hash == 0) || is_hashed_with(head, true);
    return *old || is_hashed_with(head, false);
}

struct tdb_lookup *tdb_lookup_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    return fd >= 0 ? tdb_lookup_new(fd) : NULL;
}

struct tdb_lookup *tdb_lookup_new(int fd)
{
    struct file_head head;
    struct tdb_lookup *l = NULL;
    bool old;

    if (read_head(fd, &head, &old))
        l = calloc(1, sizeof(*l) + head.chains / 8 + 1);
    if (l == NULL) {
        int error = errno;
        close(fd);
        errno = error;
        return NULL;
    }
    l->fd = fd;
    l->chains = head.chains;
    l->old_hash = old;
    pthread_mutex_init(&l->mutex, NULL);
    return l;
}

void tdb_lookup_close(struct tdb_lookup *l)
{
    if (l == NULL)
        return;
    close(l->fd);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

/* -- commits ---------------------------------------------------------------------------------- */

static uint32_t hash_of(const struct tdb_lookup *l, struct slice key)
{
    return hash_with(l->old_hash, key.at, key.len);
}

uint32_t tdb_lookup_chain(const struct tdb_lookup *l, struct slice key)
{
    return hash_of(l, key) % l->chains;
}

void tdb_lookup_note(struct tdb_lookup *l, struct slice key)
{
    uint32_t chain = hash_of(l, key) % l->chains;

    l->changes[chain / 8] |= (uint8_t)(1U << chain % 8);
    l->noted = true;
}

void tdb_lookup_commit_begin(struct tdb_lookup *l, bool longer)
{
    pthread_mutex_lock(&l->mutex);
    l->committing = true;
    l->all = longer;
    l->generation++;
    pthread_mutex_unlock(&l->mutex);
}

void tdb_lookup_commit_end(struct tdb_lookup *l)
{
    pthread_mutex_lock(&l->mutex);
    l->committing = false;
    l->generation++;
    pthread_mutex_unlock(&l->mutex);
    if (l->noted)
        memset(l->changes, 0, l->chains / 8 + 1);
    l->noted = false;
}

/* Find out whether a chain is being changed, and when that was so. */
static bool is_changing(struct tdb_lookup *l, uint32_t chain, uint64_t *generation)
{
    pthread_mutex_lock(&l->mutex);
    bool changing = l->committing && (l->all || (l->changes[chain / 8] >> chain % 8 & 1) != 0);
    *generation = l->generation;
    pthread_mutex_unlock(&l->mutex);
    return changing;
}

/* -- one look-up ------------------------------------------------------------------------------ */

/* The front of a record, and how much of it was read. */
struct front {
    union {
        struct record_head head;
        char bytes[READ_AT_ONCE];
    };
    size_t len;
};

/* Read the front of a record, and check its head.  A record with its key and value is within its
 * space; that is within the file, as all of it that is needed is read from there. */
static bool read_front(const struct tdb_lookup *l, uint32_t at, struct front *f)
{
    const uint64_t first = TDB_FILE_HEAD + (l->chains + UINT64_C(1)) * sizeof(uint32_t);

    if (at < first)
        return false;
    ssize_t got = pread(l->fd, f->bytes, sizeof(f->bytes), at);
    if (got < (ssize_t)sizeof(f->head))
        return false;
    f->len = (size_t)got;
    return (f->head.magic == LIVE || f->head.magic == DEAD) &&
           (uint64_t)f->head.key_len + f->head.value_len <= f->head.capacity;
}

static bool has_key(const struct front *f, struct slice key, uint32_t hash)
{
    return f->head.magic == LIVE && f->head.hash == hash && f->head.key_len == key.len &&
           key.len <= f->len - sizeof(f->head) &&
           memcmp(f->bytes + sizeof(f->head), key.at, key.len) == 0;
}

/* Copy the value, or read what was not read with the front. */
static enum lookup_found read_value(const struct tdb_lookup *l, uint32_t at, const struct front *f,
                                    char *value, size_t size, size_t *len)
{
    const size_t from = sizeof(f->head) + f->head.key_len, whole = f->head.value_len;
    size_t have = f->len - from < whole ? f->len - from : whole;

    if (whole > size)
        return LOOKUP_FAILED;
    if (have > 0)
        memcpy(value, f->bytes + from, have);
    *len = whole;
    if (have == whole || pread(l->fd, value + have, whole - have,
                               (off_t)at + (off_t)from + (off_t)have) == (ssize_t)(whole - have))
        return LOOKUP_FOUND;
    return LOOKUP_FAILED;
}

/* Follow the chain to a record.  One that runs in a circle comes back to a place that is remembered:
 * after 1, 2, 4 ... steps the place is another one. */
static enum lookup_found find(const struct tdb_lookup *l, uint32_t hash, struct slice key,
                              uint32_t *record, struct front *f)
{
    const off_t top = TDB_FILE_HEAD + (off_t)sizeof(uint32_t) * (1 + (off_t)(hash % l->chains));
    uint32_t at, remembered = 0;
    uint64_t steps = 0, next_place = 1;

    if (pread(l->fd, &at, sizeof(at), top) != sizeof(at))
        return LOOKUP_FAILED;
    for (; at != 0; at = f->head.next) {
        if (at == remembered || !read_front(l, at, f))
            return LOOKUP_FAILED;
        *record = at;
        if (has_key(f, key, hash))
            return LOOKUP_FOUND;
        if (++steps < next_place)
            continue;
        remembered = at;
        next_place = 2 * steps;
    }
    return LOOKUP_ABSENT;
}

static enum lookup_found search(const struct tdb_lookup *l, uint32_t hash, struct slice key,
                                char *value, size_t size, size_t *len)
{
    uint32_t record;
    struct front f;
    enum lookup_found found = find(l, hash, key, &record, &f);

    return found == LOOKUP_FOUND ? read_value(l, record, &f, value, size, len) : found;
}

/* What was read while a commit began or ended is not used: it may have been of either time. */
enum lookup_found tdb_lookup_get(struct tdb_lookup *l, struct slice key, char *value, size_t size,
                                 size_t *len)
{
    const uint32_t hash = hash_of(l, key), chain = hash % l->chains;
    uint64_t before, after;

    if (key.len > READ_AT_ONCE - sizeof(struct record_head))
        return LOOKUP_FAILED;
    for (int i = 0; i < TRIES && !is_changing(l, chain, &before); i++) {
        enum lookup_found found = search(l, hash, key, value, size, len);
        bool changing = is_changing(l, chain, &after);
        if (before == after && !changing)
            return found;
    }
    return LOOKUP_BUSY;
}

enum lookup_found tdb_lookup_place(const struct tdb_lookup *l, struct slice key, uint64_t *at,
                                   size_t *len)
{
    uint32_t record;
    struct front f;
    enum lookup_found found = find(l, hash_of(l, key), key, &record, &f);

    if (found != LOOKUP_FOUND)
        return found;
    *at = record + sizeof(f.head) + (uint64_t)f.head.key_len;
    *len = f.head.value_len;
    return found;
}
