/* SPDX-License-Identifier: Apache-2.0 */
/* Make a store that already holds many tokens, much faster than a daemon that syncs would.
 *
 *     fill STORE TIME < digests          one token for each line of 64 hex digits, in this order
 *
 * Built by the test that needs it: cc fill.c -ltdb */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tdb.h>

static void put(struct tdb_context *tdb, const char *key, char *value)
{
    TDB_DATA k = { (unsigned char *)key, strlen(key) };
    TDB_DATA v = { (unsigned char *)value, strlen(value) };

    if (tdb_store(tdb, k, v, TDB_INSERT) != 0) {
        fprintf(stderr, "fill: %s: %s\n", key, tdb_errorstr(tdb));
        exit(1);
    }
}

int main(int argc, char **argv)
{
    char digest[80], id[32] = "", key[64], value[512];
    unsigned long count = 0;

    if (argc != 3)
        return 2;
    struct tdb_context *tdb = tdb_open(argv[1], 1000003,
                                       TDB_INCOMPATIBLE_HASH | TDB_NOSYNC | TDB_NOLOCK,
                                       O_RDWR | O_CREAT | O_EXCL, 0600);
    if (tdb == NULL) {
        perror(argv[1]);
        return 1;
    }
    snprintf(value, sizeof(value), "v=1 created=%s", argv[2]);
    put(tdb, "jeton", value);
    while (fgets(digest, sizeof(digest), stdin) != NULL) {
        snprintf(id, sizeof(id), "%.20s", digest);
        snprintf(key, sizeof(key), "token/%s", id);
        snprintf(value, sizeof(value), "v=1 serial=%lu digest=%.64s created=%s by=uid:0", ++count,
                 digest, argv[2]);
        put(tdb, key, value);
    }
    snprintf(value, sizeof(value),
             "v=1 tokens=%010lu\nserial=%lu time=%s event=import id=%s "
             "by=uid:0 pid=1\n",
             count, count, argv[2], id);
    put(tdb, "journal/0", value);
    return tdb_close(tdb) == 0 ? 0 : 1;
}
