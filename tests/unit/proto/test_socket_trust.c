/* SPDX-License-Identifier: Apache-2.0 */
/* Which servers are trusted, in a tree of files that is only described. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/socket_trust.h"

enum { ME = 1000, DAEMON = 200, OTHER = 666 };

static struct entry {
    const char *path;
    mode_t mode;
    uid_t owner;
} tree[5];

static int lstat_tree(const char *path, struct stat *st)
{
    memset(st, 0, sizeof(*st));
    for (size_t i = 0; i < sizeof(tree) / sizeof(tree[0]) && tree[i].path != NULL; i++)
        if (strcmp(tree[i].path, path) == 0) {
            st->st_mode = tree[i].mode;
            st->st_uid = tree[i].owner;
            return 0;
        }
    errno = ENOENT;
    return -1;
}

/* Check /run/j/s in a tree with this directory and socket; *at is what is at fault. */
static int check(mode_t directory, uid_t owner, uid_t socket, uid_t server, const char **at)
{
    static char path[] = "/run//j/s", part[16];
    struct socket_trust_fault fault = { 0, NULL };
    const struct entry entries[] = {
        { "/", S_IFDIR | 0755, 0 },
        { "/run", S_IFDIR | 0755, 0 },
        { "/run//j", directory, owner },
        { "/run//j/s", S_IFSOCK | 0666, socket },
    };

    memcpy(tree, entries, sizeof(entries));
    int error = socket_trust_check(path, server, ME, lstat_tree, &fault);
    assert_string_equal(path, "/run//j/s");
    assert_int_equal(error != 0, fault.why != NULL);
    snprintf(part, sizeof(part), "%.*s", (int)fault.len, path);
    *at = part;
    return error;
}

static void a_server_is_trusted_only_where_nobody_else_can_take_its_place(void **state)
{
    (void)state;
    static const struct {
        mode_t directory;
        uid_t owner, socket, server;
        int error;
        const char *at;
    } rows[] = {
        { S_IFDIR | 0755, 0, 0, 0, 0, "" },
        { S_IFDIR | 0755, 0, DAEMON, DAEMON, 0, "" },
        { S_IFDIR | 0755, DAEMON, DAEMON, DAEMON, 0, "" },
        { S_IFDIR | 0755, ME, ME, ME, 0, "" },
        { S_IFDIR | 01777, 0, 0, 0, 0, "" },
        { S_IFDIR | 01777, 0, ME, ME, 0, "" },
        { S_IFDIR | 01777, 0, DAEMON, DAEMON, -EPERM, "/run//j/s" },
        { S_IFDIR | 0775, 0, 0, 0, -EPERM, "/run//j" },
        { S_IFDIR | 0757, 0, 0, 0, -EPERM, "/run//j" },
        { S_IFDIR | 0755, DAEMON, DAEMON, 0, -EPERM, "/run//j" },
        { S_IFDIR | 0755, OTHER, DAEMON, DAEMON, -EPERM, "/run//j" },
        { S_IFDIR | 0755, 0, OTHER, DAEMON, -EPERM, "/run//j/s" },
        { S_IFDIR | 0755, 0, 0, DAEMON, -EPERM, "/run//j/s" },
        { S_IFLNK | 0777, 0, 0, 0, -ELOOP, "/run//j" },
        { S_IFREG | 0755, 0, 0, 0, -ENOTDIR, "/run//j" },
    };
    const char *at;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int error = check(rows[i].directory, rows[i].owner, rows[i].socket, rows[i].server, &at);
        if (error != rows[i].error || strcmp(at, rows[i].at) != 0)
            fail_msg("row %zu: %d at %s", i, error, at);
    }
}

static void what_cannot_be_looked_at_is_not_trusted(void **state)
{
    (void)state;
    struct socket_trust_fault fault;
    char missing[] = "/run/none", file[] = "/run";

    tree[0] = (struct entry){ "/", S_IFDIR | 0755, 0 };
    tree[1] = (struct entry){ "/run", S_IFDIR | 0755, 0 };
    tree[2] = (struct entry){ NULL, 0, 0 };
    assert_int_equal(socket_trust_check(missing, 0, ME, lstat_tree, &fault), -ENOENT);
    assert_int_equal(socket_trust_check(file, 0, ME, lstat_tree, &fault), -ENOTSOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_trusted_only_where_nobody_else_can_take_its_place),
        cmocka_unit_test(what_cannot_be_looked_at_is_not_trusted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
