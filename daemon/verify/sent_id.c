/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/sent_id.h"

#include "proto/token.h"

void sent_id_put(struct text *t, struct slice value, const uint8_t digest[DIGEST_SIZE])
{
    uint8_t own[DIGEST_SIZE];

    token_digest(value, own);
    if (memcmp(own, digest, DIGEST_SIZE) == 0)
        return;
    text_adds(t, " sent=");
    text_add_hex(t, own, ID_SIZE);
}
