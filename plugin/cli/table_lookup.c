/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/table_lookup.h"

#include <sys/stat.h>
#include <unistd.h>

#include "proto/table.h"

enum {
    TRIES = 100,
    HOME_DIGITS = 8,
    SLOTS_READ_MAX =
        65536, /* no run of used slots is that long in a table of which a third is empty */
};

/* The home slots that a digest with these first digits may have. */
struct range {
    uint32_t slots;
    uint32_t first, last;
};

static bool read_header(int fd, uint32_t *slots)
{
    struct table_header h;
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || pread(fd, &h, sizeof(h), 0) != sizeof(h))
        return false;
    *slots = table_slot_count(h.layout, h.slots);
    return h.magic == TABLE_MAGIC && h.layout >= TABLE_LAYOUT &&
           h.layout <= TABLE_LAYOUT_FLEET_SHA256 && h.state == TABLE_LIVE &&
           h.slots_offset == TABLE_HEADER_SIZE && *slots != 0;
}

/* Return the home slot of a digest that begins with these digits, and continues with `fill`. */
static uint32_t home(uint32_t slots, const char *digits, char fill)
{
    char padded[HOME_DIGITS];
    uint8_t bytes[HOME_DIGITS / 2];

    memset(padded, fill, sizeof(padded));
    memcpy(padded, digits, strnlen(digits, sizeof(padded)));
    hex_parse((struct slice){ padded, sizeof(padded) }, bytes, sizeof(bytes));
    return table_home(slots, bytes);
}

/* Read a slot until two reads are equal, so that the writer did not change it in between. */
static bool read_slot(int fd, uint32_t at, struct table_slot *slot)
{
    off_t offset = TABLE_HEADER_SIZE + (off_t)at * (off_t)sizeof(*slot);
    struct table_slot again;

    for (int tries = 0; tries < TRIES; tries++) {
        if (pread(fd, slot, sizeof(*slot), offset) != sizeof(*slot) ||
            pread(fd, &again, sizeof(again), offset) != sizeof(again))
            return false;
        if ((slot->sequence & 1) == 0 && memcmp(slot, &again, sizeof(again)) == 0)
            return true;
    }
    return false;
}

static void write_id(const struct table_slot *slot, char id[ID_TEXT + 1])
{
    struct text t = text_in(id, ID_TEXT);

    text_add_hex(&t, (const uint8_t *)slot->digest, ID_SIZE);
    id[ID_TEXT] = '\0';
}

int cli_table_lookup_find(int fd, const char *digits, char (*id)[ID_TEXT + 1], int max)
{
    struct range r;
    struct table_slot slot;
    char candidate[ID_TEXT + 1];
    int found = 0;

    if (!read_header(fd, &r.slots))
        return -1;
    r.first = home(r.slots, digits, '0');
    r.last = home(r.slots, digits, 'f');
    for (uint32_t i = 0; i < r.slots && found < max; i++) {
        if (i == SLOTS_READ_MAX || !read_slot(fd, (r.first + i) % r.slots, &slot))
            return -1;
        if (slot.flags == 0 && r.first + i >= r.last)
            break;
        write_id(&slot, candidate);
        if ((slot.flags & SLOT_PRESENT) && slice_begins(slice_of(candidate), digits))
            memcpy(id[found++], candidate, sizeof(candidate));
    }
    return found;
}
