/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/pam/accepted.h"

#include <sys/mman.h>

/* Map pages that are locked; or, where a limit forbids that, pages that are not. */
static void *map(size_t size)
{
    const int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *at = mmap(NULL, size, protection, flags | MAP_LOCKED, -1, 0);

    return at != MAP_FAILED ? at : mmap(NULL, size, protection, flags, -1, 0);
}

struct accepted *accepted_new(const struct pam_request *request, const char *value)
{
    size_t len = strlen(value), size = sizeof(struct accepted) + len + 1;
    struct accepted *accepted = len <= VALUE_MAX ? map(size) : MAP_FAILED;

    if (accepted == MAP_FAILED)
        return NULL;
    madvise(accepted, size, MADV_DONTDUMP);
    accepted->request = *request;
    accepted->size = size;
    memcpy(accepted->value, value, len + 1);
    return accepted;
}

void accepted_free(struct accepted *accepted)
{
    size_t size = accepted->size;

    explicit_bzero(accepted, size);
    munmap(accepted, size);
}
