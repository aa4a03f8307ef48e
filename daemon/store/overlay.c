/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of numbers of entries, the entries in order, and their bytes in chunks of memory that
 * are freed together.  Keys are in part of others' choosing, so the hash has a secret key.  All of it is in
 * mappings of its own: in the C library's heaps it would stay after many changes, some 10 MiB. */
#include "daemon/store/overlay.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "daemon/base/page_array.h"

enum { SLOTS_MIN = 1024, CHUNK = 64 * 1024, ALIGN = 16 };

struct entry {
    uint64_t hash;
    char *key;
    char *value;
    uint32_t key_len;
    uint32_t len;
    uint32_t capacity; /* of the value's memory */
    bool removed;
    bool added;
};

struct chunk {
    struct chunk *next;
    size_t size; /* of the mapping */
    size_t used; /* this included */
};

struct overlay {
    struct entry *entry;
    size_t count;
    size_t capacity;     /* of entries */
    uint32_t *slot;      /* number of the entry, from 1 on; 0: none */
    size_t slots;        /* a power of two; at most half are used */
    struct chunk *chunk; /* the newest one */
    size_t bytes;        /* of all chunks */
};

static size_t aligned(size_t len)
{
    return (len + ALIGN - 1) / ALIGN * ALIGN;
}

/* One for all, so that merging needs no new hashes. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint8_t secret[crypto_shorthash_KEYBYTES];

static void make_secret(void)
{
    crypto_shorthash_keygen(secret);
}

static uint32_t *new_slots(size_t slots)
{
    size_t capacity = 0;

    return page_array_grow(NULL, &capacity, sizeof(uint32_t), slots);
}

struct overlay *overlay_new(void)
{
    struct overlay *o = calloc(1, sizeof(*o));

    if (o == NULL)
        return NULL;
    o->slots = SLOTS_MIN;
    o->slot = new_slots(o->slots);
    if (o->slot == NULL) {
        free(o);
        return NULL;
    }
    pthread_once(&once, make_secret);
    return o;
}

/* Free all chunks but the oldest one, which may be kept. */
static void free_chunks(struct overlay *o, bool keep)
{
    struct chunk *next;

    for (; o->chunk != NULL && !(keep && o->chunk->next == NULL); o->chunk = next) {
        next = o->chunk->next;
        o->bytes -= o->chunk->size;
        munmap(o->chunk, o->chunk->size);
    }
    if (o->chunk != NULL)
        o->chunk->used = aligned(sizeof(*o->chunk));
}

void overlay_free(struct overlay *o)
{
    if (o == NULL)
        return;
    free_chunks(o, false);
    page_array_free(o->entry, o->capacity, sizeof(*o->entry));
    page_array_free(o->slot, o->slots, sizeof(*o->slot));
    free(o);
}

void overlay_clear(struct overlay *o)
{
    if (o->count > 0)
        memset(o->slot, 0, o->slots * sizeof(*o->slot));
    o->count = 0;
    free_chunks(o, o->chunk != NULL && o->bytes <= 16 * CHUNK);
}

size_t overlay_count(const struct overlay *o)
{
    return o->count;
}

size_t overlay_bytes(const struct overlay *o)
{
    return o->bytes + o->capacity * sizeof(*o->entry) + o->slots * sizeof(*o->slot);
}

/* -- memory ----------------------------------------------------------------------------------- */

/* Have so many bytes in the newest chunk.  Its pages are faulted in at once, which costs less than one by one. */
static bool reserve_bytes(struct overlay *o, size_t bytes)
{
    const size_t head = aligned(sizeof(struct chunk));
    size_t size = (bytes + head + CHUNK - 1) / CHUNK * CHUNK;

    if (o->chunk != NULL && o->chunk->size - o->chunk->used >= bytes)
        return true;
    struct chunk *chunk = mmap(NULL, size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (chunk == MAP_FAILED)
        return false;
    *chunk = (struct chunk){ .next = o->chunk, .size = size, .used = head };
    o->chunk = chunk;
    o->bytes += size;
    return true;
}

static char *allocate(struct overlay *o, size_t len)
{
    if (!reserve_bytes(o, aligned(len)))
        return NULL;
    char *at = (char *)o->chunk + o->chunk->used;
    o->chunk->used += aligned(len);
    return at;
}

/* Return the slot of a key: its own, or the empty one where it goes. */
static uint32_t *slot_of(const struct overlay *o, uint64_t hash, struct slice key)
{
    for (size_t i = hash & (o->slots - 1);; i = (i + 1) & (o->slots - 1)) {
        const struct entry *e = &o->entry[o->slot[i] - (o->slot[i] > 0)];
        if (o->slot[i] == 0 ||
            (e->hash == hash && e->key_len == key.len && memcmp(e->key, key.at, key.len) == 0))
            return &o->slot[i];
    }
}

static bool resize_table(struct overlay *o, size_t entries)
{
    size_t slots = o->slots;

    while (slots < 2 * entries)
        slots *= 2;
    if (slots == o->slots)
        return true;
    uint32_t *slot = new_slots(slots);
    if (slot == NULL)
        return false;
    page_array_free(o->slot, o->slots, sizeof(*o->slot));
    o->slot = slot;
    o->slots = slots;
    for (size_t i = 0; i < o->count; i++) {
        const struct entry *e = &o->entry[i];
        *slot_of(o, e->hash, (struct slice){ e->key, e->key_len }) = (uint32_t)i + 1;
    }
    return true;
}

static bool reserve_entries(struct overlay *o, size_t entries)
{
    if (entries > UINT32_MAX / 2 || !resize_table(o, entries))
        return false;
    struct entry *entry = page_array_grow(o->entry, &o->capacity, sizeof(*entry), entries);
    if (entry == NULL)
        return false;
    o->entry = entry;
    return true;
}

/* -- entries ---------------------------------------------------------------------------------- */

static uint64_t hash_of(struct slice key)
{
    uint64_t hash;

    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)key.at, key.len, secret);
    return hash;
}

/* Find the entry of a key; NULL: there is none. */
static struct entry *find(const struct overlay *o, uint64_t hash, struct slice key)
{
    uint32_t number = o->count > 0 ? *slot_of(o, hash, key) : 0;

    return number > 0 ? &o->entry[number - 1] : NULL;
}

/* Find the entry of a key, or add one.  NULL: no memory. */
static struct entry *find_or_add(struct overlay *o, uint64_t hash, struct slice key)
{
    struct entry *found = find(o, hash, key);

    if (found != NULL || !reserve_entries(o, o->count + 1))
        return found;
    struct entry e = { .hash = hash, .key_len = (uint32_t)key.len, .key = allocate(o, key.len) };
    if (e.key == NULL)
        return NULL;
    memcpy(e.key, key.at, key.len);
    *slot_of(o, hash, key) = (uint32_t)o->count + 1;
    o->entry[o->count] = e;
    return &o->entry[o->count++];
}

/* Return the bytes that a new value needs.  A value that grows gets twice its length: a block of the
 * journal does so with each commit. */
static size_t bytes_for(const struct entry *e, size_t len)
{
    if (e == NULL || e->value == NULL)
        return aligned(len);
    return len <= e->capacity ? 0 : aligned(2 * len);
}

static bool put(struct overlay *o, uint64_t hash, struct slice key, struct slice value, bool added)
{
    struct entry *e = find(o, hash, key);
    size_t bytes = bytes_for(e, value.len);

    /* before the key is noted, so that all is noted or nothing */
    if (key.len > UINT16_MAX || value.len > UINT32_MAX / 4 ||
        !reserve_bytes(o, bytes + (e == NULL ? aligned(key.len) : 0)))
        return false;
    if (e == NULL && (e = find_or_add(o, hash, key)) != NULL)
        e->added = added;
    if (e == NULL)
        return false;
    if (bytes > 0) {
        e->value = allocate(o, bytes);
        e->capacity = (uint32_t)bytes;
    }
    if (value.len > 0)
        memcpy(e->value, value.at, value.len);
    e->len = (uint32_t)value.len;
    e->removed = false;
    return true;
}

bool overlay_put(struct overlay *o, struct slice key, struct slice value)
{
    return put(o, hash_of(key), key, value, false);
}

bool overlay_add(struct overlay *o, struct slice key, struct slice value)
{
    return put(o, hash_of(key), key, value, true);
}

static bool note_removed(struct overlay *o, uint64_t hash, struct slice key)
{
    struct entry *e = find_or_add(o, hash, key);

    if (e == NULL)
        return false;
    e->removed = true;
    e->len = 0;
    return true;
}

bool overlay_remove(struct overlay *o, struct slice key)
{
    return note_removed(o, hash_of(key), key);
}

enum overlay_found overlay_find(const struct overlay *o, struct slice key, struct slice *value)
{
    const struct entry *e = o->count > 0 ? find(o, hash_of(key), key) : NULL;

    if (e == NULL)
        return OVERLAY_NOTHING;
    *value = (struct slice){ e->value, e->len };
    return e->removed ? OVERLAY_REMOVED : OVERLAY_VALUE;
}

bool overlay_next(const struct overlay *o, size_t *at, struct overlay_entry *entry)
{
    if (*at >= o->count)
        return false;
    const struct entry *e = &o->entry[(*at)++];
    *entry = (struct overlay_entry){
        .key = { e->key, e->key_len },
        .value = { e->value, e->len },
        .removed = e->removed,
        .added = e->added,
    };
    return true;
}

/* -- merging ---------------------------------------------------------------------------------- */

bool overlay_reserve(struct overlay *o, const struct overlay *newer)
{
    size_t bytes = 0;

    for (size_t i = 0; i < newer->count; i++) {
        const struct entry *e = &newer->entry[i];
        const struct entry *older = find(o, e->hash, (struct slice){ e->key, e->key_len });
        bytes += bytes_for(older, e->len) + (older == NULL ? aligned(e->key_len) : 0);
    }
    return reserve_entries(o, o->count + newer->count) && reserve_bytes(o, bytes);
}

void overlay_merge(struct overlay *o, const struct overlay *newer)
{
    for (size_t i = 0; i < newer->count; i++) {
        const struct entry *e = &newer->entry[i];
        const struct slice key = { e->key, e->key_len };
        bool done = e->removed ? note_removed(o, e->hash, key) :
                                 put(o, e->hash, key, (struct slice){ e->value, e->len }, e->added);
        if (!done)
            abort(); /* our own bug: it was reserved */
    }
}
