/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the demo that uses libjeton: read a token's value from standard input, verify it in
 * this process and over the socket, and print how long each takes. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "plugin/lib/jeton.h"

enum { VALUE_SIZE = 600, ROUNDS_TABLE = 1000000, ROUNDS_SOCKET = 5000 };

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Return the mean time of a verification in nanoseconds, or a negative number if one did not
 * pass. */
static double measure(struct jeton *handle, const char *value, int rounds)
{
    double start = seconds();

    for (int i = 0; i < rounds; i++)
        if (jeton_verify(handle, value, strlen(value), NULL, NULL, NULL) != JETON_OK)
            return -1;
    return (seconds() - start) / rounds * 1e9;
}

int main(int argc, char **argv)
{
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    struct jeton *table = NULL, *socket = NULL;
    char value[VALUE_SIZE] = "";
    int status = 1;

    if (argc != 2 || fgets(value, sizeof(value), stdin) == NULL)
        return 2;
    value[strcspn(value, "\n")] = '\0';
    if (jeton_open(&table, argv[1], NULL, 0) < 0 ||
        jeton_open(&socket, argv[1], NULL, JETON_NO_TABLE) < 0)
        goto out;
    enum jeton_status verdict = jeton_verify(table, value, strlen(value), "deploy", NULL, &claims);
    printf(
        "jeton_verify(…, \"deploy\", …) = %s, id %s, subject %s, scopes %s; answered by the %s\n",
        jeton_status_word(verdict), claims.id, claims.subject, claims.scopes,
        jeton_source(&claims) == JETON_TABLE ? "table, in this process" : "daemon");
    double in_process = measure(table, value, ROUNDS_TABLE);
    double by_socket = measure(socket, value, ROUNDS_SOCKET);
    printf("in this process: %.2f us a verification; over the socket: %.0f us\n", in_process / 1000,
           by_socket / 1000);
    status = verdict == JETON_OK && in_process > 0 && by_socket > 0 ? 0 : 1;
out:
    jeton_close(table);
    jeton_close(socket);
    return status;
}
