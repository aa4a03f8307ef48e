/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/name_lookup.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

enum { BUFFER_MIN = 4096, BUFFER_MAX = 256 * 1024 }; /* bytes of one user */

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

/* -- by uid ------------------------------------------------------------------------------------ */

/* Look a user up by name, or by uid if that is NULL, in a buffer that the caller frees.  0, or as
 * name_lookup_uid(). */
static int find(const char *name, uid_t uid, struct passwd *user, char **buffer)
{
    int error = ERANGE;

    for (size_t size = BUFFER_MIN; error == ERANGE && size <= BUFFER_MAX; size *= 2) {
        struct passwd *found;
        char *larger = realloc(*buffer, size);
        if (larger == NULL)
            return ENOMEM;
        *buffer = larger;
        error = name != NULL ? getpwnam_r(name, user, larger, size, &found) :
                               getpwuid_r(uid, user, larger, size, &found);
        if (error == 0 && found == NULL)
            error = ENOENT;
    }
    return error == ESRCH ? ENOENT : error;
}

/* True if it is text without control characters, as a subject should be. */
static bool is_presentable(const char *name)
{
    struct slice text = slice_of(name);

    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
            return false;
    return text.len > 0 && text.len <= NAME_LOOKUP_MAX && utf8_valid(text);
}

int name_lookup_uid(uid_t uid, char name[NAME_LOOKUP_MAX + 1])
{
    char *by_uid = NULL, *by_name = NULL;
    struct passwd user, same;
    int error = find(NULL, uid, &user, &by_uid);

    if (error == 0 && !is_presentable(user.pw_name))
        error = EINVAL;
    if (error == 0) {
        strcpy(name, user.pw_name);
        error = find(name, 0, &same, &by_name);
        /* nobody of that name, although the uid has it: it was renamed just now */
        if (error == ENOENT ||
            (error == 0 && (same.pw_uid != uid || strcmp(same.pw_name, name) != 0)))
            error = ESTALE;
    }
    free(by_uid);
    free(by_name);
    return error;
}
