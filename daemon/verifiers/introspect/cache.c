/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of WAYS entries, chosen by the key, which is keyed with a secret: nobody can aim at a set.
 * In a full set an entry that is over makes room, then the oldest fail, then the oldest pass, so
 * that guesses at tokens do not push out good ones. */
#include "daemon/verifiers/introspect/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8 };
#define SECOND INT64_C(1000000000)

/* An identity's texts as they are kept, one behind the other, each with its NUL. */
struct kept {
    int64_t expires;
    char texts[];
};

struct entry {
    uint8_t key[CACHE_KEY];
    struct moment asked;
    int64_t lifetime; /* seconds; 0: empty */
    int64_t from, to; /* of the judgement, as are the next three */
    enum jeton_outcome outcome;
    enum jeton_reason reason;
    const char *said;
    struct kept *kept; /* of a pass, owned; or NULL */
};

struct cache {
    pthread_mutex_t mutex; /* of all below; held for a few microseconds */
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
        free(c->entry[i].kept);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

static struct entry *set_of(struct cache *c, const uint8_t key[CACHE_KEY])
{
    uint64_t number;

    memcpy(&number, key, sizeof(number));
    return &c->entry[number % c->sets * WAYS];
}

static bool is_live(const struct entry *e, struct moment at)
{
    return e->lifetime > 0 && e->from <= at.now && at.now < e->to && e->asked.now <= at.now &&
           at.now - e->asked.now < e->lifetime &&
           at.monotonic - e->asked.monotonic < e->lifetime * SECOND;
}

static const char *unpack(char *to, const char *from)
{
    size_t size = strlen(from) + 1;

    memcpy(to, from, size);
    return from + size;
}

static void read_entry(const struct entry *e, struct result *j)
{
    result_set(j, e->outcome, e->reason, e->said);
    j->from = e->from;
    j->to = e->to;
    if (e->kept == NULL)
        return;
    const char *next = e->kept->texts;
    j->identity.expires = e->kept->expires;
    next = unpack(j->identity.id, next);
    next = unpack(j->identity.subject, next);
    next = unpack(j->identity.issuer, next);
    unpack(j->identity.scopes, next);
}

bool cache_get(struct cache *c, const uint8_t key[CACHE_KEY], struct moment at, struct result *j)
{
    struct entry *set = set_of(c, key);
    bool found = false;

    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < WAYS && !found; i++)
        if (memcmp(set[i].key, key, CACHE_KEY) == 0 && is_live(&set[i], at)) {
            read_entry(&set[i], j);
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

static struct kept *keep(const struct jeton_identity *id)
{
    struct kept *k = malloc(sizeof(*k) + strlen(id->id) + strlen(id->subject) + strlen(id->issuer) +
                            strlen(id->scopes) + 4);

    if (k == NULL)
        return NULL;
    k->expires = id->expires;
    pack(pack(pack(pack(k->texts, id->id), id->subject), id->issuer), id->scopes);
    return k;
}

/* The lower, the sooner it makes room. */
static int worth(const struct entry *e, const uint8_t key[CACHE_KEY], struct moment at)
{
    if (memcmp(e->key, key, CACHE_KEY) == 0)
        return 0;
    if (!is_live(e, at))
        return 1;
    return e->outcome == JETON_VERIFIER_PASS ? 3 : 2;
}

static struct entry *victim(struct entry *set, const uint8_t key[CACHE_KEY], struct moment at)
{
    struct entry *best = &set[0];

    for (size_t i = 1; i < WAYS; i++) {
        int mine = worth(&set[i], key, at), its = worth(best, key, at);
        if (mine < its || (mine == its && set[i].asked.monotonic < best->asked.monotonic))
            best = &set[i];
    }
    return best;
}

void cache_put(struct cache *c, const uint8_t key[CACHE_KEY], struct moment at, int64_t seconds,
               const struct result *j)
{
    struct entry new = { .asked = at,
                         .lifetime = seconds,
                         .from = j->from,
                         .to = j->to,
                         .outcome = j->outcome,
                         .reason = j->reason,
                         .said = j->said };

    memcpy(new.key, key, CACHE_KEY);
    if (j->outcome == JETON_VERIFIER_PASS)
        new.kept = keep(&j->identity);
    if (j->outcome == JETON_VERIFIER_ERROR || seconds == 0 ||
        (j->outcome == JETON_VERIFIER_PASS && new.kept == NULL)) {
        free(new.kept);
        return;
    }
    pthread_mutex_lock(&c->mutex);
    struct entry *old = victim(set_of(c, key), key, at);
    struct kept *over = old->kept;
    *old = new;
    pthread_mutex_unlock(&c->mutex);
    free(over);
}
