/* SPDX-License-Identifier: Apache-2.0 */
/* Leave free space in a TDB file, or none: with it, a commit need not make the file longer. */
#ifndef JETON_TEST_TDB_SPACE_H
#define JETON_TEST_TDB_SPACE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <tdb.h>
#include <unistd.h>

/* Add and delete a record, which leaves TDB space for a few commits in a small file. */
static bool leave_free_space(struct tdb_context *tdb)
{
    static unsigned char bytes[104 * 1024];
    TDB_DATA key = { (unsigned char *)"room", 4 }, value = { bytes, sizeof(bytes) };

    memset(bytes, 'a', sizeof(bytes));
    if (tdb_store(tdb, key, value, TDB_INSERT) != 0)
        return false;
    memset(bytes, 'b', sizeof(bytes));
    return tdb_transaction_start(tdb) == 0 && tdb_store(tdb, key, value, TDB_REPLACE) == 0 &&
           tdb_transaction_commit(tdb) == 0 && tdb_delete(tdb, key) == 0;
}

/* Fill the free space with records that nobody reads, and clear TDB's recovery area, so that
 * the next commit needs another one. */
static bool use_up_space(const char *path)
{
    static unsigned char bytes[4000];
    const uint32_t none = 0;
    struct tdb_context *tdb = tdb_open(path, 0, TDB_NOMMAP, O_RDWR, 0);
    size_t size = tdb_map_size(tdb), len = sizeof(bytes);

    for (int i = 0; len > 0; i++) {
        char name[32];
        TDB_DATA key = { (unsigned char *)name, (size_t)sprintf(name, "journal/fill%d", i) };
        TDB_DATA value = { bytes, len };
        if (tdb_transaction_start(tdb) != 0 || tdb_store(tdb, key, value, TDB_INSERT) != 0)
            return false;
        if (tdb_map_size(tdb) == size && tdb_transaction_commit(tdb) == 0)
            continue;
        tdb_transaction_cancel(tdb);
        len /= 2;
    }
    return pwrite(tdb_fd(tdb), &none, sizeof(none), 44) == sizeof(none) && tdb_close(tdb) == 0;
}

#endif
