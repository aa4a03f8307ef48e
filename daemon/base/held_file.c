/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/held_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* The kernel grants a write lease only if nobody else has the file (fcntl(2)). */
bool held_file(int fd)
{
    signal(SIGIO, SIG_IGN); /* sent if root opens the file by way of /proc meanwhile */
    if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
        return errno == EAGAIN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}
