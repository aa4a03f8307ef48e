/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/minimal_verifier.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "proto/token.h"
#include "tests/bench/huge_pages.h"
#include "tests/bench/values.h"

enum { BUFFER_SIZE = 16 * 1024, BATCH_MAX = 64, CLAIMS_MAX = 64, VERB = sizeof("verify ") - 1 };

/* A cache line, like a slot of jetond's table. */
struct slot {
    _Alignas(64) uint8_t digest[DIGEST_SIZE];
    uint16_t len;
    uint16_t claims; /* index into `claims` below */
};

static struct slot *slots;
static unsigned slot_bits;
static char claims[1000 * 3][CLAIMS_MAX];
static uint16_t claims_len[1000 * 3];

static struct slot *home_slot(const uint8_t *digest)
{
    uint32_t leading = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
                       (uint32_t)digest[2] << 8 | digest[3];

    return &slots[leading >> (32 - slot_bits)];
}

static struct slot *next_slot(struct slot *slot)
{
    return slot + 1 < slots + (UINT64_C(1) << slot_bits) ? slot + 1 : slots;
}

static void insert(uint64_t number)
{
    char value[VALUE_LEN];
    uint8_t digest[DIGEST_SIZE];

    make_value(number, value);
    token_digest((struct slice){ value, VALUE_LEN }, digest);
    struct slot *slot = home_slot(digest);
    while (slot->len > 0)
        slot = next_slot(slot);
    memcpy(slot->digest, digest, DIGEST_SIZE);
    slot->claims = (uint16_t)(number % (1000 * 3));
    slot->len = claims_len[slot->claims];
}

bool minimal_verifier_init(uint64_t keys)
{
    for (unsigned i = 0; i < 1000 * 3; i++) {
        struct text t = text_in(claims[i], CLAIMS_MAX);
        text_addf(&t, " subject=" CLAIM_SUBJECT " scopes=%s verifier=local\n", i % 1000,
                  CLAIM_SCOPES(i));
        claims_len[i] = (uint16_t)t.len;
    }
    for (slot_bits = 6; UINT64_C(1) << slot_bits < 2 * keys;)
        slot_bits++;
    slots = pages_map(sizeof(*slots) << slot_bits, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (slots == MAP_FAILED)
        return false;
    collapse_huge_pages(slots, sizeof(*slots) << slot_bits);
    for (uint64_t number = 0; number < keys; number++)
        insert(number);
    return true;
}

static void answer(const uint8_t *digest, struct text *out)
{
    const struct slot *slot = home_slot(digest);

    while (slot->len > 0 && memcmp(slot->digest, digest, DIGEST_SIZE) != 0)
        slot = next_slot((struct slot *)slot);
    if (slot->len == 0) {
        text_adds(out, "NO unknown\n");
        return;
    }
    text_adds(out, "OK id=");
    text_add_hex(out, slot->digest, ID_SIZE);
    text_add(out, claims[slot->claims], slot->len);
}

/* Find the values in the whole lines; return how many bytes those have. */
static size_t read_lines(const char *at, size_t len, struct slice *value, size_t *count)
{
    size_t used = 0;
    const char *lf;

    for (*count = 0; *count < BATCH_MAX; used = (size_t)(lf - at) + 1) {
        lf = memchr(at + used, '\n', len - used);
        if (lf == NULL || (size_t)(lf - at) - used < VERB)
            break;
        value[(*count)++] = (struct slice){ at + used + VERB, (size_t)(lf - at) - used - VERB };
    }
    return used;
}

bool minimal_verifier_answer(int fd)
{
    static char in[BUFFER_SIZE], out[BUFFER_SIZE];
    static struct slice value[BATCH_MAX];
    static uint8_t digest[BATCH_MAX][DIGEST_SIZE];
    static uint8_t *digests[BATCH_MAX];
    struct text reply = text_in(out, sizeof(out));
    size_t count, used = 0;
    ssize_t len = recv(fd, in, sizeof(in), 0);

    if (len <= 0)
        return false;
    do {
        used += read_lines(in + used, (size_t)len - used, value, &count);
        for (size_t i = 0; i < count; i++)
            digests[i] = digest[i];
        token_digests(value, count, digests);
        for (size_t i = 0; i < count; i++)
            __builtin_prefetch(home_slot(digest[i]));
        for (size_t i = 0; i < count; i++)
            answer(digest[i], &reply);
    } while (count == BATCH_MAX);
    return used == (size_t)len && send(fd, out, reply.len, MSG_NOSIGNAL) == (ssize_t)reply.len;
}
