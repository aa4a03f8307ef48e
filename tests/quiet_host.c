/* SPDX-License-Identifier: Apache-2.0 */
/* A program that only verifies, to count its system calls: it reads a value from standard input,
 * verifies it once, writes "warm", verifies it N times, and writes "done".
 *
 *     quiet_host SOCKET N < value */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/lib/jeton.h"

int main(int argc, char **argv)
{
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    struct jeton *handle;
    char value[600] = "";

    if (argc != 3 || fgets(value, sizeof(value), stdin) == NULL)
        return 2;
    value[strcspn(value, "\n")] = '\0';
    if (jeton_open(&handle, argv[1], NULL, 0) < 0)
        return 2;
    jeton_verify(handle, value, strlen(value), NULL, NULL, &claims);
    if (write(STDOUT_FILENO, "warm\n", 5) != 5)
        return 2;
    for (long i = atol(argv[2]); i > 0; i--)
        if (jeton_verify(handle, value, strlen(value), NULL, NULL, &claims) != JETON_OK ||
            jeton_source(&claims) != JETON_TABLE)
            return 1;
    if (write(STDOUT_FILENO, "done\n", 5) != 5)
        return 2;
    jeton_close(handle);
    return 0;
}
