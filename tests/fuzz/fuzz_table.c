/* SPDX-License-Identifier: Apache-2.0 */
/* A table as a hostile daemon may hand it to a client: a good one, with changes, in a memfd with
 * seals or without.
 *
 *     input = flags (which seals, how long), then patches { offset (2 bytes), length (1), bytes }
 *
 * Whatever is in there, a value passes only if a slot with its whole digest says so. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "daemon/publish.h"
#include "plugin/view.h"
#include "proto/scopes.h"
#include "proto/token.h"
#include "tests/fuzz/clock.h"

enum { TOKENS = 12, ARENA = 512, MORE = 4096 };

#define NOW INT64_C(1800000000)
#define UPTIME INT64_C(1000000000000)

enum { IMAGE = TABLE_HEADER_SIZE + (sizeof(struct table_slot) << TABLE_BITS_MIN) + ARENA };

static char good_image[IMAGE];
static unsigned passes;
_Alignas(64) static char image[IMAGE + MORE];

static void value_numbered(unsigned number, char value[40])
{
    snprintf(value, 40, "fuzzed-value-%020u", number);
}

/* Every kind of token there is; the values from TOKENS on are in no table. */
static void add(struct publisher *p, unsigned number)
{
    struct record r = { .serial = number + 1, .created = 1, .expires = TIME_NEVER };
    char value[40];

    value_numbered(number, value);
    token_digest(slice_of(value), r.digest);
    r.revoked = number % 6 == 1 ? 5 : 0;
    r.disabled = number % 6 == 2 ? 5 : 0;
    r.activates = number % 6 == 3 ? NOW + 60 : TIME_ALWAYS;
    r.expires = number % 6 == 4 ? NOW - 1 : number % 6 == 5 ? NOW + 1 : TIME_NEVER;
    record_set_subject(&r, slice_of(number % 2 == 0 ? "alice" : "bob"));
    record_set_scopes(&r, slice_of(number % 3 == 0 ? "read,write" : "read"));
    MUST(publish_reserve(p, 1, r.subject_len + r.scopes_len) == 0);
    publish_put(p, &r);
}

/* A table as the publisher makes it, with a shorter arena. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct table_header *h = (struct table_header *)image;
    uint64_t size, generation;

    (void)argc;
    (void)argv;
    MUST(sodium_init() >= 0);
    struct publisher *p = publish_new("jtn", 0);
    MUST(p != NULL);
    for (unsigned i = 0; i < TOKENS; i++)
        add(p, i);
    int fd = publish_descriptor(p, &size, &generation);
    MUST(fd >= 0 && pread(fd, image, IMAGE, 0) == IMAGE);
    MUST(h->slot_bits == TABLE_BITS_MIN);
    h->arena_size = ARENA;
    h->total_size = IMAGE;
    h->lease = UPTIME + INT64_C(5000000000);
    memcpy(good_image, image, IMAGE);
    close(fd);
    publish_free(p);
    return 0;
}

/* -- what a pass needs, by a look at the bytes -------------------------------------------- */

static bool string_at(const struct table_header *h, uint32_t reference, struct slice *string)
{
    size_t at = h->arena_offset + reference;
    uint16_t len;

    if (at + sizeof(len) > h->total_size)
        return false;
    memcpy(&len, image + at, sizeof(len));
    *string = (struct slice){ image + at + sizeof(len), len };
    return at + sizeof(len) + len <= h->total_size;
}

static bool slot_grants(const struct table_header *h, const struct table_slot *s,
                        const struct question *q, const uint8_t digest[DIGEST_SIZE])
{
    struct slice subject, scopes;

    if ((s->sequence & 1) || !(s->flags & SLOT_PRESENT) ||
        (s->flags & (SLOT_REVOKED | SLOT_DISABLED)) ||
        memcmp(s->digest, digest, DIGEST_SIZE) != 0 || s->activates > NOW || s->expires <= NOW)
        return false;
    return string_at(h, s->subject, &subject) && string_at(h, s->scopes, &scopes) &&
           (q->subject.at == NULL || slice_equal(subject, q->subject)) &&
           scopes_include(scopes, q->scopes);
}

static bool image_grants(const struct question *q)
{
    const struct table_header *h = (const void *)image;
    const struct table_slot *slots = (const void *)(image + TABLE_HEADER_SIZE);
    uint8_t digest[DIGEST_SIZE];

    token_digest(q->value, digest);
    if (h->state != TABLE_LIVE || h->lease <= UPTIME || h->lease - UPTIME > INT64_C(6000000000))
        return false;
    for (uint32_t i = 0; i >> h->slot_bits == 0; i++)
        if (slot_grants(h, &slots[i], q, digest))
            return true;
    return false;
}

/* -- asking ------------------------------------------------------------------------------- */

static bool ends_within(const char *text, size_t room)
{
    return memchr(text, '\0', room) != NULL;
}

static void check_claims(const struct jeton_claims *c, bool good, const struct verdict *v)
{
    MUST(ends_within(c->id, sizeof(c->id)) && ends_within(c->verifier, sizeof(c->verifier)));
    MUST(ends_within(c->subject, sizeof(c->subject)) && ends_within(c->scopes, sizeof(c->scopes)));
    MUST(c->source == (good ? JETON_TABLE : JETON_NOBODY));
    MUST(good || (c->id[0] == '\0' && c->subject[0] == '\0' && c->scopes[0] == '\0'));
    MUST((good && v->status == STATUS_OK) == (c->verifier[0] != '\0'));
}

static void ask(struct view *view, bool final, unsigned number, const char *scope,
                const char *subject)
{
    static struct view_gate gate;
    static struct view_uses uses;
    struct views views = { .retired = NULL };
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    char value[40];
    struct question q = { .scopes = { NULL, 0 } };
    struct verdict v;
    int64_t now;

    value_numbered(number, value);
    q.value = slice_of(value);
    if (scope != NULL)
        q.scopes = slice_of(scope);
    if (subject != NULL)
        q.subject = slice_of(subject);
    atomic_store(&views.current, view);
    bool good = view_ask(&views, &gate, &uses, &q, &v, &now, &claims);
    check_claims(&claims, good, &v);
    MUST(!good || now == NOW);
    MUST(!good || v.status == STATUS_OK || final);
    if (!good || v.status != STATUS_OK)
        return;
    passes++;
    MUST(image_grants(&q));
}

static void ask_all(struct view *view, bool final)
{
    for (unsigned i = 0; i < TOKENS + 2; i++) {
        ask(view, final, i, NULL, NULL);
        ask(view, final, i, "write", NULL);
        ask(view, final, i, NULL, i % 2 == 0 ? "alice" : "");
    }
}

/* -- making it ---------------------------------------------------------------------------- */

static int make_file(size_t size, unsigned flags)
{
    static const int wanted = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    int fd = memfd_create("fuzzed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int seals = wanted | F_SEAL_WRITE;

    MUST(fd >= 0 && pwrite(fd, image, size, 0) == (ssize_t)size);
    if (flags & 1)
        seals = wanted & ~(flags & 2 ? F_SEAL_SHRINK : F_SEAL_SEAL);
    MUST(fcntl(fd, F_ADD_SEALS, seals) == 0);
    return fd;
}

static void patch(struct feed *feed, size_t size)
{
    while (feed->left > 0) {
        size_t at = feed_short(feed), len = feed_byte(feed);
        struct slice bytes = feed_bytes(feed, len);
        if (at < size)
            memcpy(image + at, bytes.at, bytes.len < size - at ? bytes.len : size - at);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct feed feed = { input, len };
    unsigned flags = feed_byte(&feed), cut = flags & 8 ? feed_short(&feed) : 0;
    struct view_terms terms = { .final = (flags & 4) != 0 };
    struct view *view;

    fuzz_clock.wall = NOW;
    fuzz_clock.uptime = UPTIME / 1000000000;
    fuzz_clock.ours = true;
    memset(image, 0, sizeof(image));
    memcpy(image, good_image, IMAGE);
    size_t size = flags & 8 ? IMAGE + MORE - (cut < IMAGE + MORE ? cut : IMAGE + MORE) : IMAGE;
    patch(&feed, size);
    int fd = make_file(size, flags);
    const char *fault = view_open(fd, size + (flags & 16 ? 1 : 0), &terms, &view);
    MUST((fault == NULL) == (view != NULL));
    MUST(fault != NULL || !(flags & (1 | 16)));
    passes = 0;
    if (view != NULL) {
        ask_all(view, terms.final);
        view_close(view);
    }
    MUST(len > 1 || (passes > 0) == !(flags & (1 | 8 | 16)));
    close(fd);
    fuzz_clock.ours = false;
    return 0;
}
