/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/service/process.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "plugin/service/log.h"

void process_hide_secrets(void)
{
    const struct rlimit none = { 0, 0 };

    umask(0077);
    setrlimit(RLIMIT_CORE, &none);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        log_write(LOG_WARNING, "sandbox: no_new_privs cannot be set: %s", strerror(errno));
#ifndef __SANITIZE_ADDRESS__ /* its leak detector attaches to the process */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}
