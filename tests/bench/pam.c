/* SPDX-License-Identifier: Apache-2.0 */
/* Measure pam_authenticate() through a private service: one transaction after the other, from
 * pam_start() to pam_end(), like a server.
 *
 *     pam DIRECTORY SERVICE USER VALUE SECONDS
 *
 * Print ns=: wall-clock time for each. */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int converse(int count, const struct pam_message **message, struct pam_response **response,
                    void *value)
{
    (void)message;
    *response = calloc((size_t)count, sizeof(**response));
    for (int i = 0; *response != NULL && i < count; i++)
        (*response)[i].resp = strdup(value);
    return *response != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    const struct pam_conv conversation = { converse, argv[4] };
    double start = now(), limit = strtod(argv[5], NULL) * 1e9;
    unsigned long count = 0;

    for (; now() - start < limit; count++) {
        pam_handle_t *handle;
        int result = pam_start_confdir(argv[2], argv[3], &conversation, argv[1], &handle);
        if (result == PAM_SUCCESS)
            result = pam_authenticate(handle, 0);
        if (result != PAM_SUCCESS) {
            fprintf(stderr, "pam: %s\n", pam_strerror(NULL, result));
            return 1;
        }
        pam_end(handle, result);
    }
    printf("ns=%.1f\n", (now() - start) / (double)count);
    return 0;
}
