/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a fleet's cache that follow from a number and a version, and what is known of a cache. */
#ifndef JETON_TEST_FLEET_TOKENS_H
#define JETON_TEST_FLEET_TOKENS_H

#include <sodium.h>

#include "daemon/fleet/fleet_cache.h"
#include "tests/unit/support/directory.h"

static struct problem problem; /* of the last call */

/* Digests are spread as hashes are. */
static void fleet_digest(uint64_t number, uint8_t digest[DIGEST_SIZE])
{
    crypto_generichash(digest, DIGEST_SIZE, (const uint8_t *)&number, sizeof(number), NULL, 0);
}

static inline void fleet_token(struct fleet_entry *e, uint64_t number, unsigned version)
{
    char text[64];
    struct text t = text_in(text, sizeof(text));

    record_clear(&e->record);
    e->deleted = e->enables = false;
    fleet_digest(number, e->record.digest);
    e->record.created = 1700000000 + (int64_t)number;
    e->record.expires = number % 3 == 0 ? TIME_NEVER : 4000000000 + (int64_t)version;
    e->record.by = 1000;
    text_addf(&t, "user%llu.%u", (unsigned long long)number, version);
    record_set_subject(&e->record, text_slice(&t));
    record_set_scopes(&e->record, slice_of("read,write"));
    record_set_group(&e->record, slice_of("web"));
    record_set_origin(&e->record, slice_of("host-1.example"));
}

/* Return the version that an entry was made with; -1: it is not this token. */
static inline int fleet_version(const struct fleet_entry *e, uint64_t number)
{
    char subject[64] = "";
    unsigned long long found = 0;
    unsigned version = 0;
    uint8_t digest[DIGEST_SIZE];

    fleet_digest(number, digest);
    memcpy(subject, record_subject(&e->record).at,
           record_subject(&e->record).len % sizeof(subject));
    if (memcmp(digest, e->record.digest, DIGEST_SIZE) != 0 ||
        sscanf(subject, "user%llu.%u", &found, &version) != 2 || found != number)
        return -1;
    return (int)version;
}

static inline struct fleet_place fleet_place_of(uint64_t serial)
{
    struct fleet_place place = { .serial = serial };

    fleet_digest(serial, (uint8_t[DIGEST_SIZE]){ 0 });
    memcpy(place.nonce, &serial, sizeof(serial));
    place.nonce[15] = 1;
    return place;
}

#endif
