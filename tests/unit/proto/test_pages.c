/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/pages.h"

enum { HUGE = 2 * 1024 * 1024, SIZE = 2 * HUGE + 5000, WORD = sizeof(uint32_t) };

static int memory_file(void)
{
    int fd = memfd_create("pages", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    return fd;
}

static uint32_t word(size_t i)
{
    return (uint32_t)i * 2654435761u;
}

static void check_words(const uint32_t *at)
{
    for (size_t i = 0; i < SIZE / WORD; i++)
        if (at[i] != word(i))
            fail_msg("word %zu is %u", i, at[i]);
}

/* Return the size of the huge pages in the mapping at this address; see proc_pid_smaps(5). */
static unsigned long huge_kibibytes(const void *mapping)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    char line[512], begin[32];
    unsigned long kibibytes = 0;
    bool here = false;

    assert_non_null(f);
    snprintf(begin, sizeof(begin), "%lx-", (unsigned long)(uintptr_t)mapping);
    while (fgets(line, sizeof(line), f) != NULL) {
        unsigned long field;
        if (strchr(line, '-') != NULL && strchr(line, '-') < strchr(line, ' '))
            here = strncmp(line, begin, strlen(begin)) == 0;
        else if (here && (sscanf(line, "ShmemPmdMapped: %lu", &field) == 1 ||
                          sscanf(line, "AnonHugePages: %lu", &field) == 1))
            kibibytes += field;
    }
    fclose(f);
    return kibibytes;
}

static void condense_all(void *mapping, size_t size)
{
    size_t done = 0;

    while (pages_condense(mapping, size, &done))
        assert_true(done <= size);
    assert_true(size - done < HUGE);
}

static void condensed_memory_reads_the_same_in_every_mapping(void **state)
{
    (void)state;
    int fd = memory_file();
    uint32_t *mine = pages_map(SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    const uint32_t *other = pages_map(SIZE, PROT_READ, MAP_SHARED, fd);

    assert_true(mine != MAP_FAILED && other != MAP_FAILED);
    pages_fill(mine, SIZE);
    for (size_t i = 0; i < SIZE / WORD; i++)
        mine[i] = word(i);
    check_words(other);
    condense_all(mine, SIZE);
    check_words(mine);
    check_words(other);
    munmap(mine, SIZE);
    munmap((void *)(uintptr_t)other, SIZE);
    close(fd);
}

/* True if this kernel has huge pages for such memory, found out without the code under test. */
static bool can_collapse(int flags, int fd)
{
    void *buffer = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *at = (void *)(((uintptr_t)buffer + HUGE - 1) / HUGE * HUGE);

    assert_true(buffer != MAP_FAILED);
    at = mmap(at, HUGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
    assert_true(at != MAP_FAILED);
    memset(at, 1, HUGE);
    bool can = madvise(at, HUGE, 25 /* MADV_COLLAPSE */) == 0;
    munmap(buffer, 2 * HUGE);
    return can;
}

static void huge_pages_are_had_where_the_kernel_has_them(void **state)
{
    (void)state;
    int fd = memory_file(), probe = memory_file();
    bool shared = can_collapse(MAP_SHARED, probe);
    bool private = can_collapse(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    char *file = pages_map(SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    char *own = pages_map(SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    pages_fill(file, SIZE);
    pages_fill(own, SIZE);
    condense_all(file, SIZE);
    condense_all(own, SIZE);
    if (!shared || !private)
        print_message("there are no huge pages here for %s\n", shared  ? "private memory" :
                                                               private ? "files in memory" :
                                                                         "either");
    if (shared && huge_kibibytes(file) == 0) /* huge pages may just have run out */
        assert_false(can_collapse(MAP_SHARED, probe));
    if (private && huge_kibibytes(own) == 0)
        assert_false(can_collapse(MAP_PRIVATE | MAP_ANONYMOUS, -1));
    munmap(file, SIZE);
    munmap(own, SIZE);
    close(fd);
    close(probe);
}

static void what_is_smaller_than_a_huge_page_stays_as_it_is(void **state)
{
    (void)state;
    int fd = memory_file();
    void *mapping = pages_map(HUGE - 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    size_t done = 0;

    assert_true(mapping != MAP_FAILED);
    assert_false(pages_condense(mapping, HUGE - 1, &done));
    assert_int_equal(done, 0);
    munmap(mapping, HUGE - 1);
    close(fd);
}

static void a_file_that_cannot_be_mapped_is_an_error(void **state)
{
    (void)state;
    int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);

    assert_ptr_equal(pages_map(SIZE, PROT_READ, MAP_SHARED, fd), MAP_FAILED);
    assert_ptr_equal(pages_map(SIZE, PROT_READ, MAP_SHARED, -1), MAP_FAILED);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(condensed_memory_reads_the_same_in_every_mapping),
        cmocka_unit_test(huge_pages_are_had_where_the_kernel_has_them),
        cmocka_unit_test(what_is_smaller_than_a_huge_page_stays_as_it_is),
        cmocka_unit_test(a_file_that_cannot_be_mapped_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
