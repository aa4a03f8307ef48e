/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/slot_count.h"

enum { STEP = 1 << TABLE_BITS_MIN }; /* of those above, and the least */

/* Hundredths of the slots that are in use. */
enum { LOAD_AT_START = 65, LOAD_AFTER_GROWTH = TABLE_LOAD_MAX * 8 / 9 };

static uint32_t slot_count(uint64_t tokens, unsigned load)
{
    uint64_t wanted = (tokens * 100 / load + STEP) / STEP * STEP, power = STEP;

    if (wanted > SLOT_COUNT_MAX)
        return SLOT_COUNT_MAX;
    while (power < wanted)
        power *= 2;
    return (uint32_t)(power <= SLOT_COUNT_POWERS ? power : wanted);
}

uint32_t slot_count_at_start(uint64_t tokens)
{
    return slot_count(tokens, LOAD_AT_START);
}

uint32_t slot_count_after_growth(uint64_t tokens)
{
    return slot_count(tokens, LOAD_AFTER_GROWTH);
}
