/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/name_lookup.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_MAX = 64 * 1024 }; /* bytes of a user's entry */

int name_lookup_error(void)
{
    return errno == ENOENT || errno == ESRCH ? 0 : errno;
}

bool name_lookup_user(const char *name, id_t *id)
{
    errno = 0;
    const struct passwd *found = getpwnam(name);

    if (found != NULL)
        *id = found->pw_uid;
    else
        errno = name_lookup_error();
    return found != NULL;
}

bool name_lookup_group(const char *name, id_t *id)
{
    errno = 0;
    const struct group *found = getgrnam(name);

    if (found != NULL)
        *id = found->gr_gid;
    else
        errno = name_lookup_error();
    return found != NULL;
}

bool name_lookup_uid(uid_t uid, char *name, size_t size)
{
    struct passwd entry, *found = NULL;
    char *bytes = malloc(ENTRY_MAX);
    bool fits = false;

    if (bytes != NULL && getpwuid_r(uid, &entry, bytes, ENTRY_MAX, &found) == 0 && found != NULL)
        fits = strlen(found->pw_name) < size;
    if (fits)
        memcpy(name, found->pw_name, strlen(found->pw_name) + 1);
    free(bytes);
    return fits;
}
