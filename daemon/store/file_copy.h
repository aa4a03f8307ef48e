/* SPDX-License-Identifier: Apache-2.0 */
/* Copy a file that is being changed to a file without a name beside it, which is equal to it in the end.
 *
 *     file_copy_begin()
 *     file_copy_ahead()    most of the work, while it is being changed: any thread
 *     file_copy_finish()   while it is not changed: reads it, and writes only what differs; any thread
 *     file_copy_leave()    while this process has no locks on the file: closing it drops them (fcntl(2))
 *     file_copy_end()
 *
 * Where the file system can clone, there is no work ahead, and the copy shares the file's blocks. */
#ifndef JETON_DAEMON_STORE_FILE_COPY_H
#define JETON_DAEMON_STORE_FILE_COPY_H

#include <limits.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "proto/problem.h"

struct file_copy {
    int from;   /* -1: it was closed */
    int to;     /* readable and writable */
    int passed; /* the same file, opened to be read; -1: somebody took it */
    bool clones;
    atomic_bool stop; /* give up; set at any time */
    uint64_t size;    /* when it is finished */
    char *buffer;
    char path[PATH_MAX]; /* of the file */
};

/* One that was not begun. */
extern const struct file_copy file_copy_none;

/* Begin; false: *problem says why not, and it can only be left and ended. */
bool file_copy_begin(struct file_copy *c, const char *path, struct problem *problem);

/* Copy as it is.  False: *problem says why not. */
bool file_copy_ahead(struct file_copy *c, struct problem *problem);

/* Make the copy equal. */
bool file_copy_finish(struct file_copy *c, struct problem *problem);

/* Close the file. */
void file_copy_leave(struct file_copy *c);

/* Close the copy, once the file was left. */
void file_copy_end(struct file_copy *c);

/* Remove what a process that was killed between two system calls has left: a name, of an empty file. */
void file_copy_clean(const char *path);

#endif
