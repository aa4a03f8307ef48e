/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: the users of this host are those of the file JETON_USERS, which has the
 * format of passwd(5) and is read at each look-up.  While a file of that name with ".hangs" exists,
 * look-ups by uid hang, and a file with ".hang.UID" is made when one begins to; while one with ".fails"
 * exists, they fail as if a name service refused connections.  While one with ".renames" exists, a name
 * that was found by uid is given to uid 1 before it is looked up itself.
 *
 * Built by the test that needs it: cc -shared -fPIC users.c -ldl */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is_set(const char *suffix)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s%s", getenv("JETON_USERS"), suffix);
    return access(path, F_OK) == 0;
}

static void hang(uid_t uid)
{
    const struct timespec moment = { .tv_nsec = 5000000 };
    char begun[4096];

    if (!is_set(".hangs"))
        return;
    snprintf(begun, sizeof(begun), "%s.hang.%u", getenv("JETON_USERS"), (unsigned)uid);
    close(open(begun, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    while (is_set(".hangs"))
        nanosleep(&moment, NULL);
}

/* Find a user by name, or by uid if that is NULL. */
static int find(const char *name, uid_t uid, struct passwd *user, char *buffer, size_t size,
                struct passwd **found)
{
    FILE *file = fopen(getenv("JETON_USERS"), "re");
    int error = ENOENT;

    *found = NULL;
    if (is_set(".fails") || file == NULL) {
        if (file != NULL)
            fclose(file);
        return ECONNREFUSED;
    }
    while (*found == NULL && (error = fgetpwent_r(file, user, buffer, size, found)) == 0)
        if (name != NULL ? strcmp(user->pw_name, name) != 0 : user->pw_uid != uid)
            *found = NULL;
    fclose(file);
    return error == ENOENT ? 0 : error;
}

int getpwuid_r(uid_t uid, struct passwd *user, char *buffer, size_t size, struct passwd **found)
{
    hang(uid);
    return find(NULL, uid, user, buffer, size, found);
}

int getpwnam_r(const char *name, struct passwd *user, char *buffer, size_t size,
               struct passwd **found)
{
    int error = find(name, 0, user, buffer, size, found);

    if (error == 0 && *found != NULL && is_set(".renames"))
        user->pw_uid = 1;
    return error;
}
