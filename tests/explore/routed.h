/* SPDX-License-Identifier: Apache-2.0 */
/* Route what real sources do to the explorer: included before each of them by the compiler's
 * -include.  Plain accesses come through the calls that -fsanitize=thread adds. */
#ifndef JETON_EXPLORE_ROUTED_H
#define JETON_EXPLORE_ROUTED_H

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* Where an access is: the function, and its first argument as it is written. */
struct routed_place {
    const char *function;
    const char *expression;
};

enum routed_change { ROUTED_ADD, ROUTED_SUB, ROUTED_OR, ROUTED_AND, ROUTED_EXCHANGE };

uint64_t routed_load(const volatile void *at, size_t size, memory_order order,
                     struct routed_place place);
void routed_store(volatile void *at, size_t size, uint64_t value, memory_order order,
                  struct routed_place place);
uint64_t routed_change(volatile void *at, size_t size, enum routed_change change, uint64_t operand,
                       memory_order order, struct routed_place place);
void routed_fence(memory_order order, struct routed_place place);
int routed_lock(pthread_mutex_t *mutex, struct routed_place place);
int routed_unlock(pthread_mutex_t *mutex, struct routed_place place);

void *routed_allocate(size_t alignment, size_t size);
void routed_free(void *at);
void *routed_copy(void *to, const void *from, size_t size);
int routed_compare(const void *a, const void *b, size_t size);
void *routed_mmap(size_t size, int flags, int fd);
int routed_munmap(void *at, size_t size);
int routed_memfd(void);
int routed_open(const char *path);
int routed_close(int fd);
int routed_fcntl(int fd, int what);
int routed_fstat(int fd, struct stat *st);
int routed_fstatfs(int fd, struct statfs *st);
int routed_clock(clockid_t id, struct timespec *t);
int routed_cpu(void);

#ifndef ROUTED_IMPLEMENTATION

#define ROUTED_PLACE(object) \
    (struct routed_place)    \
    {                        \
        __func__, #object    \
    }
#define ROUTED_TYPE(object) __typeof__((void)0, *(object))

#undef atomic_load
#undef atomic_load_explicit
#undef atomic_store
#undef atomic_store_explicit
#undef atomic_fetch_add
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and
#undef atomic_fetch_and_explicit
#undef atomic_exchange
#undef atomic_exchange_explicit
#undef atomic_thread_fence

#define atomic_load_explicit(object, order) \
    ((ROUTED_TYPE(object))routed_load(object, sizeof(*(object)), order, ROUTED_PLACE(object)))
#define atomic_store_explicit(object, value, order)                                        \
    routed_store(object, sizeof(*(object)), (uint64_t)(ROUTED_TYPE(object))(value), order, \
                 ROUTED_PLACE(object))
#define ROUTED_CHANGE(object, what, operand, order)                                           \
    ((ROUTED_TYPE(object))routed_change(object, sizeof(*(object)), what, (uint64_t)(operand), \
                                        order, ROUTED_PLACE(object)))
#define atomic_fetch_add_explicit(object, n, order) ROUTED_CHANGE(object, ROUTED_ADD, n, order)
#define atomic_fetch_sub_explicit(object, n, order) ROUTED_CHANGE(object, ROUTED_SUB, n, order)
#define atomic_fetch_or_explicit(object, n, order) ROUTED_CHANGE(object, ROUTED_OR, n, order)
#define atomic_fetch_and_explicit(object, n, order) ROUTED_CHANGE(object, ROUTED_AND, n, order)
#define atomic_exchange_explicit(object, n, order) ROUTED_CHANGE(object, ROUTED_EXCHANGE, n, order)
#define atomic_load(object) atomic_load_explicit(object, memory_order_seq_cst)
#define atomic_store(object, value) atomic_store_explicit(object, value, memory_order_seq_cst)
#define atomic_fetch_add(object, n) atomic_fetch_add_explicit(object, n, memory_order_seq_cst)
#define atomic_fetch_sub(object, n) atomic_fetch_sub_explicit(object, n, memory_order_seq_cst)
#define atomic_fetch_or(object, n) atomic_fetch_or_explicit(object, n, memory_order_seq_cst)
#define atomic_fetch_and(object, n) atomic_fetch_and_explicit(object, n, memory_order_seq_cst)
#define atomic_exchange(object, n) atomic_exchange_explicit(object, n, memory_order_seq_cst)
#define atomic_thread_fence(order) routed_fence(order, ROUTED_PLACE(fence))

#define pthread_mutex_init(mutex, attributes) ((void)(mutex))
#define pthread_mutex_destroy(mutex) ((void)(mutex))
#define pthread_mutex_lock(mutex) routed_lock(mutex, ROUTED_PLACE(mutex))
#define pthread_mutex_unlock(mutex) routed_unlock(mutex, ROUTED_PLACE(mutex))

#define malloc(size) routed_allocate(16, size)
#define calloc(count, size) routed_allocate(16, (count) * (size))
#define aligned_alloc(alignment, size) routed_allocate(alignment, size)
#define free(at) routed_free(at)
#define memcpy(to, from, size) routed_copy(to, from, size)
#define memcmp(a, b, size) routed_compare(a, b, size)

#define mmap(at, size, protection, flags, fd, offset) routed_mmap(size, flags, fd)
#define munmap(at, size) routed_munmap(at, size)
#define madvise(at, size, advice) ((void)(at), (void)(size), 0)
#define memfd_create(name, flags) routed_memfd()
#define ftruncate(fd, size) ((void)(fd), (void)(size), 0)
#define fchmod(fd, mode) ((void)(fd), 0)
#define open(path, ...) routed_open(path)
#define close(fd) routed_close(fd)
#define fcntl(fd, what, ...) routed_fcntl(fd, what)
#define fstat(fd, st) routed_fstat(fd, st)
#define fstatfs(fd, st) routed_fstatfs(fd, st)
#define clock_gettime(id, t) routed_clock(id, t)
#define sched_getcpu() routed_cpu()

#endif

#endif
