/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: look-ups of groups by name hang while the file JETON_NAMES_HANG exists,
 * as those of a name service that does not answer.  A file of that name with ".1" is made when one
 * begins to.  While JETON_NAMES_HANG with ".fails" exists, look-ups of users and groups fail as if
 * that refused connections.
 *
 * Built by the test that needs it: cc -shared -fPIC names.c -ldl */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Note that the process ended as if nothing hung: libraries were ended under a look-up. */
__attribute__((destructor)) static void end(void)
{
    const char *hang = getenv("JETON_NAMES_HANG");
    char ended[4096];

    if (hang == NULL || access(hang, F_OK) != 0)
        return;
    snprintf(ended, sizeof(ended), "%s.ended", hang);
    close(open(ended, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static bool fails(void)
{
    const char *hang = getenv("JETON_NAMES_HANG");
    char path[4096];

    snprintf(path, sizeof(path), "%s.fails", hang != NULL ? hang : "");
    if (access(path, F_OK) != 0)
        return false;
    errno = ECONNREFUSED;
    return true;
}

struct passwd *getpwnam(const char *name)
{
    static struct passwd *(*real)(const char *name);

    if (real == NULL)
        real = (struct passwd * (*)(const char *)) dlsym(RTLD_NEXT, "getpwnam");
    return fails() ? NULL : real(name);
}

struct group *getgrnam(const char *name)
{
    static struct group *(*real)(const char *name);
    const char *hang = getenv("JETON_NAMES_HANG");
    const struct timespec moment = { .tv_nsec = 5000000 };
    char begun[4096];

    if (real == NULL)
        real = (struct group * (*)(const char *)) dlsym(RTLD_NEXT, "getgrnam");
    if (fails())
        return NULL;
    if (hang == NULL || access(hang, F_OK) != 0)
        return real(name);
    snprintf(begun, sizeof(begun), "%s.1", hang);
    close(open(begun, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    while (access(hang, F_OK) == 0)
        nanosleep(&moment, NULL);
    return real(name);
}

/* A look-up by uid hangs likewise, and makes a file of that name with ".uid". */
int getpwuid_r(uid_t uid, struct passwd *entry, char *bytes, size_t size, struct passwd **found)
{
    static int (*real)(uid_t, struct passwd *, char *, size_t, struct passwd **);
    const char *hang = getenv("JETON_NAMES_HANG");
    const struct timespec moment = { .tv_nsec = 5000000 };
    char begun[4096];

    if (real == NULL)
        real = (int (*)(uid_t, struct passwd *, char *, size_t,
                        struct passwd **))dlsym(RTLD_NEXT, "getpwuid_r");
    if (hang != NULL && access(hang, F_OK) == 0) {
        snprintf(begun, sizeof(begun), "%s.uid", hang);
        close(open(begun, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    while (hang != NULL && access(hang, F_OK) == 0)
        nanosleep(&moment, NULL);
    return real(uid, entry, bytes, size, found);
}
