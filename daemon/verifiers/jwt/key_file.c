/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Check the open descriptor, as the path may lead to another file by now. */
static const char *fault_of(int fd, bool secret)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "this is not a regular file";
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return "this file must belong to root or to jetond's user (chown root)";
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "others may write to this file (chmod go-w)";
    if (secret && (st.st_mode & S_IROTH) != 0)
        return "everybody may read this secret: chmod o-r, and replace it";
    return NULL;
}

static const char *read_all(int fd, char *bytes, size_t *len)
{
    ssize_t got = 1;

    for (*len = 0; got != 0 && *len <= JWT_KEY_FILE_MAX; *len += (size_t)got) {
        do
            got = read(fd, bytes + *len, JWT_KEY_FILE_MAX + 1 - *len);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return strerror(errno);
    }
    return *len > JWT_KEY_FILE_MAX ? "this file is larger than 1 MiB" : NULL;
}

const char *jwt_key_file_read(const char *path, bool secret, struct slice *bytes)
{
    size_t len = 0;
    char *buffer = NULL;
    /* O_NONBLOCK: opening a FIFO must not hang. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    *bytes = (struct slice){ NULL, 0 };
    if (fd < 0)
        return strerror(errno);
    const char *fault = fault_of(fd, secret);
    if (fault == NULL && (buffer = malloc(JWT_KEY_FILE_MAX + 1)) == NULL)
        fault = "out of memory";
    if (fault == NULL)
        fault = read_all(fd, buffer, &len);
    close(fd);
    if (fault == NULL)
        *bytes = (struct slice){ buffer, len };
    else
        jwt_key_file_free((struct slice){ buffer, len });
    return fault;
}

void jwt_key_file_free(struct slice bytes)
{
    if (bytes.at != NULL)
        sodium_memzero((void *)bytes.at, bytes.len);
    free((void *)bytes.at);
}
