/* SPDX-License-Identifier: Apache-2.0 */
/* init and migrate: apply the migrations that the database does not have, in order, each in a transaction of its own.
 * Each inserts its own row of jeton.version. */
#include <errno.h>
#include <fnmatch.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/fleet/agent.h"
#include "plugin/fleet/words.h"

enum { FILE_MAX = 4 * 1024 * 1024, MIGRATIONS_MAX = 1000 };

struct migrations {
    char directory[PATH_MAX];
    int count;
    struct dirent **entry; /* in ascending order; owned */
};

/* The directory beside this program, as in the tree that it was built in, or else the installed one. */
static void find_directory(const struct word_options *o, char *path, size_t size)
{
    static const char name[] = "/fleet";
    ssize_t len = readlink("/proc/self/exe", path, size - sizeof(name) - 1);

    if (o->migrations != NULL) {
        snprintf(path, size, "%s", o->migrations);
        return;
    }
    if (len > 0) {
        path[len] = '\0';
        strcpy(strrchr(path, '/'), name);
        if (access(path, R_OK) == 0)
            return;
    }
    snprintf(path, size, "%s", MIGRATIONS_DIRECTORY);
}

static int is_migration(const struct dirent *entry)
{
    return fnmatch("[0-9][0-9][0-9][0-9]_*.sql", entry->d_name, 0) == 0;
}

static bool list(const struct word_options *o, struct migrations *m)
{
    find_directory(o, m->directory, sizeof(m->directory));
    m->count = scandir(m->directory, &m->entry, is_migration, alphasort);
    if (m->count > 0 && m->count <= MIGRATIONS_MAX)
        return true;
    fprintf(stderr, "jeton-fleet: %s: %s\n", m->directory,
            m->count < 0 ? strerror(errno) : "there are no migrations here");
    return false;
}

static void forget(struct migrations *m)
{
    for (int i = 0; i < m->count; i++)
        free(m->entry[i]);
    if (m->count >= 0)
        free(m->entry);
}

/* Return the text of a file, or NULL after a message. */
static char *read_text(const char *directory, const char *name)
{
    char path[PATH_MAX + 256], *text = NULL;
    size_t len = 0;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (file != NULL && (text = malloc(FILE_MAX)) != NULL)
        len = fread(text, 1, FILE_MAX - 1, file);
    if (text == NULL || ferror(file) || len == FILE_MAX - 1 || memchr(text, '\0', len) != NULL) {
        fprintf(stderr, "jeton-fleet: %s cannot be read: %s\n", path,
                errno != 0 ? strerror(errno) : "it is no script");
        free(text);
        text = NULL;
    } else {
        text[len] = '\0';
    }
    if (file != NULL)
        fclose(file);
    return text;
}

/* Return the newest version, 0 if there is no schema; -1 after a message. */
static int version_of(PGconn *conn)
{
    static const char there[] = "select to_regclass('jeton.version') is not null";
    static const char newest[] = "select coalesce(max(version), 0) from jeton.version";
    PGresult *r = words_query(conn, "the schema's version", there, 0, NULL);
    int version = -1;

    if (r == NULL)
        return -1;
    const bool is_there = PQgetvalue(r, 0, 0)[0] == 't';
    PQclear(r);
    if (!is_there)
        return 0;
    r = words_query(conn, "the schema's version", newest, 0, NULL);
    if (r != NULL)
        version = atoi(PQgetvalue(r, 0, 0));
    PQclear(r);
    return version;
}

static bool run(PGconn *conn, const char *name, const char *sql)
{
    PGresult *r = PQexec(conn, sql);
    const ExecStatusType status = PQresultStatus(r);
    const bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (!ok)
        fprintf(stderr, "jeton-fleet: %s: %s", name, PQresultErrorMessage(r));
    PQclear(r);
    return ok;
}

static bool apply(PGconn *conn, const struct migrations *m, const char *name)
{
    char *sql = read_text(m->directory, name);
    const int number = atoi(name);

    if (sql == NULL)
        return false;
    const bool ok = run(conn, name, "begin isolation level read committed") &&
                    run(conn, name, sql) && version_of(conn) == number && run(conn, name, "commit");
    free(sql);
    if (!ok)
        fprintf(stderr, "jeton-fleet: %s: nothing of it was done\n", name);
    else
        printf("applied %s\n", name);
    return ok;
}

/* Return how many were applied; -1 after a message. */
static int apply_all(PGconn *conn, const struct migrations *m, int version)
{
    int applied = 0;

    if (version > atoi(m->entry[m->count - 1]->d_name)) {
        fprintf(
            stderr,
            "jeton-fleet: the schema is of version %d, which is newer than the migrations in %s: there is "
            "no way back; install a newer jeton-fleet\n",
            version, m->directory);
        return -1;
    }
    for (int i = 0; i < m->count; i++) {
        if (atoi(m->entry[i]->d_name) <= version)
            continue;
        if (!apply(conn, m, m->entry[i]->d_name))
            return -1;
        applied++;
    }
    return applied;
}

static int bring_up(const struct config *c, const struct word_options *o, bool init)
{
    struct migrations m = { .count = -1 };
    PGconn *conn = list(o, &m) ? words_connect(c, o, true) : NULL;
    const int version = conn != NULL ? version_of(conn) : -1;
    int applied = -1;

    if (version > 0 && init)
        printf("a schema of version %d is there\n", version);
    if (version == 0 && !init)
        fprintf(
            stderr,
            "jeton-fleet: there is no schema of a fleet in this database: `jeton fleet init` makes it\n");
    else if (version >= 0)
        applied = apply_all(conn, &m, version);
    if (applied >= 0)
        printf("the schema of database %s is of version %d%s\n", PQdb(conn), version_of(conn),
               applied == 0 ? ", as it was" : "");
    const int status = applied >= 0 ? EXIT_OK : conn == NULL ? EXIT_UNAVAILABLE : EXIT_FAILED;
    PQfinish(conn);
    forget(&m);
    return status;
}

int word_init(const struct config *c, const struct word_options *o)
{
    return bring_up(c, o, true);
}

int word_migrate(const struct config *c, const struct word_options *o)
{
    return bring_up(c, o, false);
}
