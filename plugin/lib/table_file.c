/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/table_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/vfs.h>

const char *table_file_fault(int fd, uint64_t size)
{
    const int needed = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    struct stat st;
    struct statfs fs;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return "not a regular file";
    /* Reject huge pages: they can run out, which would be a SIGBUS. */
    if (fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
        return "not in ordinary memory";
    if (st.st_size < 0 || (uint64_t)st.st_size != size)
        return "not of the size announced";
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & needed) != needed ||
        (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) == 0)
        return "not sealed";
    return NULL;
}
