/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bare.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "proto/token.h"
#include "tests/bench/dense.h"
#include "tests/bench/values.h"

enum { ROOM = 16 * 1024, TOGETHER = 64, TAIL_MAX = 64, VERB = sizeof("verify ") - 1 };

/* A cache line, as a slot of jetond's table is. */
struct slot {
    _Alignas(64) uint8_t digest[DIGEST_SIZE];
    uint16_t len;
    uint16_t claims; /* which of the few that there are */
};

static struct slot *slots;
static unsigned slot_bits;
static char claims[1000 * 3][TAIL_MAX];
static uint16_t claims_len[1000 * 3];

static struct slot *home(const uint8_t *digest)
{
    uint32_t leading = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
                       (uint32_t)digest[2] << 8 | digest[3];

    return &slots[leading >> (32 - slot_bits)];
}

static struct slot *next(struct slot *slot)
{
    return slot + 1 < slots + (UINT64_C(1) << slot_bits) ? slot + 1 : slots;
}

static void put(uint64_t number)
{
    char value[VALUE_LEN];
    uint8_t digest[DIGEST_SIZE];

    make_value(number, value);
    token_digest((struct slice){ value, VALUE_LEN }, digest);
    struct slot *slot = home(digest);
    while (slot->len > 0)
        slot = next(slot);
    memcpy(slot->digest, digest, DIGEST_SIZE);
    slot->claims = (uint16_t)(number % (1000 * 3));
    slot->len = claims_len[slot->claims];
}

bool bare_fill(uint64_t keys)
{
    for (unsigned i = 0; i < 1000 * 3; i++) {
        struct text t = text_in(claims[i], TAIL_MAX);
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
    make_dense(slots, sizeof(*slots) << slot_bits);
    for (uint64_t number = 0; number < keys; number++)
        put(number);
    return true;
}

static void answer(const uint8_t *digest, struct text *out)
{
    const struct slot *slot = home(digest);

    while (slot->len > 0 && memcmp(slot->digest, digest, DIGEST_SIZE) != 0)
        slot = next((struct slot *)slot);
    if (slot->len == 0) {
        text_adds(out, "NO unknown\n");
        return;
    }
    text_adds(out, "OK id=");
    text_add_hex(out, slot->digest, ID_SIZE);
    text_add(out, claims[slot->claims], slot->len);
}

/* The values of the whole lines; how many bytes those are. */
static size_t read_lines(const char *at, size_t len, struct slice *value, size_t *count)
{
    size_t used = 0;
    const char *lf;

    for (*count = 0; *count < TOGETHER; used = (size_t)(lf - at) + 1) {
        lf = memchr(at + used, '\n', len - used);
        if (lf == NULL || (size_t)(lf - at) - used < VERB)
            break;
        value[(*count)++] = (struct slice){ at + used + VERB, (size_t)(lf - at) - used - VERB };
    }
    return used;
}

bool bare_answer(int fd)
{
    static char in[ROOM], out[ROOM];
    static struct slice value[TOGETHER];
    static uint8_t digest[TOGETHER][DIGEST_SIZE];
    static uint8_t *to[TOGETHER];
    struct text reply = text_in(out, sizeof(out));
    size_t count, used = 0;
    ssize_t len = recv(fd, in, sizeof(in), 0);

    if (len <= 0)
        return false;
    do {
        used += read_lines(in + used, (size_t)len - used, value, &count);
        for (size_t i = 0; i < count; i++)
            to[i] = digest[i];
        token_digests(value, count, to);
        for (size_t i = 0; i < count; i++)
            __builtin_prefetch(home(digest[i]));
        for (size_t i = 0; i < count; i++)
            answer(digest[i], &reply);
    } while (count == TOGETHER);
    return used == (size_t)len && send(fd, out, reply.len, MSG_NOSIGNAL) == (ssize_t)reply.len;
}
