/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sandbox/name_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sources that read files.  systemd is one of them, although it also asks services for users that
 * exist while something runs: no configuration names those. */
static bool is_local(const char *source, size_t len)
{
    static const char *const local[] = { "files", "db", "systemd" };

    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
        if (strlen(local[i]) == len && strncmp(local[i], source, len) == 0)
            return true;
    return false;
}

/* Return what follows the name of a database and its colon; NULL: the line is for another one. */
static const char *sources_for(const char *line, const char *database)
{
    size_t len = strlen(database);

    line += strspn(line, " \t");
    if (strncmp(line, database, len) != 0)
        return NULL;
    line += len + strspn(line + len, " \t");
    return *line == ':' ? line + 1 : NULL;
}

bool name_service_line_connects(const char *line)
{
    static const char blanks[] = " \t\n";
    const char *at = sources_for(line, "passwd");

    if (at == NULL && (at = sources_for(line, "group")) == NULL &&
        (at = sources_for(line, "initgroups")) == NULL)
        return false;
    for (at += strspn(at, blanks); *at != '\0' && *at != '#'; at += strspn(at, blanks)) {
        bool action = *at == '['; /* what to do next: [NOTFOUND=return] */
        size_t len = action ? strcspn(at, "]\n") : strcspn(at, " \t\n[#");
        if (!action && !is_local(at, len))
            return true;
        at += len + (action && at[len] == ']');
    }
    return false;
}

/* Without the file, the C library reads files. */
bool name_service_connects(void)
{
    FILE *file = fopen("/etc/nsswitch.conf", "re");
    char *line = NULL;
    size_t size = 0;
    bool connects = false;

    while (file != NULL && !connects && getline(&line, &size, file) >= 0)
        connects = name_service_line_connects(line);
    free(line);
    if (file != NULL)
        fclose(file);
    return connects;
}
