/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* There is one, as signal handlers need it. */
static struct {
    int fd;
    const char *path;
    char temporary[PATH_MAX];
    volatile sig_atomic_t exists;
} file = { .fd = -1 };

/* What a daemon has beside its store; see FILES in jetond(8). */
static const char *const suffix[] = { ".wal",   ".wal.new", ".lock", ".used",
                                      ".epoch", ".lease",   ".new",  ".unfinished-backup" };

static const int ending[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ, SIGXCPU, SIGALRM };

/* True if somebody has locked the file, as a daemon has its store. */
static bool is_locked(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return false;
    bool locked = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

/* True if a daemon may have a store there, which may be a link to it, or one that others cannot read. */
static bool may_be_a_store(const char *path)
{
    return is_locked(path) || (access(path, R_OK) < 0 && errno == EACCES);
}

/* True if it is the name of a file that a daemon has beside its store, whether that is there or not. */
static bool is_beside_a_store(const char *path)
{
    char store[PATH_MAX];
    const size_t len = strlen(path);

    for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
        const size_t end = strlen(suffix[i]);
        if (len <= end || len - end >= sizeof(store) || strcmp(path + len - end, suffix[i]) != 0)
            continue;
        snprintf(store, sizeof(store), "%.*s", (int)(len - end), path);
        if (may_be_a_store(store))
            return true;
    }
    return false;
}

const char *backup_file_fault(const char *path)
{
    struct stat st;

    if (is_beside_a_store(path))
        return "it is one of the files that a daemon has beside its store: name another file";
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? NULL : strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is there, and is not a regular file: name another, or - for standard output";
    return is_locked(path) ? "it is the store of a daemon that is running: name another file" :
                             NULL;
}

static void on_signal(int number)
{
    if (file.exists)
        unlink(file.temporary);
    signal(number, SIG_DFL);
    raise(number);
}

/* Leave alone the signals that are ignored, as by nohup(1). */
static void watch_signals(void)
{
    struct sigaction old, new = { .sa_handler = on_signal };

    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
        if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(ending[i], &new, NULL);
}

static void forget_signals(void)
{
    struct sigaction old;

    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
        if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler == on_signal)
            signal(ending[i], SIG_DFL);
}

/* No signal comes between a call and the note of what it did. */
static void hold_signals(sigset_t *before)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, before);
}

static bool name_temporary(const char *path)
{
    int len = snprintf(file.temporary, sizeof(file.temporary), "%s.%08x.tmp", path,
                       (unsigned)randombytes_random());

    return len > 0 && (size_t)len < sizeof(file.temporary);
}

int backup_file_begin(const char *path)
{
    sigset_t before;

    if (!name_temporary(path))
        return -ENAMETOOLONG;
    watch_signals();
    hold_signals(&before);
    file.path = path;
    file.fd = open(file.temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = errno;
    file.exists = file.fd >= 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return file.fd >= 0 ? file.fd : -error;
}

/* The name is on the disk when its directory is. */
static int sync_directory(const char *path)
{
    char directory[PATH_MAX];
    const char *end = strrchr(path, '/');
    size_t len = end != NULL ? (size_t)(end - path) : 0;

    snprintf(directory, sizeof(directory), "%.*s", (int)len, path);
    int fd = open(end == NULL ? "." :
                  len == 0    ? "/" :
                                directory,
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : -errno; /* it may be written, but not read */
    int error = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
    close(fd);
    return error;
}

int backup_file_keep(void)
{
    sigset_t before;

    if (fsync(file.fd) < 0)
        return -errno;
    if (backup_file_fault(file.path) != NULL)
        return -EEXIST;
    hold_signals(&before);
    int error = rename(file.temporary, file.path) < 0 ? -errno : 0;
    if (error == 0)
        file.exists = 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        error = sync_directory(file.path);
    backup_file_give_up();
    return error;
}

void backup_file_give_up(void)
{
    if (file.exists)
        unlink(file.temporary);
    file.exists = 0;
    if (file.fd >= 0)
        close(file.fd);
    file.fd = -1;
    forget_signals();
}
