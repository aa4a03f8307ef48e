/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/file_held.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* The kernel grants a write lease only if nobody else has the file (fcntl(2)). */
bool file_is_held(int fd)
{
    signal(SIGIO, SIG_IGN); /* sent if root opens the file by way of /proc meanwhile */
    if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
        return errno == EAGAIN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}
