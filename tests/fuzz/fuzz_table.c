/* SPDX-License-Identifier: Apache-2.0 */
/* A table as a hostile daemon may hand it to a client: a good one, with changes, in a memfd with
 * seals or without.
 *
 *     input = flags (which seals, how long), then patches { offset (2 bytes), length (1), bytes }
 *
 * With flag 32 the daemon can write to it for good, and patches come at any time.  The length's
 * top bit ends those of one turn: then the table is opened, and later a question asked, which the
 * next byte says.  A question may have the patches of the next turn made while it is answered.
 *
 * Whatever is in there, what is answered must be in a slot with the value's whole digest, and
 * nothing is read beside the mapping: what lies around it cannot be read. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "daemon/table/token_table.h"
#include "plugin/lib/table_view.h"
#include "proto/scopes.h"
#include "proto/token.h"
#include "tests/fuzz/clock.h"
#include "tests/fuzz/place.h"

enum { TOKENS = 12, ASKED = TOKENS + 2, ARENA = 512, MORE = 4096 };

#define NOW INT64_C(1800000000)
#define UPTIME INT64_C(1000000000000)
#define LEASE_MAX INT64_C(6000000000)

enum { IMAGE = TABLE_HEADER_SIZE + (sizeof(struct table_slot) << TABLE_BITS_MIN) + ARENA };

enum { SEALED_BADLY = 1, SHRINKS = 2, FINAL = 4, CUT = 8, LIES = 16, LASTING = 32 };
enum { TURN_ENDS = 0x80, MEANWHILE = 0x80, TURNS_MAX = 64 };

static _Alignas(64) char good_image[IMAGE], room[IMAGE + MORE], before[IMAGE + MORE];
static size_t size;
static char *image;                /* as the daemon has it: the room, or the file's memory */
static const char *seen;           /* as the client saw it */
static struct table_header opened; /* where its parts are, whatever is said later */
static uint8_t digests[ASKED][DIGEST_SIZE];
static unsigned passes;

static struct feed feed;
static bool turn_waits; /* for the client to look at the lease */

static void value_numbered(unsigned number, char value[40])
{
    snprintf(value, 40, "fuzzed-value-%020u", number);
}

/* Every kind of token there is; the values from TOKENS on are in no table. */
static void add(struct token_table *p, unsigned number)
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
    MUST(token_table_reserve(p, 1, r.subject_len + r.scopes_len) == 0);
    token_table_put(p, &r);
}

/* A table as the token_table makes it, with a shorter arena. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct table_header *h = (struct table_header *)room;
    uint64_t total, generation;
    char value[40];

    (void)argc;
    (void)argv;
    MUST(sodium_init() >= 0);
    struct token_table *p = token_table_new("jtn", 0);
    MUST(p != NULL);
    for (unsigned i = 0; i < TOKENS; i++)
        add(p, i);
    for (unsigned i = 0; i < ASKED; i++) {
        value_numbered(i, value);
        token_digest(slice_of(value), digests[i]);
    }
    int fd = token_table_descriptor(p, &total, &generation);
    MUST(fd >= 0 && pread(fd, room, IMAGE, 0) == IMAGE);
    MUST(h->slot_bits == TABLE_BITS_MIN);
    h->arena_size = ARENA;
    h->total_size = IMAGE;
    h->lease = UPTIME + INT64_C(5000000000);
    memcpy(good_image, room, IMAGE);
    close(fd);
    token_table_free(p);
    place_clear();
    return 0;
}

/* -- changes ------------------------------------------------------------------------------ */

/* False: this turn is over. */
static bool patch(void)
{
    bool lasting = image != room;
    size_t at = feed_short(&feed), len = feed_byte(&feed);
    struct slice bytes = feed_bytes(&feed, lasting ? len & ~(size_t)TURN_ENDS : len);

    if (at < size && bytes.len > 0)
        memcpy(image + at, bytes.at, bytes.len < size - at ? bytes.len : size - at);
    return !lasting || (len & TURN_ENDS) == 0;
}

static void patch_turn(void)
{
    while (feed.left > 0 && patch())
        ;
}

/* The lease is looked at last: what changes from now on is not in the answer. */
static void lease_looked_at(clockid_t id)
{
    if (id != CLOCK_MONOTONIC_COARSE || !turn_waits)
        return;
    memcpy(before, image, size);
    seen = before;
    turn_waits = false;
    patch_turn();
}

/* -- what an answer needs, by a look at the bytes ----------------------------------------- */

static bool string_at(uint32_t reference, struct slice *string)
{
    size_t at = opened.arena_offset + reference;
    uint16_t len;

    if (at + sizeof(len) > opened.total_size)
        return false;
    memcpy(&len, seen + at, sizeof(len));
    *string = (struct slice){ seen + at + sizeof(len), len };
    return at + sizeof(len) + len <= opened.total_size;
}

static bool image_is_live(void)
{
    const struct table_header *h = (const void *)seen;

    return h->state == TABLE_LIVE && h->lease > UPTIME && h->lease - UPTIME <= LEASE_MAX;
}

static bool is_entry(const struct table_slot *s, const uint8_t digest[DIGEST_SIZE])
{
    return !(s->sequence & 1) && (s->flags & SLOT_PRESENT) &&
           memcmp(s->digest, digest, DIGEST_SIZE) == 0;
}

/* True if this slot is a reason for the answer. */
static bool slot_says(const struct table_slot *s, const struct question *q, enum status status,
                      const struct jeton_claims *c)
{
    struct slice subject, scopes;
    enum status state = s->flags & SLOT_REVOKED  ? STATUS_REVOKED :
                        s->flags & SLOT_DISABLED ? STATUS_DISABLED :
                        s->expires <= NOW        ? STATUS_EXPIRED :
                        s->activates > NOW       ? STATUS_PENDING :
                                                   STATUS_OK;

    if (!string_at(s->subject, &subject) || !string_at(s->scopes, &scopes))
        return false;
    if (state != STATUS_OK)
        return status == state && (state != STATUS_PENDING || c->retry_after == s->activates - NOW);
    if (q->subject.at != NULL && (q->subject.len == 0 || !slice_equal(subject, q->subject)))
        return status == STATUS_SUBJECT;
    if (!scopes_include(scopes, q->scopes))
        return status == STATUS_SCOPE;
    return status == STATUS_OK && c->expires == s->expires && slice_is(subject, c->subject) &&
           slice_is(scopes, c->scopes);
}

/* True if the slot that the answer names is one of that value's, and a reason for it. */
static bool image_says(unsigned number, const struct table_view_asked *a)
{
    const struct table_slot *slots = (const void *)(seen + TABLE_HEADER_SIZE);
    const struct verdict *v = &a->verdict;

    return v->slot >> opened.slot_bits == 0 && is_entry(&slots[v->slot], digests[number]) &&
           slot_says(&slots[v->slot], &a->question, v->status, a->claims);
}

/* -- query ------------------------------------------------------------------------------- */

static bool ends_within(const char *text, size_t most)
{
    return memchr(text, '\0', most) != NULL;
}

static void check_claims(const struct jeton_claims *c, bool good, const struct verdict *v)
{
    MUST(ends_within(c->id, sizeof(c->id)) && ends_within(c->verifier, sizeof(c->verifier)));
    MUST(ends_within(c->subject, sizeof(c->subject)) && ends_within(c->scopes, sizeof(c->scopes)));
    MUST(c->source == (good ? JETON_TABLE : JETON_NOBODY));
    MUST(good || (c->id[0] == '\0' && c->subject[0] == '\0' && c->scopes[0] == '\0'));
    MUST((good && v->status == STATUS_OK) == (c->verifier[0] != '\0'));
    MUST((good && v->found) == (c->id[0] != '\0'));
}

static void check_answer(const struct table_view *view, unsigned number,
                         const struct table_view_asked *a, int64_t now)
{
    const struct verdict *v = &a->verdict;

    check_claims(a->claims, a->good, v);
    if (!a->good)
        return;
    MUST(now == NOW && image_is_live());
    MUST(v->status == STATUS_OK || view->terms.final);
    if (v->found)
        MUST(image_says(number, a));
    else
        MUST(v->status == STATUS_UNKNOWN || v->status == STATUS_MALFORMED);
    passes += v->status == STATUS_OK;
}

enum kind { PLAIN, WITH_SCOPE, WITH_SUBJECT, ALL, KINDS };

static struct question question(unsigned number, enum kind kind, char value[40])
{
    struct question q = { .scopes = { NULL, 0 } };

    value_numbered(number, value);
    q.value = slice_of(value);
    if (kind == WITH_SCOPE)
        q.scopes = slice_of("write");
    if (kind == WITH_SUBJECT)
        q.subject = slice_of(number % 2 == 0 ? "alice" : "");
    return q;
}

static struct table_view_gate gate;
static struct table_view_uses uses;

static void ask(struct table_view *view, unsigned number, enum kind kind)
{
    struct table_views views = { .current = view };
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    char value[40];
    struct table_view_asked a = { .question = question(number, kind, value), .claims = &claims };
    int64_t now;

    seen = image;
    a.good = table_view_ask(&views, &gate, &uses, &a.question, &a.verdict, &now, &claims);
    check_answer(view, number, &a, now);
}

static void ask_together(struct table_view *view)
{
    static struct jeton_claims claims[ASKED];
    struct table_views views = { .current = view };
    struct table_view_asked asked[ASKED];
    char value[ASKED][40];
    int64_t now;

    for (unsigned i = 0; i < ASKED; i++) {
        claims[i] = (struct jeton_claims)JETON_CLAIMS_INIT;
        asked[i] = (struct table_view_asked){ .question = question(i, i % ALL, value[i]),
                                              .claims = &claims[i] };
    }
    seen = image;
    table_view_ask_all(&views, &gate, &uses, asked, ASKED, &now);
    for (unsigned i = 0; i < ASKED; i++)
        check_answer(view, i, &asked[i], now);
}

static void ask_everything(struct table_view *view)
{
    struct table_views views = { .current = view };

    for (unsigned i = 0; i < ASKED; i++)
        for (enum kind kind = PLAIN; kind < ALL; kind++)
            ask(view, i, kind);
    ask_together(view);
    MUST(table_view_usable(&views, &gate) == image_is_live());
}

/* Turn by turn, as long as the input says something. */
static void ask_between(struct table_view *view)
{
    for (int turn = 0; turn < TURNS_MAX && feed.left > 0; turn++) {
        unsigned what = feed_byte(&feed);
        enum kind kind = what >> 4 & 3;
        turn_waits = (what & MEANWHILE) != 0;
        if (kind == ALL)
            ask_together(view);
        else
            ask(view, what % 16 % ASKED, kind);
        if (turn_waits || !(what & MEANWHILE))
            patch_turn();
        turn_waits = false;
    }
}

/* -- making it ---------------------------------------------------------------------------- */

/* What is mapped before it is sealed can be written to after that. */
static int make_file(unsigned flags)
{
    const int wanted = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    int fd = memfd_create("fuzzed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int seals = wanted | (flags & LASTING ? F_SEAL_FUTURE_WRITE : F_SEAL_WRITE);

    MUST(fd >= 0 && pwrite(fd, room, size, 0) == (ssize_t)size);
    if (flags & LASTING)
        image = mmap(NULL, PLACE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    MUST(image != MAP_FAILED);
    if (flags & SEALED_BADLY)
        seals = wanted & ~(flags & SHRINKS ? F_SEAL_SHRINK : F_SEAL_SEAL);
    MUST(fcntl(fd, F_ADD_SEALS, seals) == 0);
    return fd;
}

static void try_table(unsigned flags)
{
    struct table_view_terms terms = { .final = (flags & FINAL) != 0 };
    struct table_view *view;

    if (!(flags & LASTING))
        patch_turn();
    int fd = make_file(flags);
    if (flags & LASTING)
        patch_turn();
    const char *fault = table_view_open(fd, size + (flags & LIES ? 1 : 0), &terms, &view);
    MUST((fault == NULL) == (view != NULL));
    MUST(fault != NULL || !(flags & (SEALED_BADLY | LIES)));
    if (view != NULL) {
        memcpy(&opened, image, sizeof(opened));
        ask_between(view);
        ask_everything(view);
        table_view_close(view);
        MUST(place_is_left(size));
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    feed = (struct feed){ input, len };
    unsigned flags = feed_byte(&feed), cut = flags & CUT ? feed_short(&feed) : 0;

    fuzz_clock.wall = NOW;
    fuzz_clock.uptime = UPTIME / 1000000000;
    fuzz_clock.looked_at = lease_looked_at;
    fuzz_clock.ours = true;
    memset(room, 0, sizeof(room));
    memcpy(room, good_image, IMAGE);
    image = room;
    size = flags & CUT ? sizeof(room) - (cut < sizeof(room) ? cut : sizeof(room)) : IMAGE;
    passes = 0;
    try_table(flags);
    MUST(len > 1 || (passes > 0) == !(flags & (SEALED_BADLY | CUT | LIES)));
    if (image != room)
        munmap(image, PLACE_SIZE);
    place_clear();
    fuzz_clock.ours = false;
    return 0;
}
