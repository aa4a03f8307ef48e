/* SPDX-License-Identifier: Apache-2.0 */
/* Which tables are trusted, and what is answered from them. */
#include "tests/unit/support/forged_table.h"

/* Put a token into the forged table, with references of the caller's choice. */
static void forged_put(struct forged_table *f, uint64_t number, uint32_t scopes, uint32_t subject)
{
    uint8_t digest[DIGEST_SIZE];
    char value[33];

    value_numbered(number, value);
    token_digest(slice_of(value), digest);
    struct table_slot *slot = &f->slots[table_home_plain(1 << TABLE_BITS_MIN, digest)];
    memcpy((void *)slot->digest, digest, sizeof(digest));
    slot->expires = TIME_NEVER;
    slot->scopes = scopes;
    slot->subject = subject;
    slot->flags = SLOT_PRESENT;
}

static const char *open_size(int fd, uint64_t size)
{
    struct table_view *v;
    const char *fault = table_view_open(fd, size, &final_conditions, &v);
    assert_true((fault == NULL) == (v != NULL));
    table_view_close(v);
    return fault;
}

static void only_a_file_that_nobody_can_shrink_or_write_is_mapped(void **state)
{
    (void)state;
    static const int parts[] = { F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL };
    int ends[2], file = open("/proc/self/exe", O_RDONLY);
    int huge = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

    for (size_t i = 0; i < 4; i++) {
        struct forged_table f = forged_new();
        forged_seal(&f, NEEDED & ~parts[i]);
        assert_string_equal(open_size(f.fd, f.size), "not sealed");
        forged_free(&f);
    }
    struct forged_table f = forged_new();
    munmap(f.header, f.size);
    forged_seal(&f, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    assert_null(open_size(f.fd, f.size));
    close(f.fd);
    assert_int_equal(pipe(ends), 0);
    assert_string_equal(open_size(ends[0], 4096), "not a regular file");
    assert_string_equal(open_size(-1, 4096), "not a regular file");
    assert_string_equal(open_size(file, 4096), "not in ordinary memory");
    assert_true(huge < 0 || strcmp(open_size(huge, 0), "not in ordinary memory") == 0);
    close(ends[0]), close(ends[1]), close(file), close(huge);
}

static void a_size_other_than_the_announced_is_refused(void **state)
{
    (void)state;
    struct forged_table f = forged_new();
    const uint64_t sizes[] = { 0, 1, 4096, f.size - 1, f.size + 1, UINT64_MAX, INT64_MAX };

    forged_seal(&f, NEEDED);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_string_equal(open_size(f.fd, sizes[i]), "not of the size announced");
    assert_null(open_size(f.fd, f.size));
    forged_free(&f);
    f.fd = memfd_create("short", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    forged_seal(&f, NEEDED);
    assert_non_null(open_size(f.fd, 0));
    close(f.fd);
}

/* Write other values into this field of the header, and check that no table is opened. */
static void check_field(const struct forged_table *f, void *field, size_t size)
{
    const uint64_t lies[] = { 0,         1,         5,         7,          26,
                              27,        31,        32,        64,         255,
                              4095,      4097,      INT32_MAX, UINT32_MAX, UINT32_MAX + UINT64_C(1),
                              INT64_MAX, UINT64_MAX };
    uint64_t good = 0;

    memcpy(&good, field, size);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        memcpy(field, &lies[i], size);
        assert_true(memcmp(field, &good, size) == 0 || open_size(f->fd, f->size) != NULL);
    }
    memcpy(field, &good, size);
}

static void every_lie_in_a_header_is_refused(void **state)
{
    (void)state;
    struct forged_table f = forged_new();
    struct table_header *h = f.header;

    forged_seal(&f, NEEDED);
    check_field(&f, &h->magic, 8), check_field(&f, &h->layout, 4);
    check_field(&f, &h->slots, 4), check_field(&f, &h->slots_offset, 8);
    check_field(&f, &h->arena_offset, 8), check_field(&f, &h->arena_size, 8);
    check_field(&f, &h->total_size, 8);
    h->arena_size -= 8, h->total_size -= 8;
    assert_string_equal(open_size(f.fd, f.size), "a table of another size than its file");
    h->arena_size += 8, h->total_size += 8;
    assert_null(open_size(f.fd, f.size));
    memset(h->prefix, 'x', sizeof(h->prefix));
    assert_non_null(open_size(f.fd, f.size));
    forged_free(&f);
}

static void what_no_token_can_have_is_never_a_pass(void **state)
{
    (void)state;
    struct forged_table f = forged_new();
    const uint16_t long_text = 300, nul_text = 5, beyond = 65535;
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    struct table_views views = { .retired = NULL };
    enum status status;

    memcpy(f.arena + 100, &long_text, sizeof(long_text));
    memset(f.arena + 102, 'a', long_text);
    memcpy(f.arena + 500, &nul_text, sizeof(nul_text));
    memcpy(f.arena + 502, "al\0ce", 5);
    memcpy(f.arena + 60000, &beyond, sizeof(beyond));
    forged_put(&f, 1, 0, 0);
    table_view_replace(&views, &readers, forged_open(&f, true));
    assert_true(lookup(&views, 1, &status, &claims) && status == STATUS_OK);
    const uint32_t wrong[] = { 100, 500, 60000, ARENA - 1, ARENA, UINT32_MAX };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        forged_put(&f, 1, 0, wrong[i]);
        assert_false(lookup(&views, 1, &status, &claims));
    }
    forged_put(&f, 1, 0, 0);
    struct table_slot *slot = f.slots;
    while (slot->flags == 0)
        slot++;
    slot->sequence = 7;
    assert_false(lookup(&views, 1, &status, &claims));
    slot->sequence = 8;
    assert_true(lookup(&views, 1, &status, &claims));
    table_views_free(&views), forged_free(&f);
}

static void a_table_that_is_not_valid_answers_nothing(void **state)
{
    (void)state;
    static const uint32_t states[] = { TABLE_SUPERSEDED, TABLE_CLOSED, 0, 77 };
    struct forged_table f = forged_new();
    struct table_views views = { .retired = NULL };
    enum status status;

    forged_put(&f, 1, 0, 0);
    table_view_replace(&views, &readers, forged_open(&f, true));
    for (size_t i = 0; i < 4; i++) {
        f.header->state = states[i];
        assert_false(lookup(&views, 1, &status, NULL) || lookup(&views, 2, &status, NULL));
        assert_false(table_view_usable(&views, &readers));
        f.header->state = TABLE_LIVE;
        assert_true(lookup(&views, 1, &status, NULL) && table_view_usable(&views, &readers));
    }
    table_views_free(&views), forged_free(&f);
}

/* Set a lease while the table is mapped, or before: this time, or in so many nanoseconds. */
static void check_disbelieved(int64_t lease, bool from_now, bool mapped)
{
    struct forged_table f = forged_new();
    struct table_views views = { .retired = NULL };
    enum status status;
    int64_t good = f.header->lease;

    forged_put(&f, 1, 0, 0);
    if (!mapped)
        f.header->lease = lease + (from_now ? monotonic() : 0);
    table_view_replace(&views, &readers, forged_open(&f, true));
    if (mapped) {
        assert_true(lookup(&views, 1, &status, NULL) && status == STATUS_OK);
        f.header->lease = lease + (from_now ? monotonic() : 0);
        assert_false(lookup(&views, 1, &status, NULL) || table_view_usable(&views, &readers));
    }
    f.header->lease = good;
    assert_false(lookup(&views, 1, &status, NULL) || lookup(&views, 2, &status, NULL));
    assert_false(table_view_usable(&views, &readers));
    table_view_replace(&views, &readers, NULL);
    assert_null(atomic_load(&views.current));
    struct table_view *again;
    assert_null(table_view_open(f.fd, f.size, &final_conditions, &again));
    table_view_replace(&views, &readers, again); /* it was fetched anew */
    assert_true(lookup(&views, 1, &status, NULL) && status == STATUS_OK);
    table_views_free(&views), forged_free(&f);
}

static void a_table_whose_lease_was_wrong_once_is_not_believed_again(void **state)
{
    (void)state;
    static const struct {
        int64_t lease;
        bool from_now;
    } wrong[] = {
        { 0, false },
        { -1, false },
        { 1, false },
        { INT64_MIN, false },
        { INT64_MAX, false },
        { -20000000, true },
        { INT64_C(8000000000), true },
        { INT64_C(6500000000), true },
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check_disbelieved(wrong[i].lease, wrong[i].from_now, true);
        check_disbelieved(wrong[i].lease, wrong[i].from_now, false);
    }
}

static void only_a_final_table_may_refuse(void **state)
{
    (void)state;
    for (int final = 0; final < 2; final++) {
        struct forged_table f = forged_new();
        struct table_views views = { .retired = NULL };
        enum status status = STATUS_COUNT;
        forged_put(&f, 1, 0, 0);
        table_view_replace(&views, &readers, forged_open(&f, final));
        assert_true(lookup(&views, 1, &status, NULL) && status == STATUS_OK);
        assert_int_equal(lookup(&views, 2, &status, NULL), final);
        assert_int_equal(status, final ? STATUS_UNKNOWN : STATUS_OK);
        table_views_free(&views), forged_free(&f);
    }
}

static void a_use_is_taken_once_a_minute(void **state)
{
    (void)state;
    static uint8_t taken[5000][ID_SIZE];
    uint8_t id[ID_SIZE] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

    memset(&recent_uses, 0, sizeof(recent_uses));
    for (int i = 0; i < 10; i++)
        recent_uses_add(&recent_uses, id, 100);
    assert_int_equal(recent_uses_take(&recent_uses, taken, 5000), 1);
    assert_memory_equal(taken[0], id, ID_SIZE);
    recent_uses_add(&recent_uses, id, 100);
    assert_int_equal(recent_uses_take(&recent_uses, taken, 5000), 0);
    recent_uses_add(&recent_uses, id, 101);
    assert_int_equal(recent_uses_take(&recent_uses, taken, 5000), 1);
    for (uint32_t minute = 200; minute < 203; minute++) {
        for (unsigned i = 0; i < 100000; i++) {
            id[0] = (uint8_t)i, id[1] = (uint8_t)(i >> 8), id[9] = (uint8_t)(i >> 16);
            recent_uses_add(&recent_uses, id, minute);
        }
        assert_int_equal(recent_uses_take(&recent_uses, taken, 100), 100);
        assert_int_equal(recent_uses_take(&recent_uses, taken, 5000),
                         RECENT_USES_WAYS * RECENT_USES_SETS - 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_file_that_nobody_can_shrink_or_write_is_mapped),
        cmocka_unit_test(a_size_other_than_the_announced_is_refused),
        cmocka_unit_test(every_lie_in_a_header_is_refused),
        cmocka_unit_test(what_no_token_can_have_is_never_a_pass),
        cmocka_unit_test(a_table_that_is_not_valid_answers_nothing),
        cmocka_unit_test(a_table_whose_lease_was_wrong_once_is_not_believed_again),
        cmocka_unit_test(only_a_final_table_may_refuse),
        cmocka_unit_test(a_use_is_taken_once_a_minute),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
