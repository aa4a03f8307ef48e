/* SPDX-License-Identifier: Apache-2.0 */
/* Measure munged: encode and decode a credential, one after the other, through its own library,
 * which is opened at run time, so that building this does not need it.
 *
 *     munge SOCKET CPU SECONDS
 *
 * Print rate=: pairs of both a second. */
#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

enum { MUNGE_OPT_SOCKET = 8 };

static int (*encode)(char **credential, void *context, const void *bytes, int len);
static int (*decode)(const char *credential, void *context, void **bytes, int *len, uid_t *uid,
                     gid_t *gid);

static void *symbol(void *library, const char *name)
{
    void *found = library != NULL ? dlsym(library, name) : NULL;

    if (found == NULL) {
        fprintf(stderr, "munge: %s\n", dlerror());
        exit(1);
    }
    return found;
}

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void encode_and_decode(void *context)
{
    char *credential;
    void *bytes = NULL;
    uid_t uid;
    gid_t gid;
    int len;

    if (encode(&credential, context, NULL, 0) != 0 ||
        decode(credential, context, &bytes, &len, &uid, &gid) != 0) {
        fprintf(stderr, "munge: no credential\n");
        exit(1);
    }
    free(credential);
    free(bytes);
}

int main(int argc, char **argv)
{
    void *library = dlopen("libmunge.so.2", RTLD_NOW);
    cpu_set_t set;
    unsigned count = 0;

    if (argc != 4)
        return 2;
    *(void **)&encode = symbol(library, "munge_encode");
    *(void **)&decode = symbol(library, "munge_decode");
    void *(*create)(void), *context;
    int (*option)(void *context, int option, ...);
    *(void **)&create = symbol(library, "munge_ctx_create");
    *(void **)&option = symbol(library, "munge_ctx_set");
    context = create();
    if (context == NULL || option(context, MUNGE_OPT_SOCKET, argv[1]) != 0)
        return 1;
    CPU_ZERO(&set);
    CPU_SET((size_t)atoi(argv[2]), &set);
    sched_setaffinity(0, sizeof(set), &set);
    double start = now(CLOCK_MONOTONIC), limit = strtod(argv[3], NULL) * 1e9;
    for (; now(CLOCK_MONOTONIC) - start < limit; count++)
        encode_and_decode(context);
    printf("rate=%.1f\n", count / (now(CLOCK_MONOTONIC) - start) * 1e9);
    return 0;
}
