/* SPDX-License-Identifier: Apache-2.0 */
/* A TDB file with numbered keys, open for TDB and for look-ups beside it. */
#ifndef JETON_TEST_LOOKUP_KEYS_H
#define JETON_TEST_LOOKUP_KEYS_H

#include <fcntl.h>
#include <tdb.h>

#include "daemon/store/tdb_lookup.h"
#include "tests/unit/support/directory.h"

enum { KEYS = 3000, VALUE_MAX = 70000, ABSENT = 0 };

static struct tdb_context *tdb;
static struct tdb_lookup *lookup;
static unsigned version[KEYS]; /* of each value; ABSENT: there is none */
static char found_bytes[VALUE_MAX];

static struct slice key_of(unsigned number)
{
    static _Thread_local char key[32];

    return (struct slice){ key, (size_t)sprintf(key, "token/%020u", number) };
}

static TDB_DATA datum(struct slice s)
{
    return (TDB_DATA){ (unsigned char *)(uintptr_t)s.at, s.len };
}

/* Write the value of a version; now and then it needs much more space than the one before. */
static size_t write_value(unsigned number, unsigned of, char *bytes)
{
    size_t len = number % 500 == 7 ? of * 13000 % 66000 : 150 + (number * 31 + of * 97) % 350;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + (number + of * 7 + i / 64) % 26);
    return len;
}

static bool is_version(unsigned number, unsigned of, const char *bytes, size_t len)
{
    static _Thread_local char expected[VALUE_MAX];

    return len == write_value(number, of, expected) && memcmp(bytes, expected, len) == 0;
}

static void put(unsigned number, unsigned of)
{
    static char bytes[VALUE_MAX];
    size_t len = write_value(number, of, bytes);

    assert_int_equal(tdb_store(tdb, datum(key_of(number)), datum((struct slice){ bytes, len }),
                               TDB_REPLACE),
                     0);
}

static enum lookup_found get(unsigned number, size_t *len)
{
    return tdb_lookup_get(lookup, key_of(number), found_bytes, sizeof(found_bytes), len);
}

static void open_both(int chains, int flags)
{
    tdb = tdb_open(path, chains, TDB_NOMMAP | TDB_NOSYNC | flags, O_RDWR | O_CREAT, 0600);
    assert_non_null(tdb);
    memset(version, 0, sizeof(version));
    lookup = tdb_lookup_open(path);
    assert_non_null(lookup);
}

static void close_both(void)
{
    tdb_lookup_close(lookup);
    tdb_close(tdb);
    unlink(path);
}

#endif
