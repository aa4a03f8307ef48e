/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/backup.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/cli/backup_file.h"

enum { PIECE = 256 * 1024, PATIENCE = 3600 * 1000 /* milliseconds, for the daemon's copy */ };

/* -- bytes ------------------------------------------------------------------------------------ */

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        bytes += put;
        len -= (size_t)put;
    }
    return 0;
}

/* Copy from the beginning to the end, and count; 0 or -errno. */
static int copy(int from, int to, uint64_t size, uint64_t *copied)
{
    static char piece[PIECE];
    int error = 0;

    for (*copied = 0; error == 0;) {
        ssize_t got = pread(from, piece, sizeof(piece), (off_t)*copied);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        error = write_all(to, piece, (size_t)got);
        *copied += (uint64_t)got;
        cli_message_progress("%llu of %llu MiB written", (unsigned long long)(*copied >> 20),
                             (unsigned long long)(size >> 20));
    }
    return error;
}

/* -- the copy --------------------------------------------------------------------------------- */

/* Check what the daemon passed: a regular file of this size. */
static enum cli_exit check(const struct cli_request *c, const struct line *line, uint64_t *size)
{
    struct stat st;

    if (c->connection.descriptor < 0 || !number_parse(line_get(line, "size"), INT64_MAX, size))
        cli_message("%s: the reply has no copy of the store with it", c->path);
    else if (fstat(c->connection.descriptor, &st) < 0 || !S_ISREG(st.st_mode) ||
             (uint64_t)st.st_size != *size)
        cli_message("%s: the copy is not of the size that the daemon named", c->path);
    else
        return CLI_EXIT_YES;
    return CLI_EXIT_UNAVAILABLE;
}

static enum cli_exit fail(const char *path, int error)
{
    cli_message("cannot write %s: %s", path, strerror(-error));
    return CLI_EXIT_UNAVAILABLE;
}

/* Write the copy; without a path, to standard output. */
static enum cli_exit write_copy(const struct cli_request *c, const char *path, int to,
                                uint64_t size)
{
    const char *shown = path != NULL ? path : "to standard output";
    uint64_t copied;
    int error = copy(c->connection.descriptor, to, size, &copied);
    cli_message_progress_end();
    if (error == 0 && copied != size) {
        cli_message("the copy ended after %llu of %llu bytes: the daemon gave it no more time",
                    (unsigned long long)copied, (unsigned long long)size);
        return CLI_EXIT_UNAVAILABLE;
    }
    if (error == 0 && path != NULL)
        error = backup_file_keep();
    return error != 0 ? fail(shown, error) : CLI_EXIT_YES;
}

static enum cli_exit receive(struct cli_request *c, const char *path, int to)
{
    struct reply reply = { .final = false };
    uint64_t size = 0;
    enum cli_exit status = cli_request_send(c);

    if (c->connection.timeout > 0 && c->connection.timeout < PATIENCE)
        c->connection.timeout = PATIENCE;
    while (status == CLI_EXIT_YES && !reply.final)
        status = cli_request_receive(c, &reply);
    if (status == CLI_EXIT_YES)
        status = cli_request_finish(c, &reply);
    if (status == CLI_EXIT_YES)
        status = check(c, &reply.line, &size);
    if (status == CLI_EXIT_YES)
        status = write_copy(c, path, to, size);
    if (status == CLI_EXIT_YES) {
        struct slice serial = line_get(&reply.line, "serial");
        cli_message_remark("%llu bytes, with the journal up to serial %.*s",
                           (unsigned long long)size, (int)serial.len, serial.at);
    }
    return status;
}

/* The file is begun first: where that fails, the daemon need not copy its store. */
static enum cli_exit receive_in_file(struct cli_request *c, const char *path)
{
    int to = backup_file_begin(path);

    if (to < 0) {
        fail(path, to);
        return CLI_EXIT_USAGE;
    }
    enum cli_exit status = receive(c, path, to);
    backup_file_give_up();
    return status;
}

/* -- the command ------------------------------------------------------------------------------ */

/* Return why it cannot be written there, or NULL. */
static const char *fault_of(const char *path)
{
    if (strcmp(path, "-") != 0)
        return backup_file_fault(path);
    return isatty(STDOUT_FILENO) ?
               "it is a terminal, and a backup is no text: redirect it, or name a file" :
               NULL;
}

enum cli_exit cli_backup(struct cli_request *c, const struct cli_view *view)
{
    const char *path = c->arguments == 1 ? c->argument[0] : NULL;

    (void)view;
    if (path == NULL || path[0] == '\0') {
        cli_message("name one file to write, or - for standard output: jeton backup FILE|-");
        return CLI_EXIT_USAGE;
    }
    if (c->json || c->plain || c->csv || c->read_value) {
        cli_message("backup writes a store: omit --json, --plain, --csv and --value");
        return CLI_EXIT_USAGE;
    }
    const char *fault = fault_of(path);
    if (fault != NULL) {
        cli_message("cannot write %s: %s", path, fault);
        return CLI_EXIT_USAGE;
    }
    c->verb = VERB_BACKUP;
    c->arguments = 0;
    enum cli_exit status = cli_request_build(c);
    if (status != CLI_EXIT_YES)
        return status;
    return strcmp(path, "-") == 0 ? receive(c, NULL, STDOUT_FILENO) : receive_in_file(c, path);
}
