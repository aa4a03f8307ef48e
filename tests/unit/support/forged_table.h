/* SPDX-License-Identifier: Apache-2.0 */
/* A table made by hand, so that every part can be wrong, and lookups in one that is mapped. */
#ifndef JETON_TESTS_UNIT_SUPPORT_FORGED_TABLE_H
#define JETON_TESTS_UNIT_SUPPORT_FORGED_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "plugin/lib/table_view.h"
#include "proto/token.h"

enum {
    NEEDED = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL,
    ARENA = 70000,
};

static const struct table_view_conditions final_conditions = { .final = true },
                                          partial_conditions = { .final = false };
static struct table_view_readers readers;
static struct recent_uses recent_uses;

struct forged_table {
    int fd;
    uint64_t size;
    struct table_header *header;
    struct table_slot *slots;
    char *arena;
};

static int64_t monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct forged_table forged_new(void)
{
    struct forged_table f = { .size = table_size(1 << TABLE_BITS_MIN, ARENA) };

    f.fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(f.fd >= 0 && ftruncate(f.fd, (off_t)f.size) == 0);
    f.header = mmap(NULL, f.size, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd, 0);
    assert_ptr_not_equal(f.header, MAP_FAILED);
    f.slots = (void *)((char *)f.header + TABLE_HEADER_SIZE);
    f.arena = (char *)f.header + table_size(1 << TABLE_BITS_MIN, 0);
    *f.header = (struct table_header){
        .magic = TABLE_MAGIC,
        .layout = TABLE_LAYOUT,
        .slots = TABLE_BITS_MIN,
        .slots_offset = TABLE_HEADER_SIZE,
        .arena_offset = table_size(1 << TABLE_BITS_MIN, 0),
        .arena_size = ARENA,
        .total_size = f.size,
        .prefix = "jtn",
        .lease = monotonic() + INT64_C(5000000000),
        .state = TABLE_LIVE,
    };
    return f;
}

#define forged_seal(f, seals) assert_int_equal(fcntl((f)->fd, F_ADD_SEALS, seals), 0)

static void forged_free(struct forged_table *f)
{
    munmap(f->header, f->size), close(f->fd);
}

static void value_numbered(uint64_t number, char value[33])
{
    snprintf(value, 33, "value-%026llu", (unsigned long long)number);
}

static struct table_view *forged_open(const struct forged_table *f, bool final)
{
    struct table_view *v;

    forged_seal(f, NEEDED);
    assert_null(table_view_open(f->fd, f->size, final ? &final_conditions : &partial_conditions,
                                &v));
    return v;
}

static bool lookup(struct table_views *views, uint64_t number, enum status *status,
                   struct jeton_claims *claims)
{
    char value[33];
    struct question q = { .value = { value, 32 } };
    struct verdict v;
    int64_t now;

    value_numbered(number, value);
    bool answered = table_view_lookup(views, &readers, &recent_uses, &q, &v, &now, claims);
    if (answered)
        *status = v.status;
    return answered;
}

#endif
