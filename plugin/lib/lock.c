/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "plugin/lib/deadline.h"

bool lock_try(struct lock *lock)
{
    uint32_t unlocked = 0;

    return atomic_compare_exchange_strong(&lock->state, &unlocked, 1);
}

bool lock_take(struct lock *lock, int64_t deadline)
{
    if (lock_try(lock))
        return true;
    while (atomic_exchange(&lock->state, 2) != 0) {
        int64_t left = deadline - deadline_now();
        struct timespec wait = { left / 1000, left % 1000 * 1000000 };
        if (left <= 0)
            return false;
        syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, 2, &wait);
    }
    return true;
}

void lock_release(struct lock *lock)
{
    if (atomic_exchange(&lock->state, 0) == 2)
        syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1);
}
