/* SPDX-License-Identifier: Apache-2.0 */
/* What the fleet's agent asks the writer's thread for; it travels with a scan.  The session makes it, and the
 * thread that frees the scan frees it. */
#ifndef JETON_DAEMON_WRITER_FLEET_REQUEST_H
#define JETON_DAEMON_WRITER_FLEET_REQUEST_H

#include "daemon/writer/fleet_delivery.h"

/* Words of `fleet` that the writer's thread answers (fleet_run.c has a row for each). */
enum fleet_word {
    FLEET_WORD_PLACES,
    FLEET_WORD_REWIND,
    FLEET_WORD_END,
    FLEET_WORD_TAKE,
    FLEET_WORD_DONE,
    FLEET_WORD_FAILED,
    FLEET_WORD_TOUCHED,
    FLEET_WORDS
};

enum { FLEET_CODE_MAX = 32, FLEET_MESSAGE_MAX = 200 };

struct fleet_request {
    enum fleet_word word;
    struct fleet_place place; /* place= */
    uint64_t serial;          /* after= of places; 0: none */
    uint32_t slot,
        slots; /* after= of touched: the slot where it goes on, of so many; 0: at the beginning */
    uint64_t limit;                  /* UINT64_MAX: none */
    bool more;                       /* of end: more parts of the snapshot follow */
    struct fleet_delivery *delivery; /* of end; NULL: none */
    bool has_id;                     /* after= of touched: */
    uint64_t until;   /* of take: clock_monotonic(), how long it waits; UINT64_MAX: for good */
    uint64_t request; /* of done and failed; so with the next three: */
    bool has_seen;
    uint64_t seen, hosts;
    uint8_t code_len;
    uint8_t message_len;
    char code[FLEET_CODE_MAX];
    char message[FLEET_MESSAGE_MAX];

    /* how far it is */
    bool begun;
    uint64_t count; /* lines sent */
};

/* All zeros but word and limit; NULL: no memory. */
struct fleet_request *fleet_request_new(enum fleet_word word);

/* Free it and its batch; NULL is allowed. */
void fleet_request_free(struct fleet_request *r);

#endif
