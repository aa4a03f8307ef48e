/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/service/config_line.h"

bool config_line_read(FILE *file, char *line, int size, const char *too_long, const char **why)
{
    int len = 0, c;
    bool any = false;

    *why = NULL;
    while ((c = getc(file)) != EOF) {
        any = true;
        if (c == '\0')
            *why = "the line has a NUL byte: this is no text";
        else if (len == size - 1)
            *why = too_long;
        else
            line[len++] = (char)c;
        if (c == '\n')
            break;
    }
    line[len] = '\0';
    return any;
}
