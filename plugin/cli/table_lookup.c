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
    SLOTS_AT_ONCE = 1024,
};

struct search {
    int fd;
    uint32_t slots;
    bool has_fleet;
    const char *digits;
    int max;
    int found;
    char (*id)[ID_TEXT + 1];
};

static bool read_header(struct search *s)
{
    struct table_header h;
    struct stat st;

    if (fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        pread(s->fd, &h, sizeof(h), 0) != sizeof(h))
        return false;
    s->slots = table_slot_count(h.layout, h.slots);
    s->has_fleet = h.layout >= TABLE_LAYOUT_FLEET;
    return h.magic == TABLE_MAGIC && h.layout >= TABLE_LAYOUT &&
           h.layout <= TABLE_LAYOUT_FLEET_SHA256 && h.state == TABLE_LIVE &&
           h.slots_offset == TABLE_HEADER_SIZE && s->slots != 0;
}

/* Return the home slot of a digest that begins with these digits, and continues with `fill`. */
static uint32_t home(uint32_t slots, const char *digits, char fill)
{
    char padded[HOME_DIGITS];
    uint8_t bytes[HOME_DIGITS / 2];

    memset(padded, fill, sizeof(padded));
    memcpy(padded, digits, strnlen(digits, sizeof(padded)));
    hex_parse((struct slice){ padded, sizeof(padded) }, bytes, sizeof(bytes));
    return table_home_plain(slots, bytes);
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

/* Keep the identifier in a slot if it begins with the digits. */
static void look(struct search *s, const struct table_slot *slot)
{
    char candidate[ID_TEXT + 1];

    write_id(slot, candidate);
    if ((slot->flags & SLOT_PRESENT) && slice_begins(slice_of(candidate), s->digits))
        memcpy(s->id[s->found++], candidate, sizeof(candidate));
}

/* Search from the first home slot on that a digest with these first digits may have, to behind the last one. */
static bool search_near(struct search *s)
{
    const uint32_t first = home(s->slots, s->digits, '0'), last = home(s->slots, s->digits, 'f');
    struct table_slot slot;

    for (uint32_t i = 0; i < s->slots && s->found < s->max; i++) {
        if (i == SLOTS_READ_MAX || !read_slot(s->fd, (first + i) % s->slots, &slot))
            return false;
        if (slot.flags == 0 && first + i >= last)
            break;
        look(s, &slot);
    }
    return true;
}

/* Search everywhere, as the table of a host in a fleet has tokens in no order that follows from their first
 * digits.  Most slots are read once: only one that is being written, or may be wanted, is read again. */
static bool search_all(struct search *s)
{
    static struct table_slot some[SLOTS_AT_ONCE];
    struct table_slot slot;
    char candidate[ID_TEXT + 1];

    for (uint32_t at = 0; at < s->slots && s->found < s->max; at += SLOTS_AT_ONCE) {
        uint32_t count = s->slots - at < SLOTS_AT_ONCE ? s->slots - at : SLOTS_AT_ONCE;
        size_t len = count * sizeof(slot);
        if (pread(s->fd, some, len, TABLE_HEADER_SIZE + (off_t)at * (off_t)sizeof(slot)) !=
            (ssize_t)len)
            return false;
        for (uint32_t i = 0; i < count && s->found < s->max; i++) {
            write_id(&some[i], candidate);
            if ((some[i].sequence & 1) == 0 && ((some[i].flags & SLOT_PRESENT) == 0 ||
                                                !slice_begins(slice_of(candidate), s->digits)))
                continue;
            if (!read_slot(s->fd, at + i, &slot))
                return false;
            look(s, &slot);
        }
    }
    return true;
}

int cli_table_lookup_find(int fd, const char *digits, char (*id)[ID_TEXT + 1], int max)
{
    struct search s = { .fd = fd, .digits = digits, .id = id, .max = max };

    if (!read_header(&s) || !(s.has_fleet ? search_all(&s) : search_near(&s)))
        return -1;
    return s.found;
}
