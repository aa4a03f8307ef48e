/* SPDX-License-Identifier: Apache-2.0 */
/* Verify with a table from a hostile daemon: a valid one, then changed, in a memfd with or without
 * seals.
 *
 *     input = flags (which table, which seals, which size), then patches { offset (2 bytes), length (1), bytes }
 *
 * With WRITABLE the daemon keeps write access, and patches come at any time.  The top bit of a
 * length ends a group of patches: after the first group the table is opened, after each of the
 * others a value is verified, as the next byte says.  The next group may also be applied during a
 * verification.
 *
 * Whatever the table holds, an answer must follow from a slot with the whole digest of the value,
 * and nothing outside of the mapping is read: the pages around it are inaccessible. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "plugin/lib/table_view.h"
#include "proto/scopes.h"
#include "proto/token.h"
#include "tests/fuzz/fake_clock.h"
#include "tests/fuzz/guarded_mapping.h"
#include "tests/fuzz/table_images.h"

#define LEASE_MAX INT64_C(5500000000)

enum { SEALED_BADLY = 1, SHRINKS = 2, FINAL = 4, TRUNCATED = 8, WRONG_SIZE = 16, WRITABLE = 32 };
enum { ANY_SIZE = 64, FLEET = 128 };
enum { TURN_ENDS = 0x80, DURING = 0x80, TURNS_MAX = 64 };

static _Alignas(64) char buffer[IMAGE_MAX + MORE], before[IMAGE_MAX + MORE];
static size_t size;
static char *image;                /* the daemon's: the buffer, or the memory of the file */
static const char *snapshot;       /* what the client has read */
static struct table_header opened; /* the header when it was opened */
static uint8_t digests[QUESTIONS][DIGEST_SIZE];
static unsigned passes;
static struct fuzz_input in;
static bool lease_failed;  /* the client has read a lease that was wrong */
static bool patch_pending; /* until the client has read the lease */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char value[40];

    (void)argc, (void)argv;
    MUST(sodium_init() >= 0);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        value_numbered(i, value);
        token_digest(slice_of(value), digests[i]);
    }
    make_good_image(0, POWER, false);
    make_good_image(1, ODD, false);
    make_good_image(2, ODD, true);
    guarded_reset();
    return 0;
}

/* -- patches ------------------------------------------------------------------------------ */

/* Apply one patch; false: it was the last one of its group. */
static bool patch(void)
{
    bool writable = image != buffer;
    size_t at = consume_u16(&in), len = consume_byte(&in);
    struct slice bytes = consume_bytes(&in, writable ? len & ~(size_t)TURN_ENDS : len);

    if (at < size && bytes.len > 0)
        memcpy(image + at, bytes.at, bytes.len < size - at ? bytes.len : size - at);
    return !writable || (len & TURN_ENDS) == 0;
}

static void patch_turn(void)
{
    while (in.left > 0 && patch())
        ;
}

static bool has_lease(const struct table_header *h)
{
    return h->lease > UPTIME && h->lease - UPTIME <= LEASE_MAX;
}

/* Apply patches after the client has read the lease, which it does last. */
static void on_lease_read(clockid_t id)
{
    if (id != CLOCK_MONOTONIC_COARSE)
        return;
    lease_failed = lease_failed || !has_lease((const void *)image);
    if (!patch_pending)
        return;
    memcpy(before, image, size);
    snapshot = before;
    patch_pending = false;
    patch_turn();
}

/* -- what justifies an answer, by the bytes of the table -------------------------------- */

static bool string_at(uint32_t reference, struct slice *string)
{
    size_t at = opened.arena_offset + reference;
    uint16_t len;

    if (at + sizeof(len) > opened.total_size)
        return false;
    memcpy(&len, snapshot + at, sizeof(len));
    *string = (struct slice){ snapshot + at + sizeof(len), len };
    return at + sizeof(len) + len <= opened.total_size;
}

static bool image_is_live(void)
{
    const struct table_header *h = (const void *)snapshot;

    return h->state == TABLE_LIVE && has_lease(h);
}

/* The time by which the client judges: the table's while the clock is behind it. */
static int64_t judged_by(void)
{
    const struct table_header *h = (const void *)snapshot;

    return h->not_before > NOW ? h->not_before : NOW;
}

static bool is_entry(const struct table_slot *s, const uint8_t digest[DIGEST_SIZE])
{
    return !(s->sequence & 1) && (s->flags & SLOT_PRESENT) &&
           memcmp(s->digest, digest, DIGEST_SIZE) == 0;
}

/* True if this slot justifies the answer. */
static bool slot_justifies(const struct table_slot *s, const struct question *q, enum status status,
                           const struct jeton_claims *c)
{
    const int64_t now = judged_by();
    struct slice subject, scopes;
    enum status state = s->flags & SLOT_REVOKED  ? STATUS_REVOKED :
                        s->flags & SLOT_DISABLED ? STATUS_DISABLED :
                        s->expires <= now        ? STATUS_EXPIRED :
                        s->activates > now       ? STATUS_PENDING :
                                                   STATUS_OK;

    if (!string_at(s->subject, &subject) || !string_at(s->scopes, &scopes))
        return false;
    if (state != STATUS_OK)
        return status == state && (state != STATUS_PENDING || c->retry_after == s->activates - now);
    if (q->subject.at != NULL && (q->subject.len == 0 || !slice_equal(subject, q->subject)))
        return status == STATUS_SUBJECT;
    if (!scopes_include(scopes, q->scopes))
        return status == STATUS_SCOPE;
    return status == STATUS_OK && c->expires == s->expires && slice_is(subject, c->subject) &&
           slice_is(scopes, c->scopes);
}

/* True if the fleet's lease lets the client answer by this slot; NULL: that there is none. */
static bool lease_justifies(const struct table_slot *s)
{
    const struct table_deadlines *d = &((const struct table_header *)snapshot)->monotonic;
    const int64_t deadline = s == NULL ? d->until : d->keep, late = INT64_C(500000000);
    const int64_t most = s == NULL ? TABLE_FLEET_UNTIL_MAX : TABLE_FLEET_KEEP_MAX;

    if (opened.layout < TABLE_LAYOUT_FLEET ||
        (s != NULL && (s->flags & (SLOT_FLEET | SLOT_REVOKED | SLOT_DISABLED)) != SLOT_FLEET))
        return true;
    return deadline > UPTIME && deadline - UPTIME <= most + late;
}

/* True if the slot that the answer names belongs to the value and justifies the answer. */
static bool image_justifies(unsigned number, const struct table_view_batch_item *a)
{
    const struct table_slot *slots = (const void *)(snapshot + TABLE_HEADER_SIZE);
    const struct verdict *v = &a->verdict;

    return v->slot < table_slot_count(opened.layout, opened.slots) &&
           is_entry(&slots[v->slot], digests[number]) && lease_justifies(&slots[v->slot]) &&
           slot_justifies(&slots[v->slot], &a->question, v->status, a->claims);
}

/* -- verifying --------------------------------------------------------------------------- */

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
                         const struct table_view_batch_item *a, int64_t now)
{
    const struct verdict *v = &a->verdict;

    check_claims(a->claims, a->answered, v);
    if (!a->answered)
        return;
    MUST(now == judged_by() && image_is_live());
    MUST(v->status == STATUS_OK || view->conditions.final);
    if (v->found)
        MUST(image_justifies(number, a));
    else
        MUST((v->status == STATUS_UNKNOWN && lease_justifies(NULL)) ||
             v->status == STATUS_MALFORMED);
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

static struct table_view_readers readers;
static struct recent_uses recent_uses;

static void verify_one(struct table_view *view, unsigned number, enum kind kind)
{
    struct table_views views = { .current = view };
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    char value[40];
    struct table_view_batch_item a = { .question = question(number, kind, value),
                                       .claims = &claims };
    int64_t now;

    snapshot = image;
    a.answered = table_view_lookup(&views, &readers, &recent_uses, &a.question, &a.verdict, &now,
                                   &claims);
    check_answer(view, number, &a, now);
}

static void verify_all(struct table_view *view)
{
    static struct jeton_claims claims[QUESTIONS];
    struct table_views views = { .current = view };
    struct table_view_batch_item questions[QUESTIONS];
    char value[QUESTIONS][40];
    int64_t now;

    for (unsigned i = 0; i < QUESTIONS; i++) {
        claims[i] = (struct jeton_claims)JETON_CLAIMS_INIT;
        questions[i] = (struct table_view_batch_item){ .question = question(i, i % ALL, value[i]),
                                                       .claims = &claims[i] };
    }
    snapshot = image;
    table_view_lookup_batch(&views, &readers, &recent_uses, questions, QUESTIONS, &now);
    for (unsigned i = 0; i < QUESTIONS; i++)
        check_answer(view, i, &questions[i], now);
}

static void verify_every_question(struct table_view *view)
{
    struct table_views views = { .current = view };

    for (unsigned i = 0; i < QUESTIONS; i++)
        for (enum kind kind = PLAIN; kind < ALL; kind++)
            verify_one(view, i, kind);
    verify_all(view);
    bool usable = table_view_usable(&views, &readers);
    MUST(usable == (image_is_live() && !lease_failed));
}

/* Verify a value and apply a group of patches, in turn, up to the end of the input. */
static void verify_between_changes(struct table_view *view)
{
    for (int turn = 0; turn < TURNS_MAX && in.left > 0; turn++) {
        unsigned op = consume_byte(&in);
        enum kind kind = op >> 4 & 3;
        patch_pending = (op & DURING) != 0;
        if (kind == ALL)
            verify_all(view);
        else
            verify_one(view, op % 16 % QUESTIONS, kind);
        if (patch_pending || !(op & DURING))
            patch_turn();
        patch_pending = false;
    }
}

/* -- making the file ---------------------------------------------------------------------- */

/* Make the file.  A mapping made before the seals can be written to after them. */
static int make_file(unsigned flags)
{
    const int wanted = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    int fd = memfd_create("fuzzed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int seals = wanted | (flags & WRITABLE ? F_SEAL_FUTURE_WRITE : F_SEAL_WRITE);

    MUST(fd >= 0 && pwrite(fd, buffer, size, 0) == (ssize_t)size);
    if (flags & WRITABLE)
        image = mmap(NULL, GUARDED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    MUST(image != MAP_FAILED);
    if (flags & SEALED_BADLY)
        seals = wanted & ~(flags & SHRINKS ? F_SEAL_SHRINK : F_SEAL_SEAL);
    MUST(fcntl(fd, F_ADD_SEALS, seals) == 0);
    return fd;
}

static void try_table(unsigned flags)
{
    struct table_view_conditions terms = { .final = (flags & FINAL) != 0 };
    struct table_view *view;

    if (!(flags & WRITABLE))
        patch_turn();
    int fd = make_file(flags);
    if (flags & WRITABLE)
        patch_turn();
    const char *fault = table_view_open(fd, size + (flags & WRONG_SIZE ? 1 : 0), &terms, &view);
    MUST((fault == NULL) == (view != NULL));
    MUST(fault != NULL || !(flags & (SEALED_BADLY | WRONG_SIZE)));
    if (view != NULL) {
        memcpy(&opened, image, sizeof(opened));
        verify_between_changes(view);
        verify_every_question(view);
        table_view_close(view);
        MUST(guarded_is_unmapped(size));
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    in = (struct fuzz_input){ input, len };
    unsigned flags = consume_byte(&in), cut = flags & TRUNCATED ? consume_u16(&in) : 0;

    fuzz_clock.wall = NOW;
    fuzz_clock.uptime = UPTIME / 1000000000;
    fuzz_clock.on_read = on_lease_read;
    fuzz_clock.frozen = true;
    const unsigned which = flags & FLEET ? 2 : (flags & ANY_SIZE) != 0;
    const size_t whole = good_image[which].size;
    memset(buffer, 0, sizeof(buffer));
    memcpy(buffer, good_image[which].bytes, whole);
    image = buffer;
    size = flags & TRUNCATED ? sizeof(buffer) - (cut < sizeof(buffer) ? cut : sizeof(buffer)) :
                               whole;
    passes = 0;
    lease_failed = false;
    try_table(flags);
    MUST(len > 1 || (passes > 0) == !(flags & (SEALED_BADLY | TRUNCATED | WRONG_SIZE)));
    if (image != buffer)
        munmap(image, GUARDED_SIZE);
    guarded_reset();
    fuzz_clock.frozen = false;
    return 0;
}
