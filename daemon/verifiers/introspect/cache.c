/* SPDX-License-Identifier: Apache-2.0 */
/* A set-associative cache: the key selects a set of WAYS entries.  Keys are digests keyed with a
 * secret, so that nobody can aim at a set.  A full set evicts an entry that has ended, else its
 * oldest fail, else its oldest pass, so that guessed values do not evict valid ones. */
#include "daemon/verifiers/introspect/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8 };
#define SECOND INT64_C(1000000000)

/* An identity whose texts follow one another, each with its NUL. */
struct packed_identity {
    int64_t expires;
    char texts[];
};

struct entry {
    uint8_t key[CACHE_KEY];
    struct cache_time asked;
    int64_t lifetime;                /* seconds; 0: empty */
    int64_t valid_from, valid_until; /* of the result, like the next three */
    enum jeton_outcome outcome;
    enum jeton_reason reason;
    const char *client_message;
    struct packed_identity *identity; /* of a pass, owned; or NULL */
};

struct cache {
    pthread_mutex_t mutex; /* protects all below; held for a few microseconds */
    size_t sets;
    struct entry entry[];
};

struct cache *cache_new(size_t entries)
{
    size_t sets = (entries + WAYS - 1) / WAYS;
    struct cache *c = calloc(1, sizeof(*c) + sets * WAYS * sizeof(c->entry[0]));

    if (c == NULL)
        return NULL;
    c->sets = sets;
    pthread_mutex_init(&c->mutex, NULL);
    return c;
}

void cache_free(struct cache *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->sets * WAYS; i++)
        free(c->entry[i].identity);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

static struct entry *set_of(struct cache *c, const uint8_t key[CACHE_KEY])
{
    uint64_t number;

    memcpy(&number, key, sizeof(number));
    return &c->entry[number % c->sets * WAYS];
}

static bool is_live(const struct entry *e, struct cache_time at)
{
    return e->lifetime > 0 && e->valid_from <= at.now && at.now < e->valid_until &&
           e->asked.now <= at.now && at.now - e->asked.now < e->lifetime &&
           at.monotonic - e->asked.monotonic < e->lifetime * SECOND;
}

static const char *unpack(char *to, const char *from)
{
    size_t size = strlen(from) + 1;

    memcpy(to, from, size);
    return from + size;
}

static void read_entry(const struct entry *e, struct result *r)
{
    result_set(r, e->outcome, e->reason, e->client_message);
    r->valid_from = e->valid_from;
    r->valid_until = e->valid_until;
    if (e->identity == NULL)
        return;
    const char *next = e->identity->texts;
    r->identity.expires = e->identity->expires;
    next = unpack(r->identity.id, next);
    next = unpack(r->identity.subject, next);
    next = unpack(r->identity.issuer, next);
    unpack(r->identity.scopes, next);
}

bool cache_get(struct cache *c, const uint8_t key[CACHE_KEY], struct cache_time at,
               struct result *r)
{
    struct entry *set = set_of(c, key);
    bool found = false;

    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < WAYS && !found; i++)
        if (memcmp(set[i].key, key, CACHE_KEY) == 0 && is_live(&set[i], at)) {
            read_entry(&set[i], r);
            found = true;
        }
    pthread_mutex_unlock(&c->mutex);
    return found;
}

static char *pack(char *to, const char *from)
{
    size_t size = strlen(from) + 1;

    memcpy(to, from, size);
    return to + size;
}

static struct packed_identity *pack_identity(const struct jeton_identity *id)
{
    struct packed_identity *packed = malloc(sizeof(*packed) + strlen(id->id) + strlen(id->subject) +
                                            strlen(id->issuer) + strlen(id->scopes) + 4);

    if (packed == NULL)
        return NULL;
    packed->expires = id->expires;
    pack(pack(pack(pack(packed->texts, id->id), id->subject), id->issuer), id->scopes);
    return packed;
}

/* Return the rank of an entry; the one with the lowest is replaced. */
static int eviction_rank(const struct entry *e, const uint8_t key[CACHE_KEY], struct cache_time at)
{
    if (memcmp(e->key, key, CACHE_KEY) == 0)
        return 0;
    if (!is_live(e, at))
        return 1;
    return e->outcome == JETON_VERIFIER_PASS ? 3 : 2;
}

static struct entry *select_slot(struct entry *set, const uint8_t key[CACHE_KEY],
                                 struct cache_time at)
{
    struct entry *lowest = &set[0];

    for (size_t i = 1; i < WAYS; i++) {
        int rank = eviction_rank(&set[i], key, at), best = eviction_rank(lowest, key, at);
        if (rank < best || (rank == best && set[i].asked.monotonic < lowest->asked.monotonic))
            lowest = &set[i];
    }
    return lowest;
}

void cache_put(struct cache *c, const uint8_t key[CACHE_KEY], struct cache_time at, int64_t seconds,
               const struct result *r)
{
    struct entry new = { .asked = at,
                         .lifetime = seconds,
                         .valid_from = r->valid_from,
                         .valid_until = r->valid_until,
                         .outcome = r->outcome,
                         .reason = r->reason,
                         .client_message = r->client_message };

    memcpy(new.key, key, CACHE_KEY);
    if (r->outcome == JETON_VERIFIER_PASS)
        new.identity = pack_identity(&r->identity);
    if (r->outcome == JETON_VERIFIER_ERROR || seconds == 0 ||
        (r->outcome == JETON_VERIFIER_PASS && new.identity == NULL)) {
        free(new.identity);
        return;
    }
    pthread_mutex_lock(&c->mutex);
    struct entry *old = select_slot(set_of(c, key), key, at);
    struct packed_identity *evicted = old->identity;
    *old = new;
    pthread_mutex_unlock(&c->mutex);
    free(evicted);
}
