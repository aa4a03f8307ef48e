/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/introspect/curl_memory.h"

#include <curl/curl.h>
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Wipe what libcurl frees, as it copies request bodies and does not wipe them itself. */
static void wiping_free(void *memory)
{
    if (memory != NULL)
        sodium_memzero(memory, malloc_usable_size(memory));
    free(memory);
}

static void *wiping_realloc(void *memory, size_t size)
{
    size_t had = memory != NULL ? malloc_usable_size(memory) : 0;
    void *new = malloc(size);

    if (new == NULL)
        return NULL;
    if (had > 0)
        memcpy(new, memory, had < size ? had : size);
    wiping_free(memory);
    return new;
}

bool curl_memory_init(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup,
                                calloc) == CURLE_OK;
}
