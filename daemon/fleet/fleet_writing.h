/* SPDX-License-Identifier: Apache-2.0 */
/* Write a new snapshot's file (fleet_block.h) beside the one that it replaces: whole and synced, and only then under its
 * name.  One thread. */
#ifndef JETON_DAEMON_FLEET_FLEET_WRITING_H
#define JETON_DAEMON_FLEET_FLEET_WRITING_H

#include <limits.h>

#include "daemon/fleet/fleet_snapshot.h"

#define FLEET_NEW_SUFFIX ".new"

enum fleet_published {
    FLEET_PUBLISHED,     /* it has the name, durably */
    FLEET_NOT_PUBLISHED, /* the old one has it; errno */
    FLEET_UNSURE,        /* it has the name; after a crash the old one may have it; errno */
};

struct fleet_writing {
    int fd; /* -1: nothing is being written, or it is the snapshot's */
    bool created;
    struct fleet_head head;
    char *buffer;     /* blocks that are complete, and the one that is being filled */
    size_t full;      /* how many are complete */
    size_t used;      /* bytes of the other */
    uint64_t written; /* blocks of the file, the head's included */
    uint64_t *first;
    size_t capacity;
    uint8_t last[DIGEST_SIZE]; /* the digest that was put last */
    char path[PATH_MAX + 16];  /* that it gets */
    char name[PATH_MAX + 24];  /* that it has */
};

/* Begin a file that is to replace the one at `path`, for a log of this epoch, without what that has from
 * serial `next` on.  0 or -errno, and then it need not be ended. */
int fleet_writing_begin(struct fleet_writing *w, const char *path, const char *epoch,
                        uint64_t next);

/* Add an entry's bytes (fleet_entry_format.h), ascending by digest: -EINVAL otherwise. */
int fleet_writing_put(struct fleet_writing *w, struct slice entry);

/* Complete the file, and sync it. */
int fleet_writing_finish(struct fleet_writing *w, const struct fleet_places *places,
                         const struct fleet_unsent_list *unsent);

/* Return the complete file as it is read; it need not be published.  NULL: no memory. */
struct fleet_snapshot *fleet_writing_snapshot(struct fleet_writing *w);

/* Put it in the place of the old one, once it is complete. */
enum fleet_published fleet_writing_publish(struct fleet_writing *w);

/* Close it, and remove it if it was not published.  One that was not begun is all zeros. */
void fleet_writing_end(struct fleet_writing *w);

#endif
